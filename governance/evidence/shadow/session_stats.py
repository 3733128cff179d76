"""What one version did in one session, as a caller reports it; checked when it is made.

The names are those of document 000. Not promised: that a reported figure was really measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from math import fsum
from typing import Any, Self

from governance.canonical import sha256_of
from governance.errors import InvalidEvidenceError
from governance.policy.facts import finite

MAX_RETURNS = 100_000
_SESSION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.:@/+-]{0,126}[A-Za-z0-9])?")
_MAX_TRADES = 10**12
_MAX_RETURN = 10_000.0  # 1,000,000 % in one period


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStats:
    """One session. Every figure may be missing (``None``), but not all of them. Each has a limit
    that no session reaches, so that sums and squares stay finite; the refusal names it.

    Attributes:
        trade_count: trades made, a whole number.
        turnover_ratio: turnover over the benchmark's, 0 or more.
        sharpe_ratio: annualised.
        max_drawdown: largest loss from the highest equity, as a share (0.02 is 2 %).
        drift_psi: largest PSI of the features seen, 0 or more.
        avg_latency_ms: mean time of an answer, 0 or more.
        error_rate: share of answers that failed, 0 to 1.
        returns: simple returns (0.01 is 1 %) of the session's periods, in order of time.
        score: one figure, higher is better, for models that earn nothing.

    >>> SessionStats(trade_count=15, sharpe_ratio=0.8).as_json()
    {'trade_count': 15, 'sharpe_ratio': 0.8}
    >>> SessionStats(sharpe_ratio=float("nan"))
    Traceback (most recent call last):
        ...
    governance.errors.InvalidEvidenceError: sharpe_ratio is nan, no finite number; ...
    """

    trade_count: int | None = None
    turnover_ratio: float | None = None
    sharpe_ratio: float | None = None
    max_drawdown: float | None = None
    drift_psi: float | None = None
    avg_latency_ms: float | None = None
    error_rate: float | None = None
    returns: tuple[float, ...] | None = None
    score: float | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        if self.trade_count is not None:
            set_(self, "trade_count", _count(self.trade_count))
        for name, (lowest, highest) in _RANGES.items():
            value = getattr(self, name)
            if value is not None:
                set_(self, name, _figure(name, value, lowest, highest))
        if self.returns is not None:
            set_(self, "returns", _returns(self.returns))
        if not self.as_json():
            raise InvalidEvidenceError(
                f"a session without any figure says nothing; give one of {', '.join(NAMES)}"
            )

    @classmethod
    def of(cls, given: SessionStats | Mapping[str, Any]) -> Self:
        """The statistics themselves, or made from a mapping with the attributes' names.

        Raises:
            InvalidEvidenceError: an unknown name, a figure that is not finite or out of range.

        >>> SessionStats.of({"trades": 15})
        Traceback (most recent call last):
            ...
        governance.errors.InvalidEvidenceError: a session has no figure trades; use trade_count, ...
        """
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise InvalidEvidenceError(
                f"session_stats is a mapping of names to figures, not {given!r:.60}"
            )
        if unknown := sorted({str(name)[:60] for name in given} - set(NAMES)):
            raise InvalidEvidenceError(
                f"a session has no figure {', '.join(unknown)}; use {', '.join(NAMES)}"
            )
        return cls(**given)

    @classmethod
    def recorded(cls, kept: Mapping[str, Any]) -> Self:
        """As our own table keeps them: checked when they were written, so not once more for each
        promotion, which reads thousands of returns.

        >>> stats = SessionStats(trade_count=15, returns=(0.01,))
        >>> SessionStats.recorded(stats.as_json()) == stats
        True
        """
        made = object.__new__(cls)
        for name in NAMES:
            value = kept.get(name)
            object.__setattr__(made, name, tuple(value) if isinstance(value, list) else value)
        return made

    @property
    def gain(self) -> float | None:
        """What the session brought: the sum of its returns, else its score.

        >>> SessionStats(returns=(0.01, -0.02)).gain, SessionStats(trade_count=1).gain
        (-0.01, None)
        """
        return self.score if self.returns is None else _sum(self.returns)

    def as_json(self) -> dict[str, Any]:
        """What was given, without what was not; ``of`` reads it back to an equal value."""
        given = ((name, getattr(self, name)) for name in NAMES)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in given
            if value is not None
        }

    def digest(self, at: datetime) -> str:
        """SHA-256 of the figures and the time: two records of one session must agree in it."""
        return sha256_of({"at": at, "stats": self.as_json()})


NAMES = tuple(field.name for field in fields(SessionStats))
# Far beyond what a session can show, and so small that no sum or square of them overflows.
_RANGES = {
    "turnover_ratio": (0.0, 1e9),
    "sharpe_ratio": (-1e6, 1e6),
    "max_drawdown": (0.0, 1.0),
    "drift_psi": (0.0, 1e6),
    "avg_latency_ms": (0.0, 1e9),
    "error_rate": (0.0, 1.0),
    "score": (-1e15, 1e15),
}


def check_session_id(given: object) -> str:
    """The id itself: 1-128 of letters, digits and ``_ . : @ / + -``.

    >>> check_session_id("2013-02-08")
    '2013-02-08'
    """
    if isinstance(given, str) and _SESSION_ID.fullmatch(given):
        return given
    raise InvalidEvidenceError(
        f"session_id {str(given)[:80]!r} is not allowed; use 1-128 of letters, digits and "
        "_ . : @ / + -, beginning and ending with a letter or digit, such as 2013-02-08"
    )


def _count(value: object) -> int:
    number = finite(value)
    if number is None or number != int(number) or not 0 <= number <= _MAX_TRADES:
        raise InvalidEvidenceError(
            f"trade_count is {value!r:.40}; give a whole number from 0 to {_MAX_TRADES:,}"
        )
    return int(number)


def _figure(name: str, value: object, lowest: float, highest: float) -> float:
    number = finite(value)
    if number is None:
        raise InvalidEvidenceError(
            f"{name} is {value!r:.40}, no finite number; leave out a figure that does not exist"
        )
    if not lowest <= number <= highest:
        raise InvalidEvidenceError(
            f"{name} is {number:g}, but must be between {lowest:g} and {highest:g}; give it in "
            "that unit"
        )
    return number


def _returns(given: object) -> tuple[float, ...]:
    try:
        values: tuple[object, ...] = tuple(given)  # type: ignore[arg-type]  # anything iterable
    except TypeError:
        values = ()
    if isinstance(given, str | bytes | Mapping) or not 0 < len(values) <= MAX_RETURNS:
        raise InvalidEvidenceError(
            f"returns is a list of 1 to {MAX_RETURNS} simple returns, not {given!r:.60}"
        )
    found = tuple(number for value in values if (number := finite(value)) is not None)
    if len(found) < len(values):
        raise InvalidEvidenceError("returns hold a value that is no finite number; none may")
    if max(map(abs, found)) > _MAX_RETURN:
        raise InvalidEvidenceError(
            f"returns hold a value beyond {_MAX_RETURN:,.0f} (1 is 100 %); give simple returns"
        )
    return found


def _sum(values: tuple[float, ...]) -> float | None:
    try:
        return finite(fsum(values))
    except OverflowError:
        return None
