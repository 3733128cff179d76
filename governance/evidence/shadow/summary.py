"""What the sessions of a version say together. Pure.

A `ShadowSummary` is a set of sessions by id, so that adding one twice changes nothing and the order
in which they came does not matter. Laws: ``a + b == b + a``, ``(a + b) + c == a + (b + c)``,
``a + a == a``. Figures are computed from the whole set, in order of time.

Not promised: that a figure which some sessions lack would have been the same in them. It is taken
from the sessions that have it, and is ``None`` where none has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import fsum
from types import MappingProxyType
from typing import Self
from zoneinfo import ZoneInfo

from governance.errors import MetricConflictError
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.trading import trading_metrics

# Trading days of a year: annualises Sharpe ratios of models that declare no calendar.
PERIODS_PER_YEAR = 252.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One recorded session: ``at`` is the event time of its end."""

    id: str
    at: datetime
    stats: SessionStats


@dataclass(frozen=True, slots=True)
class Returns:
    """Sharpe ratio and drawdown of returns; ``None`` where they do not exist."""

    sharpe_ratio: float | None
    max_drawdown: float | None


@dataclass(frozen=True)
class ShadowSummary:
    """
    Attributes:
        by_id: the sessions by their id.

    >>> from datetime import UTC
    >>> def session(day, **stats):
    ...     at = datetime(2013, 2, day, 21, tzinfo=UTC)
    ...     return Session(id=f"day {day}", at=at, stats=SessionStats(**stats))
    >>> both = ShadowSummary.of([session(2, trade_count=30, error_rate=0.1)]) + ShadowSummary.of(
    ...     [session(1, trade_count=10, error_rate=0.3)])
    >>> both.sessions, both.days("UTC"), both.trades, round(both.mean("error_rate"), 6)
    (2, 2, 40, 0.15)
    """

    by_id: Mapping[str, Session] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, sessions: Iterable[Session]) -> Self:
        """
        Raises:
            MetricConflictError: two different sessions with one id.
        """
        found: dict[str, Session] = {}
        for session in sessions:
            if found.setdefault(session.id, session) != session:
                raise MetricConflictError(
                    f"session {session.id} was recorded with other figures; the first stay"
                )
        return cls(MappingProxyType(found))

    def __add__(self, other: ShadowSummary) -> ShadowSummary:
        return ShadowSummary.of([*self.by_id.values(), *other.by_id.values()])

    def __len__(self) -> int:
        return len(self.by_id)

    @property
    def in_order(self) -> list[Session]:
        """By time, then by id."""
        return sorted(self.by_id.values(), key=lambda session: (session.at, session.id))

    @property
    def sessions(self) -> int:
        return len(self.by_id)

    def days(self, timezone: str) -> int:
        """Distinct calendar dates of the sessions in the time zone with this IANA name."""
        zone = ZoneInfo(timezone)
        return len({session.at.astimezone(zone).date() for session in self.by_id.values()})

    @property
    def trades(self) -> int | None:
        """Their sum; ``None`` where no session counts trades."""
        given = self._given("trade_count")
        return int(sum(given)) if given else None

    def mean(self, name: str) -> float | None:
        """The trade-weighted mean of a figure: ``sum(trades * value) / sum(trades)``.

        The plain mean where a session that has the figure does not count its trades, or where none
        made any: then there are no weights.
        """
        found = [
            (session.stats.trade_count, value)
            for session in self.in_order
            if (value := getattr(session.stats, name)) is not None
        ]
        if not found:
            return None
        weights = [1 if count is None else count for count, _ in found]
        if any(count is None for count, _ in found) or not any(weights):
            weights = [1] * len(found)
        return _mean([value for _, value in found], weights)

    def maximum(self, name: str) -> float | None:
        given = self._given(name)
        return max(given) if given else None

    @property
    def pooled(self) -> bool:
        """Do all sessions carry returns, so that Sharpe ratio and drawdown come from these?"""
        return bool(self.by_id) and all(
            session.stats.returns is not None for session in self.by_id.values()
        )

    def performance(self, periods_per_year: float = PERIODS_PER_YEAR) -> Returns:
        """Sharpe ratio and drawdown.

        Of all returns in order of time where all sessions carry them: ``mean / sd * sqrt(
        periods_per_year)`` and the largest loss from the highest equity, across sessions. Else the
        mean of the sessions' ratios and the largest of their drawdowns, where a session that
        reports neither and carries returns counts with its own.
        """
        if self.pooled:
            pooled = [value for s in self.in_order for value in s.stats.returns or ()]
            return returns_performance(pooled, periods_per_year)
        ratios, drawdowns = [], []
        for session in self.in_order:
            stats = session.stats
            own = (
                Returns(None, None)
                if stats.returns is None
                else returns_performance(stats.returns, periods_per_year)
            )
            ratios.append(own.sharpe_ratio if stats.sharpe_ratio is None else stats.sharpe_ratio)
            drawdowns.append(own.max_drawdown if stats.max_drawdown is None else stats.max_drawdown)
        known = [ratio for ratio in ratios if ratio is not None]
        losses = [drawdown for drawdown in drawdowns if drawdown is not None]
        return Returns(
            _mean(known, [1] * len(known)) if known else None,
            max(losses, default=None),
        )

    @property
    def lacking(self) -> tuple[str, ...]:
        """Figures that some sessions have and others, in which trades were made, do not.

        Without returns of its own a session must name its Sharpe ratio and drawdown. The turnover
        ratio is left out: it does not exist where the benchmark did not trade.
        """
        names = ("sharpe_ratio", "max_drawdown", "drift_psi", "avg_latency_ms", "error_rate")
        from_returns = ("sharpe_ratio", "max_drawdown")
        return tuple(
            name
            for name in names
            if any(
                getattr(stats, name) is None
                and stats.trade_count != 0
                and not (name in from_returns and stats.returns is not None)
                for stats in (session.stats for session in self.by_id.values())
            )
            and (self._given(name) or name in from_returns)
        )

    def _given(self, name: str) -> list[float]:
        values = (getattr(session.stats, name) for session in self.by_id.values())
        return [value for value in values if value is not None]


def returns_performance(returns: Iterable[float], periods_per_year: float) -> Returns:
    """
    >>> returns_performance([0.01, -0.02, 0.03], 252).max_drawdown
    0.02
    """
    measured = trading_metrics(list(returns), periods_per_year=periods_per_year)
    drawdown = measured["max_drawdown"]
    # A loss of exactly the limit must not be above it by the rounding of 1 - 0.95.
    return Returns(measured["sharpe"], None if drawdown is None else round(drawdown, 12))


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    """Never outside the values: the mean of equal figures is that figure, and meets its limit."""
    total = sum(weights)
    mean = fsum(value * (weight / total) for value, weight in zip(values, weights, strict=True))
    return min(max(mean, min(values)), max(values))
