"""Differences between what two versions gained in the sessions that both recorded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, sqrt

from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import ShadowSummary


@dataclass(frozen=True, slots=True)
class PairedDifferences:
    """Candidate minus champion.

    Attributes:
        pairs: sessions with a difference. mean: of the differences.
        sd: their standard deviation with n - 1; ``None`` for fewer than two.
    """

    pairs: int
    mean: float | None
    sd: float | None


def difference(candidate: SessionStats, champion: SessionStats) -> float | None:
    """Of the sums of returns where both carry them, else of the scores.

    >>> difference(SessionStats(score=0.7), SessionStats(score=0.5)) == 0.7 - 0.5
    True
    >>> difference(SessionStats(score=0.7), SessionStats(returns=(0.5,))) is None
    True
    """
    mine, theirs = candidate.gain, champion.gain
    if candidate.returns is None or champion.returns is None:
        mine, theirs = candidate.score, champion.score
    return None if mine is None or theirs is None else mine - theirs


def paired_differences(candidate: ShadowSummary, champion: ShadowSummary) -> PairedDifferences:
    """The same session id makes a pair. Sums are exact, so the order of sessions changes nothing.

    >>> from datetime import UTC, datetime
    >>> from governance.evidence.shadow.summary import Session
    >>> def scores(*values):
    ...     at, stats = datetime(2013, 2, 1, tzinfo=UTC), [SessionStats(score=v) for v in values]
    ...     return ShadowSummary.of(
    ...         Session(id=f"s{n}", at=at, stats=said) for n, said in enumerate(stats))
    >>> paired_differences(scores(3, 5, 9), scores(1, 1))
    PairedDifferences(pairs=2, mean=3.0, sd=1.4142135623730951)
    """
    found = [
        gained
        for name, session in candidate.by_id.items()
        if (other := champion.by_id.get(name)) is not None
        and (gained := difference(session.stats, other.stats)) is not None
    ]
    n = len(found)
    if n == 0:
        return PairedDifferences(0, None, None)
    try:
        mean = fsum(found) / n
        spread = sqrt(fsum((value - mean) ** 2 for value in found) / (n - 1)) if n > 1 else None
    except (OverflowError, ValueError):  # a sum beyond floats, or of both infinities
        return PairedDifferences(n, None, None)
    return PairedDifferences(n, mean, spread)
