"""What is asked of a version before it decides: every value that a promotion is judged by.

``None`` (or an empty list) means that the value is not asked for. What is asked by default depends
on the kind of the model (``DEFAULTS``): document 000's criteria for trading models, measured
quality, drift and soak time for the others. ``effective`` lays the policy file, the environment and
a request over them. The field names are those of documents 000, 001 and 004: people write them in
files.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from governance.policy.facts import Mode
from governance.values import Kind

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Amount = Annotated[float, Field(ge=0, le=1e12)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Person = Annotated[str, Field(min_length=1, max_length=200)]

# Gates whose results a policy may merely record. Integrity, load, lifecycle, approval always count.
GateName = Literal[
    "shadow",
    "validation",
    "not_worse",
    "drift",
    "bundle",
    "freshness",
    "feature_version",
    "excursions",
    "provenance",
    "champion_comparison",
    "soak",
    "evidence",
]


class _Values(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# Which way is better, for the metrics that the product computes; a test holds them to that table.
HIGHER_IS_BETTER = frozenset(
    {
        "accuracy",
        "precision",
        "recall",
        "f1",
        "auc",
        "r2",
        "sharpe",
        "hit_rate",
        "total_return",
        "mfe_bps",
    }
)
LOWER_IS_BETTER = frozenset(
    {"log_loss", "brier", "mae", "mse", "rmse", "max_drawdown", "turnover", "mae_bps"}
)


class MetricMinimum(_Values):
    """A metric of one split, at least or at most.

    Attributes:
        metric, split: as they were recorded.
        min, max: smallest and largest allowed value, both included.
    """

    metric: Name
    split: Name
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _can_pass_and_fail(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max, so nothing can pass; exchange them")
        return self


class NotWorse(_Values):
    """The candidate's metric may be worse than the champion's by a tolerance at most.

    Attributes:
        metric: as it was recorded.
        split: by default the first of ``out_of_sample``, ``test``, ``registered`` that both have.
        tolerance: in units of the metric.
        better: which way is better; needed for a metric of your own.
    """

    metric: Name
    split: Name | None = None
    tolerance: Amount = 0.0
    better: Literal["higher", "lower"] | None = None

    @model_validator(mode="after")
    def _has_a_direction(self) -> Self:
        if self.better is None and self.metric not in HIGHER_IS_BETTER | LOWER_IS_BETTER:
            raise ValueError(
                f"which way {self.metric} is better is not known; add better: higher or lower"
            )
        return self

    @property
    def lower_is_better(self) -> bool:
        return (self.better or self._known) == "lower"

    @property
    def _known(self) -> str:
        return "lower" if self.metric in LOWER_IS_BETTER else "higher"


class PromotionLimits(_Values):
    """
    Attributes:
        min_shadow_sessions, min_shadow_days, min_trade_count: of the shadow sessions together.
        max_turnover_ratio, min_live_sharpe, max_drawdown_threshold, max_drift_psi: limits,
            included.
        max_avg_latency_ms, max_error_rate: the same for the operation of the model.
        require_validation: the latest validation decision must have passed.
        metrics: limits on measured metrics.
        not_worse: metrics in which the candidate must not be worse than the champion.
        max_drift_severity: worst allowed verdict of the latest drift report.
        max_drift_age_hours: how old that report may be.
        min_soak_hours: how long the running trial must have lasted.
        min_trained_end_delta_ms: how much later than the champion's the candidate's data must end.
        allow_feature_version_change: whether the feature set may differ from the champion's.
        required_targets, required_horizons: models that a bundle must hold.
        max_mfe_regression_bps, max_mae_worsening_bps: tolerances of a bundle, basis points.
        required_provenance: manifest fields that must hold a hash.
        max_false_promotion: chance of promoting a candidate that is no better than the champion,
            over all looks at all candidates; asks for the paired comparison.
        required_evidence: names of further evidence that must have passed (an A/B test, fairness).
        require_approval: somebody else than the creator must have approved.
        approvers: who may approve; everybody (but the creator) if empty.
        creator_may_approve: lift that rule.
        approval_hours: how long a request may wait.
        modes: gates that are merely recorded (``observe``); all others are enforced.
    """

    min_shadow_sessions: Count | None = None
    min_shadow_days: Count | None = None
    min_trade_count: Count | None = None
    max_turnover_ratio: Amount | None = None
    min_live_sharpe: float | None = Field(
        default=None,
        ge=-100,
        le=100,
        validation_alias=AliasChoices("min_live_sharpe", "min_sharpe"),  # document 001's word
    )
    max_drawdown_threshold: Share | None = Field(
        default=None, validation_alias=AliasChoices("max_drawdown_threshold", "max_drawdown")
    )
    max_drift_psi: Amount | None = None
    max_avg_latency_ms: Amount | None = None
    max_error_rate: Share | None = None
    require_validation: bool = False
    metrics: tuple[MetricMinimum, ...] = ()
    not_worse: tuple[NotWorse, ...] = ()
    max_drift_severity: Literal["normal", "moderate", "severe"] | None = None
    max_drift_age_hours: Amount = 48.0
    min_soak_hours: Amount | None = None
    min_trained_end_delta_ms: int | None = Field(default=None, ge=-(10**13), le=10**13)
    allow_feature_version_change: bool | None = None
    required_targets: tuple[Name, ...] = ()
    required_horizons: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = ()
    max_mfe_regression_bps: Amount | None = None
    max_mae_worsening_bps: Amount | None = None
    required_provenance: tuple[Name, ...] = ()
    max_false_promotion: Annotated[float, Field(gt=0, lt=1)] | None = None
    required_evidence: tuple[Name, ...] = ()
    require_approval: bool = False
    approvers: tuple[Person, ...] = ()
    creator_may_approve: bool = False
    approval_hours: Annotated[float, Field(gt=0, le=8760)] = 72.0
    modes: dict[GateName, Mode] = Field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """
        >>> limits = PromotionLimits(min_live_sharpe=0.5, modes={"drift": "observe"})
        >>> PromotionLimits.from_json(limits.as_json()) == limits
        True
        """
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls.model_validate(data)

    def mode_of(self, gate: str) -> Mode:
        """``enforce``, or what was said of the gate: the part of its name before the first dot."""
        named = gate.partition(".")[0]
        return next((mode for name, mode in self.modes.items() if name == named), "enforce")


# Document 000's table, the criteria of every trading model and of every model nobody declared.
TRADING: Mapping[str, Any] = MappingProxyType(
    {
        "min_shadow_sessions": 5,
        "min_shadow_days": 3,
        "min_trade_count": 10,
        "max_turnover_ratio": 1.5,
        "min_live_sharpe": 0.5,
        "max_drawdown_threshold": 0.05,
        "max_drift_psi": 0.25,
    }
)
_MEASURED: Mapping[str, Any] = MappingProxyType(
    {
        "require_validation": True,
        "max_drift_psi": 0.25,
        "max_drift_severity": "moderate",
        "min_soak_hours": 24.0,
    }
)
DEFAULTS: Mapping[Kind, Mapping[str, Any]] = MappingProxyType(
    {
        Kind.TRADING: TRADING,
        Kind.CLASSIFIER: MappingProxyType(
            {**_MEASURED, "not_worse": ({"metric": "auc", "tolerance": 0.02},)}
        ),
        Kind.REGRESSOR: MappingProxyType(
            {**_MEASURED, "not_worse": ({"metric": "r2", "tolerance": 0.02},)}
        ),
    }
)


def spellings(section: type[BaseModel], key: str) -> tuple[str, ...]:
    """The other words for what ``key`` means in ``section``.

    >>> spellings(PromotionLimits, "min_sharpe"), spellings(PromotionLimits, "max_drift_psi")
    (('min_live_sharpe',), ())
    """
    for field in section.model_fields.values():
        known = field.validation_alias
        if isinstance(known, AliasChoices) and key in known.choices:
            return tuple(str(word) for word in known.choices if word != key)
    return ()
