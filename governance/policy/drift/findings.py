"""What is said of each feature of a look, and of the look as a whole. Pure.

The rules, in order; the first that applies names the finding, the worst gives the severity:

1. A column that is gone or has another type, or lost all its values: severe.
2. Fewer rows than ``min_rows``, or nothing to compare with: insufficient.
3. ``urgent_q`` and ``urgent_effect`` both reached: severe, if the model uses the feature.
4. ``flagged_q`` and ``flagged_effect`` both reached: moderate.
5. More missing values, new values or infinities than the limits allow: moderate or severe; of a
   feature that is as bad in both ways, this is said.
6. Too few reference days to say what is normal: insufficient. So is a feature that has always had
   one single value, but the others speak for the whole.

Of the whole: the worst feature counts; hours without data, far fewer rows than usual, many rows
outside their hour, or a feature about which nothing can be said, make a look that is otherwise calm
INSUFFICIENT, never NORMAL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from governance.policy.drift.facts import FeatureFigures, FeatureVerdict, Finding, Look
from governance.policy.drift.limits import DriftLimits
from governance.values import Severity

DATA_FINDINGS = frozenset(
    {
        Finding.COLUMN_MISSING,
        Finding.WRONG_DTYPE,
        Finding.ALL_MISSING,
        Finding.MISSING_VALUES,
        Finding.NEW_CATEGORIES,
        Finding.INFINITE_VALUES,
    }
)
# From calm to worst; what is not known is worse than calm.
RANK = {
    Severity.NORMAL: 0,
    Severity.INSUFFICIENT: 1,
    Severity.MODERATE: 2,
    Severity.SEVERE: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """
    Attributes:
        verdicts: one for each feature, the worst first.
        reasons: why the severity is what it is; never empty.
    """

    severity: Severity
    verdicts: tuple[FeatureVerdict, ...]
    reasons: tuple[str, ...]


def worst(severities: Iterable[Severity]) -> Severity:
    """
    >>> worst([Severity.NORMAL, Severity.INSUFFICIENT]).value
    'insufficient'
    """
    return max(severities, key=RANK.__getitem__, default=Severity.INSUFFICIENT)


def judge(look: Look, limits: DriftLimits) -> Judged:
    """The verdicts on a look.

    >>> shifted = FeatureFigures(
    ...     feature="visib", kind="numeric", rows=900, reference_rows=27000, missing_share=0.0,
    ...     reference_missing_share=0.0, ks=0.4, effect=0.4, q_value=1e-6, p_value=1e-7, z=6.0)
    >>> judged = judge(Look(features=(shifted,), rows=900), DriftLimits())
    >>> judged.severity.value, judged.verdicts[0].finding.value
    ('severe', 'shifted')
    """
    if look.rows < limits.min_rows:
        reason = f"the window has {look.rows} rows, fewer than {limits.min_rows}; wait for data"
        verdicts = tuple(
            _of(figures, _schema(figures) or _few(reason)) for figures in look.features
        )
    else:
        verdicts = tuple(_of(figures, _verdict(figures, limits)) for figures in look.features)
    ordered = tuple(sorted(verdicts, key=_order))
    telling = [v for v in ordered if v.finding is not Finding.CONSTANT] or ordered
    severity = worst(verdict.severity for verdict in telling)
    reasons = [v.reason for v in telling if v.severity is not Severity.NORMAL]
    if look.missing_hours and severity is Severity.NORMAL:
        severity = Severity.INSUFFICIENT
    if look.missing_hours:
        reasons.append(_gaps(look.missing_hours))
    for doubt in doubts(look, limits):
        reasons.append(doubt)
        severity = Severity.INSUFFICIENT if severity is Severity.NORMAL else severity
    if look.rows < limits.min_rows:
        reasons = [reason, *(why for why in reasons if why != reason)]
    reasons += look.problems
    if not reasons:
        reasons = [f"none of {len(ordered)} features moved beyond its own day-to-day changes"]
    return Judged(severity=severity, verdicts=ordered, reasons=tuple(dict.fromkeys(reasons)))


def doubts(look: Look, limits: DriftLimits) -> Iterable[str]:
    """Why the rows that are there may not be those that should be there."""
    came = look.rows + look.stray_rows
    if look.stray_rows and look.stray_rows / came > limits.stray_share:
        yield (
            f"{look.stray_rows} of {came} rows lie outside their hour or have no time; "
            "look at the clock of what writes them"
        )
    if look.usual_rows and look.rows < limits.fewest_rows_share * look.usual_rows:
        yield f"{look.rows} rows are few for a day that usually has {look.usual_rows:.0f}"


def _gaps(missing: Mapping[str, str]) -> str:
    """All missing hours in one sentence, by what is wrong with them."""
    by_reason: dict[str, list[str]] = {}
    for hour, why in sorted(missing.items()):
        by_reason.setdefault(why, []).append(f"{hour[:16]}Z")
    parts = []
    for why, hours in list(by_reason.items())[:3]:
        more = f" and {len(hours) - 3} more" if len(hours) > 3 else ""
        parts.append(f"{', '.join(hours[:3])}{more}: {why}")
    one = len(missing) == 1
    count = "1 hour of the window has" if one else f"{len(missing)} hours of the window have"
    return f"{count} no usable data ({'; '.join(parts)})"


_Said = tuple[Severity, Finding, bool, bool, str]


def _of(figures: FeatureFigures, said: _Said) -> FeatureVerdict:
    severity, finding, flagged, urgent, reason = said
    return FeatureVerdict(
        figures=figures,
        severity=severity,
        finding=finding,
        flagged=flagged,
        urgent=urgent,
        reason=reason,
    )


def _order(verdict: FeatureVerdict) -> tuple[int, float, str]:
    strength = verdict.figures.z if verdict.figures.z is not None else 0.0
    return -RANK[verdict.severity], -strength, verdict.figures.feature


def _few(reason: str) -> _Said:
    return Severity.INSUFFICIENT, Finding.TOO_FEW_ROWS, False, False, reason


def _schema(figures: FeatureFigures) -> _Said | None:
    name = figures.feature
    if figures.problem is Finding.COLUMN_MISSING:
        text = f"{name}: the column is not in the live data; was it dropped or renamed?"
    elif figures.problem is Finding.WRONG_DTYPE:
        text = f"{name}: the live column is no longer {figures.kind}; was its type changed?"
    else:
        return None
    return Severity.SEVERE, figures.problem, False, False, text


def _verdict(figures: FeatureFigures, limits: DriftLimits) -> _Said:
    if said := _schema(figures):
        return said
    name, share = figures.feature, figures.missing_share
    if figures.rows == 0 and share is not None and share >= 1.0:
        if figures.reference_rows == 0:
            text = f"{name}: no value, neither in the window nor in the reference"
            return Severity.INSUFFICIENT, Finding.NO_REFERENCE, False, False, text
        return Severity.SEVERE, Finding.ALL_MISSING, False, False, f"{name}: every value is missing"
    candidates = list(_candidates(figures, limits))
    if candidates:
        return _named(candidates)
    if figures.reference_rows == 0 or figures.problem is Finding.NO_REFERENCE:
        text = f"{name}: the reference has no value to compare with"
        return Severity.INSUFFICIENT, Finding.NO_REFERENCE, False, False, text
    if figures.rows < limits.min_rows:
        return _few(f"{name}: only {figures.rows} values, fewer than {limits.min_rows}")
    if figures.q_value is None or figures.effect is None:
        text = f"{name}: fewer than {limits.min_block_days} comparable reference days; wait"
        return Severity.INSUFFICIENT, Finding.NOT_CALIBRATED, False, False, text
    if figures.single:
        text = f"{name}: one single value, as in the reference; nothing can be seen on it"
        return Severity.INSUFFICIENT, Finding.CONSTANT, False, False, text
    return Severity.NORMAL, Finding.STABLE, False, False, f"{name}: as on other days"


def _named(candidates: list[_Said]) -> _Said:
    """The worst of what is to be said; of two equally bad ones what is wrong with the data.

    A feature whose data are severely wrong has not drifted: it takes no part in rules about drift.
    """
    severity, finding, _, _, reason = max(
        candidates, key=lambda said: (RANK[said[0]], said[1] in DATA_FINDINGS)
    )
    broken = severity is Severity.SEVERE and finding in DATA_FINDINGS
    flagged = any(said[2] for said in candidates) and not broken
    urgent = any(said[3] for said in candidates) and not broken
    return severity, finding, flagged, urgent, reason


def _candidates(figures: FeatureFigures, limits: DriftLimits) -> Iterable[_Said]:
    name = figures.feature
    q, effect = figures.q_value, figures.effect
    if q is not None and effect is not None and figures.rows >= limits.min_rows:
        used = figures.importance is None or figures.importance >= limits.importance_floor
        urgent = q <= limits.urgent_q and effect >= limits.urgent_effect and used
        if q <= limits.flagged_q and effect >= limits.flagged_effect:
            finding = Finding.BECAME_CONSTANT if figures.constant else Finding.SHIFTED
            what = "has one single value" if figures.constant else "moved"
            measure = "KS" if figures.kind == "numeric" else "excess variation"
            text = f"{name} {what}: {measure} {effect:.2f}, q {q:.1g} against its own days"
            yield Severity.SEVERE if urgent else Severity.MODERATE, finding, True, urgent, text
    if figures.missing_share is not None and figures.reference_missing_share is not None:
        rise = figures.missing_share - figures.reference_missing_share
        if rise >= limits.missing_rise and figures.missing_share > 0:
            text = (
                f"{name}: {figures.missing_share:.0%} is missing, "
                f"at most {figures.reference_missing_share:.0%} on other days"
            )
            hard = rise >= limits.missing_rise_severe
            yield _level(hard), Finding.MISSING_VALUES, False, False, text
    if figures.new_share is not None and figures.new_share > limits.new_share:
        text = f"{name}: {figures.new_share:.0%} of the rows have values that were never seen"
        hard = figures.new_share >= limits.new_share_severe
        yield _level(hard), Finding.NEW_CATEGORIES, False, False, text
    seen = figures.rows + figures.infinite
    if seen and figures.infinite / seen > limits.infinite_share:
        text = f"{name}: {figures.infinite} of {seen} values are infinite"
        hard = figures.infinite / seen >= limits.missing_rise_severe
        yield _level(hard), Finding.INFINITE_VALUES, False, False, text


def _level(hard: bool) -> Severity:
    return Severity.SEVERE if hard else Severity.MODERATE
