"""What the policy file says about drift: when a figure is a finding, and a finding an alarm.

The defaults are those that hold the alarm budget in simulation (`tests/evidence/drift`), no
constants: every number may be set for all models or for one. Neighbours: ``findings`` and
``episodes`` read it, ``governance.config.policy_file`` takes it from YAML.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class DriftLimits(BaseModel):
    """
    Attributes:
        alarms_per_month: the alarm budget: false alarms that a model may raise in a month.
        flagged_q: a feature is flagged from this q-value down, if its effect is large enough.
        flagged_effect: smallest effect (KS distance; total variation for categories) of a flag.
        days_running: closes of a day at which the same feature must be flagged to raise an alarm.
        urgent_q: q-value from which a feature is severe and may raise an alarm at any hour.
        urgent_effect: smallest effect of a severe feature.
        urgent_features: severe features at one look that raise an alarm at once.
        breadth_p: p-value, over ``days_running`` closes together, from which many small changes at
            once raise an alarm.
        breadth_features: features that must take part in them.
        calm_days: closes of a day without a flag after which an incident is closed.
        min_rows: fewest rows of the current window that are judged.
        min_block_days: fewest reference days, of all classes together, that say what is normal (a
            class needs three).
        lookback_days: how far back the rolling reference may reach past quarantined days.
        importance_floor: share of the model's importance below which a feature is never severe.
        missing_rise, missing_rise_severe: rise of the missing share that is a finding, and severe.
        new_share, new_share_severe: share of rows in categories never seen before that is a
            finding, and severe.
        infinite_share: share of infinite values from which they are a finding.
        stray_share: share of rows outside their hour, or without a time, beyond which a look says
            nothing.
        fewest_rows_share: rows of a window, as a share of a usual day's, below which it says
            nothing.
        missed_looks: looks in a row that see next to nothing, or hours lost in one window, that
            raise an alarm.
        retrain_every_days: fewest days between two retrain requests of a model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    alarms_per_month: float = Field(default=1.0, gt=0, le=100)
    flagged_q: Probability = 0.05
    flagged_effect: Share = 0.1
    days_running: int = Field(default=2, ge=1, le=14)
    urgent_q: Probability = 1e-4
    urgent_effect: Share = 0.2
    urgent_features: int = Field(default=2, ge=1, le=1000)
    breadth_p: Probability = 0.02
    breadth_features: int = Field(default=2, ge=1, le=1000)
    calm_days: int = Field(default=2, ge=1, le=30)
    min_rows: int = Field(default=30, ge=2)
    min_block_days: int = Field(default=5, ge=3, le=365)
    lookback_days: int = Field(default=90, ge=7, le=730)
    importance_floor: Share = 0.01
    missing_rise: Share = 0.05
    missing_rise_severe: Share = 0.2
    new_share: Share = 0.02
    new_share_severe: Share = 0.2
    infinite_share: Share = 0.0
    stray_share: Share = 0.05
    fewest_rows_share: Share = 0.25
    missed_looks: int = Field(default=6, ge=1, le=1000)
    retrain_every_days: float = Field(default=7.0, gt=0, le=365)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for mild, hard in (
            ("urgent_q", "flagged_q"),
            ("flagged_effect", "urgent_effect"),
            ("missing_rise", "missing_rise_severe"),
            ("new_share", "new_share_severe"),
        ):
            if getattr(self, mild) > getattr(self, hard):
                raise ValueError(f"{mild} is above {hard}; exchange them")
        return self

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def changed_by(self, other: DriftLimits) -> DriftLimits:
        """These limits with what ``other`` was explicitly given.

        >>> DriftLimits(min_rows=50).changed_by(DriftLimits(calm_days=3)).min_rows
        50
        """
        return DriftLimits(**{**self._given(), **other._given()})

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}
