"""Does a change of limits ask for less? Each key of the policy has a direction.

A request may tighten what the policy asks, always; asking for less needs an approver and a reason.
The direction is the one in which the verdict moves: ``loosened(a, b) == ()`` means that ``b`` never
passes what ``a`` refuses. Where two values cannot be compared, the change counts as loosening.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from governance.policy.promotion.limits import MetricMinimum, NotWorse, PromotionLimits

# (before, after) -> is less asked?
_Direction = Callable[[Any, Any], bool]


def _at_least(before: float | None, after: float | None) -> bool:
    """A minimum that falls or goes."""
    return before is not None and (after is None or not after >= before)


def _at_most(before: float | None, after: float | None) -> bool:
    """A maximum that rises or goes."""
    return before is not None and (after is None or not after <= before)


def _required(before: bool, after: bool) -> bool:
    return before and not after


def _allowed(before: bool | None, after: bool | None) -> bool:
    """A permission that is given; ``None`` asks nothing, as ``True`` does."""
    return before is False and after is not False


def _names(before: Iterable[Any], after: Iterable[Any]) -> bool:
    return not set(before) <= set(after)


def _people(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """More people who may; an empty list is everybody."""
    return bool(before) and (not after or not set(after) <= set(before))


_SEVERITIES = ("normal", "moderate", "severe")


def _severity(before: str | None, after: str | None) -> bool:
    rank = [None if one is None else _SEVERITIES.index(one) for one in (before, after)]
    return _at_most(*rank)


def _metrics(before: tuple[MetricMinimum, ...], after: tuple[MetricMinimum, ...]) -> bool:
    """For each metric and split the strongest minimum and maximum count."""
    for one in before:
        same = [a for a in after if (a.metric, a.split) == (one.metric, one.split)]
        lows = [a.min for a in same if a.min is not None]
        highs = [a.max for a in same if a.max is not None]
        if _at_least(one.min, max(lows, default=None)) or _at_most(
            one.max, min(highs, default=None)
        ):
            return True
    return False


def _not_worse(before: tuple[NotWorse, ...], after: tuple[NotWorse, ...]) -> bool:
    for one in before:
        same = [
            a.tolerance
            for a in after
            if (a.metric, a.split, a.lower_is_better)
            == (one.metric, one.split, one.lower_is_better)
        ]
        if _at_most(one.tolerance, min(same, default=None)):
            return True
    return False


DIRECTIONS: Mapping[str, _Direction] = MappingProxyType(
    {
        "min_shadow_sessions": _at_least,
        "min_shadow_days": _at_least,
        "min_trade_count": _at_least,
        "max_turnover_ratio": _at_most,
        "min_live_sharpe": _at_least,
        "max_drawdown_threshold": _at_most,
        "max_drift_psi": _at_most,
        "max_avg_latency_ms": _at_most,
        "max_error_rate": _at_most,
        "require_validation": _required,
        "metrics": _metrics,
        "not_worse": _not_worse,
        "max_drift_severity": _severity,
        "max_drift_age_hours": _at_most,
        "min_soak_hours": _at_least,
        "min_trained_end_delta_ms": _at_least,
        "allow_feature_version_change": _allowed,
        "required_targets": _names,
        "required_horizons": _names,
        "max_mfe_regression_bps": _at_most,
        "max_mae_worsening_bps": _at_most,
        "required_provenance": _names,
        "max_false_promotion": _at_most,
        "required_evidence": _names,
        "require_approval": _required,
        "approvers": _people,
        "creator_may_approve": lambda before, after: _required(after, before),
        "approval_hours": _at_most,
    }
)


def loosened(before: PromotionLimits, after: PromotionLimits) -> tuple[str, ...]:
    """The keys in which ``after`` asks less than ``before``; ``modes.<gate>`` for a mode.

    >>> policy = PromotionLimits(min_live_sharpe=0.5, max_drift_psi=0.25)
    >>> loosened(policy, PromotionLimits(min_live_sharpe=0.4, max_drift_psi=0.2))
    ('min_live_sharpe',)
    """
    keys = [
        key for key, less in DIRECTIONS.items() if less(getattr(before, key), getattr(after, key))
    ]
    for gate in sorted(after.modes):
        if before.mode_of(gate) == "enforce" and after.mode_of(gate) == "observe":
            keys.append(f"modes.{gate}")
    return tuple(keys)
