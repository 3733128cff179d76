"""What is said of one compared column: the rules of ``ad_hoc``, one after the other. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from governance.evidence.drift.ad_hoc.detection import Detection, Method
from governance.evidence.drift.ad_hoc.sides import Side
from governance.evidence.drift.ad_hoc.two_samples import Measured
from governance.policy.drift.facts import Finding
from governance.policy.drift.findings import RANK
from governance.policy.drift.limits import DriftLimits
from governance.values import Severity

MIN_ROWS = 20  # fewer are not judged
CHANCE = 0.05  # q-value from which a difference is no chance
CONSTANT_CHANCE = 0.01
SEVERE_TIMES = 2.0  # the threshold, from which a shift is severe
IDENTIFIER = 0.5  # share of values that occur once, above which there is no distribution

_Said = tuple[Severity, Finding, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One column of both tables, with its figures if it could be measured; ``stopped`` says why it
    could not be read at all. ``missing_p``: chance of so many missing values without drift."""

    feature: str
    method: Method
    sides: tuple[Side, Side] | None = None
    figures: Measured | None = None
    missing_p: float = math.nan
    stopped: _Said | None = None

    @classmethod
    def refused(
        cls, feature: str, method: Method, severity: Severity, finding: Finding, text: str
    ) -> Compared:
        return cls(feature=feature, method=method, stopped=(severity, finding, text))

    def problem(self) -> _Said | None:
        """Why there is nothing to measure."""
        if self.stopped or self.sides is None:
            return self.stopped
        before, now = self.sides
        if not before.rows:
            return Severity.INSUFFICIENT, Finding.NO_REFERENCE, "the reference has no rows"
        if before.all_missing:
            text = "every value of the reference is missing, so there is nothing to compare with"
            return Severity.INSUFFICIENT, Finding.NO_REFERENCE, text
        if not now.rows:
            return Severity.INSUFFICIENT, Finding.TOO_FEW_ROWS, "the current data have no rows"
        if now.all_missing:
            enough = now.rows >= MIN_ROWS
            severity = Severity.SEVERE if enough else Severity.INSUFFICIENT
            return severity, Finding.ALL_MISSING, f"every one of {now.rows} values is missing"
        types = f"{before.described} in the reference, {now.described} now"
        if before.family == now.family == "none":
            text = f"values of this type cannot be compared ({types}); give numbers or text"
            return Severity.INSUFFICIENT, Finding.WRONG_DTYPE, text
        if before.family != now.family:
            mild = {before.family, now.family} == {"number", "boolean"}
            severity = Severity.MODERATE if mild else Severity.SEVERE
            return severity, Finding.WRONG_DTYPE, f"the type changed: {types}"
        return None


def detection_of(
    compared: Compared,
    *,
    threshold: float,
    limits: DriftLimits,
    q_value: float,
    new_q: float,
    missing_q: float,
) -> Detection:
    """The verdict; q-values are of the whole call."""
    before, now = compared.sides or (None, None)
    figures = compared.figures
    said = compared.problem()
    found = [said] if said else []
    if figures is not None and before is not None and now is not None:
        found += _data(before, now, figures, limits, new_q, missing_q)
        found += _shift(figures, threshold, q_value)
    if not found:
        found = [(Severity.NORMAL, Finding.STABLE, _stable(figures, threshold))]
    severity, finding, _ = max(found, key=lambda item: RANK[item[0]])  # the first of the worst
    worst_first = sorted(found, key=lambda item: -RANK[item[0]])
    judged = figures if figures is not None and min(figures.n, figures.m) >= MIN_ROWS else None
    return Detection(
        feature=compared.feature,
        method=figures.method if figures else compared.method,
        threshold=threshold,
        severity=severity,
        finding=finding,
        is_alert=severity in (Severity.MODERATE, Severity.SEVERE),
        reason=f"{compared.feature}: " + "; ".join(text for _, _, text in worst_first),
        score=_known(figures.score) if figures else None,
        expected=_known(figures.expected) if figures and figures.method != "ks_test" else None,
        p_value=_known(judged.p_value) if judged else None,
        q_value=_known(q_value) if judged else None,
        missing_share=now.missing_share if now else None,
        reference_missing_share=before.missing_share if before else None,
        new_share=_known(figures.new_share) if figures else None,
        infinite=now.infinite if now else 0,
        mean_shift=_known(figures.mean_shift) if figures else None,
        variance_ratio=_known(figures.variance_ratio) if figures else None,
        psi=_known(figures.psi) if figures else None,
        ks=_known(figures.ks) if figures else None,
        n=figures.n if figures else 0,
        m=figures.m if figures else 0,
    )


