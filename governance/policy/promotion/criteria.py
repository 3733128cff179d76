"""Document 000's promotion criteria, as a class of their own: the shadow part of the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from governance.errors import InvalidInputError
from governance.policy.promotion.effective import effective_limits
from governance.policy.promotion.limits import PromotionLimits
from governance.values import Kind


@dataclass(frozen=True, slots=True)
class PromotionCriteria:
    """What shadow sessions must show; limits are included.

    Attributes:
        min_shadow_sessions, min_shadow_days, min_trade_count: of the sessions together.
        max_turnover_ratio: trade-weighted mean.
        min_live_sharpe, max_drawdown_threshold: of the pooled returns.
        max_drift_psi: largest of the sessions.

    Raises:
        InvalidInputError: a value that is not finite or out of range.

    >>> PromotionCriteria(min_live_sharpe=0.6).max_turnover_ratio
    1.5
    """

    min_shadow_sessions: int = 5
    min_shadow_days: int = 3
    min_trade_count: int = 10
    max_turnover_ratio: float = 1.5
    min_live_sharpe: float = 0.5
    max_drift_psi: float = 0.25
    max_drawdown_threshold: float = 0.05

    def __post_init__(self) -> None:
        missing = [name for name, value in asdict(self).items() if value is None]
        if missing:
            raise InvalidInputError(f"criteria: {', '.join(missing)} needs a number")
        effective_limits(Kind.TRADING, [("criteria", asdict(self))])

    @classmethod
    def of(cls, given: PromotionCriteria | Mapping[str, Any]) -> Self:
        """Criteria as they are, or from a mapping; what it does not name has its default.

        >>> PromotionCriteria.of({"min_sharpe": 0.7}).min_live_sharpe
        0.7
        """
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise InvalidInputError("criteria are PromotionCriteria or a mapping of their names")
        spelled = {_ALIASES.get(key, key): value for key, value in given.items()}
        known = {field.name for field in fields(cls)}
        unknown = sorted(str(key) for key in spelled if key not in known)
        if unknown or len(spelled) < len(given):
            twice = [
                f"{key!r} and {own!r}" for key, own in _ALIASES.items() if {key, own} <= set(given)
            ]
            what = (
                f"unknown {', '.join(unknown)[:200]}; known are {', '.join(sorted(known))}"
                if unknown
                else f"{', '.join(twice)} mean the same; keep one"
            )
            raise InvalidInputError(f"criteria: {what}")
        return cls(**spelled)

    def applied_to(self, limits: PromotionLimits) -> PromotionLimits:
        """``limits`` with these in place of their own shadow criteria."""
        return limits.model_copy(update=asdict(self))


_ALIASES = {"min_sharpe": "min_live_sharpe", "max_drawdown": "max_drawdown_threshold"}
