"""The rules by which a look is an alarm, or calm. Pure; ``episodes`` says what each rule means, and
folds what they say over the looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import NormalDist

from governance.policy.drift.facts import FeatureVerdict, Look
from governance.policy.drift.findings import DATA_FINDINGS, Judged, doubts, worst
from governance.policy.drift.limits import DriftLimits
from governance.values import Severity, parse_time

_NORMAL = NormalDist()
# A day has 23 to 25 hours; closes further apart are not "in a row".
_NEXT_CLOSE = timedelta(hours=26)


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """What the close of a day showed, kept for the rules that need days in a row."""

    at: str
    flagged: tuple[str, ...]
    breadth_z: float | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a rule says of a look."""

    rule: str
    severity: Severity
    features: tuple[str, ...] = field(default=())


def score_of(p: float | None) -> float | None:
    """The standard normal score with this upper tail."""
    if p is None:
        return None
    return -_NORMAL.inv_cdf(min(max(p, 1e-15), 1 - 1e-15))


def running(closes: tuple[Close, ...], limits: DriftLimits) -> tuple[Close, ...]:
    """The last closes that follow each other day by day, as many as the rules look at."""
    kept = [closes[-1]]
    for close in reversed(closes[:-1]):
        gap = parse_time(kept[0].at) - parse_time(close.at)
        if len(kept) == limits.days_running or not timedelta(0) < gap <= _NEXT_CLOSE:
            break
        kept.insert(0, close)
    return tuple(kept)


def drift_alarm(
    judged: Judged, look: Look, closes: tuple[Close, ...], limits: DriftLimits
) -> Alarm | None:
    """An alarm about drift, by the first rule that applies."""
    urgent = tuple(verdict.figures.feature for verdict in judged.verdicts if verdict.urgent)
    if urgent and len(urgent) >= min(limits.urgent_features, len(judged.verdicts)):
        return Alarm("urgent", Severity.SEVERE, urgent)
    if not look.day_close or len(closes) < limits.days_running:
        return None
    lasting = set.intersection(*(set(close.flagged) for close in closes))
    if lasting:
        verdicts = [v for v in judged.verdicts if v.figures.feature in lasting]
        severity = worst(verdict.severity for verdict in verdicts)
        return Alarm("sustained", severity, tuple(v.figures.feature for v in verdicts))
    scores = [close.breadth_z for close in closes if close.breadth_z is not None]
    moved = tuple(
        v.figures.feature
        for v in judged.verdicts
        if v.figures.p_value is not None
        and v.figures.p_value <= limits.flagged_q
        and (v.figures.effect or 0.0) >= limits.flagged_effect
    )
    enough = len(moved) >= min(limits.breadth_features, len(judged.verdicts))
    if len(scores) == len(closes) and enough:
        together = sum(scores) / math.sqrt(len(scores))
        if together >= -_NORMAL.inv_cdf(limits.breadth_p):
            return Alarm("breadth", Severity.MODERATE, moved)
    return None


def drift_is_calm(
    drifted: tuple[str, ...],
    judged: Judged,
    look: Look,
    flagged: tuple[str, ...],
    limits: DriftLimits,
) -> bool | None:
    """True or False at a close that could be judged; None where it says nothing.

    Args:
        drifted: features of the alarm that is on.

    It says nothing while a feature that drifted cannot be seen.
    """
    if not look.day_close or judged.severity is Severity.INSUFFICIENT:
        return None
    unseen = [
        verdict.figures.feature
        for verdict in judged.verdicts
        if verdict.severity is Severity.INSUFFICIENT or _is_broken(verdict)
    ]
    if set(drifted) & set(unseen):
        return None
    unusual = look.breadth_p is not None and look.breadth_p <= limits.flagged_q
    return not flagged and not unusual


def data_alarm(judged: Judged, missed: int, limits: DriftLimits) -> Alarm | None:
    """An alarm about data.

    Args:
        missed: looks in a row, this one included, that saw next to nothing.
    """
    broken = tuple(v.figures.feature for v in judged.verdicts if _is_broken(v))
    if broken:
        return Alarm("data", Severity.SEVERE, broken)
    if missed >= limits.missed_looks:
        return Alarm("missed", Severity.INSUFFICIENT)
    return None


def _is_broken(verdict: FeatureVerdict) -> bool:
    return verdict.severity is Severity.SEVERE and verdict.finding in DATA_FINDINGS


def is_blind(judged: Judged, look: Look, limits: DriftLimits) -> bool:
    """Does a look see next to nothing? One lost hour lies in 24 windows and is no such thing."""
    if judged.severity is not Severity.INSUFFICIENT:
        return False
    nothing = all(verdict.severity is Severity.INSUFFICIENT for verdict in judged.verdicts)
    many = len(look.missing_hours) >= limits.missed_looks
    return nothing or many or any(doubts(look, limits))