def _data(
    before: Side, now: Side, figures: Measured, limits: DriftLimits, new_q: float, missing_q: float
) -> Iterator[_Said]:
    """What is wrong with the data, whatever their distribution."""
    for side, where in ((now, "current"), (before, "reference")):
        share = side.infinite / (side.rows - side.missing)
        if side.infinite and share > limits.infinite_share:
            hard = side is now and share >= limits.missing_rise_severe
            text = f"{side.infinite} of the {where} values are infinite and were left out"
            yield _level(hard), Finding.INFINITE_VALUES, text
    rise = (now.missing_share or 0.0) - (before.missing_share or 0.0)
    if rise >= limits.missing_rise and missing_q <= CHANCE:
        hard = rise >= limits.missing_rise_severe
        text = f"{now.missing_share:.1%} is missing, {before.missing_share:.1%} in the reference"
        yield _level(hard), Finding.MISSING_VALUES, text
    if figures.new_excess >= limits.new_share and new_q <= CHANCE:
        hard = figures.new_excess >= limits.new_share_severe
        text = f"{figures.new_share:.1%} of the rows have values that the reference never had"
        yield _level(hard), Finding.NEW_CATEGORIES, text


def _shift(figures: Measured, threshold: float, q_value: float) -> Iterator[_Said]:
    """What the distribution says, where there is enough of it."""
    if min(figures.n, figures.m) < MIN_ROWS:
        text = (
            f"too few rows: {figures.n} in the reference and {figures.m} now that have a finite "
            f"value; at least {MIN_ROWS} are needed on both sides"
        )
        yield Severity.INSUFFICIENT, Finding.TOO_FEW_ROWS, text
        return
    if figures.same_constant:
        text = "both sides have one and the same value, which says nothing about change"
        yield Severity.INSUFFICIENT, Finding.CONSTANT, text
        return
    if figures.singletons > IDENTIFIER:
        text = (
            f"{figures.singletons:.0%} of the reference's values occur once, like those of an "
            "identifier; there is no distribution to compare with, leave the column out"
        )
        yield Severity.INSUFFICIENT, Finding.NO_REFERENCE, text
        return
    if figures.constant_chance <= CONSTANT_CHANCE:
        yield Severity.SEVERE, Finding.BECAME_CONSTANT, f"all {figures.m} values are the same now"
    excess = figures.score - figures.expected
    if not math.isfinite(excess):
        text = "the score cannot be computed from these values"
        yield Severity.INSUFFICIENT, Finding.NOT_CALIBRATED, text
    elif excess > threshold:
        what = f"{figures.method} {_score(figures)} is above {threshold:g}"
        if q_value <= CHANCE:
            severity = _level(excess > SEVERE_TIMES * threshold)
            yield severity, Finding.SHIFTED, f"{what}, q-value {q_value:.2g}"
        else:
            text = f"{what}, but chance gives such a score too (q-value {q_value:.2g}); more rows"
            yield Severity.INSUFFICIENT, Finding.TOO_FEW_ROWS, f"{text} are needed to tell"


def _stable(figures: Measured | None, threshold: float) -> str:
    assert figures is not None, "without figures there is a problem"
    return f"{figures.method} {_score(figures)} is within {threshold:g}"


def _score(figures: Measured) -> str:
    if figures.method == "ks_test":
        return f"{figures.score:.3f}"
    return f"{figures.score:.3f} (without drift about {figures.expected:.3f})"


def _level(hard: bool) -> Severity:
    return Severity.SEVERE if hard else Severity.MODERATE


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
