"""A drift report in plain words: what was seen, what is normal, which limit it met, which rule
fired, what was missing.

Only words; the figures are the report's. Neighbour: ``drift`` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.policy.drift.facts import FeatureFigures
from governance.values import Severity, iso

_RULES = {
    "urgent": "{urgent_features} or more features were severe at one look",
    "sustained": "a feature was flagged at {days_running} closes of a day in a row",
    "breadth": "all features together moved more than they do by chance, {days_running} closes of "
    "a day taken together",
    "data": "the data themselves are severely wrong",
    "missed": "{missed_looks} looks in a row had too little data",
}


def explained(report: DriftReport, feature: str | None = None) -> list[str]:
    """Lines for people; of one feature, or of all that are not normal."""
    lines = [
        f"{report.model}:{report.version} at {iso(report.at)[:16]}Z is {report.severity}.",
        *(f"  {reason}" for reason in report.reasons),
        "",
        *_compared(report),
        *_alarm(report),
    ]
    chosen = [
        item
        for item in report.features
        if item.feature == feature or (feature is None and item.severity is not Severity.NORMAL)
    ]
    for item in chosen:
        lines += ["", *_feature(item, report.policy)]
    calm = len(report.features) - len(chosen)
    if feature is None and calm:
        lines += ["", f"{calm} of {len(report.features)} features are as on other days."]
    return lines


def _compared(report: DriftReport) -> list[str]:
    window, rolling = report.reference["window"], report.reference["rolling"]
    lines = [
        f"Looked at: {report.rows} rows of {window['start'][:16]}Z to {window['end'][:16]}Z, "
        f"which counts as {window['class']}."
    ]
    if rolling and rolling["days"]:
        left_out = len(rolling["quarantined"])
        lines.append(
            f"Compared with: {rolling['days']} days from {rolling['first']} to {rolling['last']}"
            + (f"; {left_out} days under alarm were left out." if left_out else ".")
        )
    else:
        lines.append("Compared with nothing: there is no usable reference day yet.")
    frozen = report.reference["frozen"]
    if frozen and frozen["days"]:
        lines.append(
            f"Beside it: the {frozen['days']} days from {frozen['first']} to {frozen['last']} that "
            "the version was made of."
        )
    missing = window["missing_hours"]
    lines += [f"No usable data at {hour[:16]}Z: {why}" for hour, why in sorted(missing.items())]
    breadth = report.reference["breadth_p"]
    if breadth is not None:
        lines.append(f"All features together: p {breadth:.2g} against the reference's own days.")
    return lines


def _alarm(report: DriftReport) -> list[str]:
    lines = []
    for kind in ("drift", "data"):
        track: Mapping[str, Any] | None = report.episode.get(kind)
        if track is not None:
            rule = _RULES.get(track["rule"], track["rule"]).format(**report.policy)
            lines.append(
                f"Alarm about {kind} since {track['opened_at'][:16]}Z, because {rule}: "
                f"{', '.join(track['features']) or 'no feature by itself'}."
            )
    if not lines:
        lines.append("No alarm is on.")
    if report.retrain_requested:
        lines.append("This look asked for the model's retrain run.")
    return lines


def _feature(item: FeatureReport, limits: Mapping[str, Any]) -> list[str]:
    figures = item.figures
    lines = [f"{item.feature}: {item.severity}, {item.finding}", f"  {item.reason}"]
    if figures.problem is not None:
        return lines
    lines.append(
        f"  {figures.rows} values here, {figures.reference_rows} in the reference; "
        f"{_share(figures.missing_share)} missing here, at most "
        f"{_share(figures.reference_missing_share)} on other days"
    )
    lines += _moved(figures, limits)
    if figures.psi is not None:
        lines.append(
            f"  PSI {figures.psi:.3f}; without drift it is below {_number(figures.psi_null)} "
            "in 95 of 100 samples of independent rows"
        )
    if figures.mean_shift is not None:
        lines.append(
            f"  mean moved by {figures.mean_shift:+.2f} standard deviations, variance times "
            f"{_number(figures.variance_ratio)}"
        )
    if figures.importance is not None:
        floor = limits["importance_floor"]
        below = "; too little to be severe" if figures.importance < floor else ""
        lines.append(f"  {figures.importance:.1%} of the model's importance{below}")
    if figures.frozen is not None and figures.frozen.ks is not None:
        lines.append(
            f"  against the training days: KS {figures.frozen.ks:.2f}, "
            f"q {_number(figures.frozen.q_value)}"
        )
    return lines


def _moved(figures: FeatureFigures, limits: Mapping[str, Any]) -> list[str]:
    measure = "KS distance" if figures.kind == "numeric" else "excess total variation"
    if figures.effect is None:
        return [f"  no {measure}: there is nothing to compare with"]
    lines = [
        f"  {measure} {figures.effect:.3f}: flagged from {limits['flagged_effect']:g}, severe from "
        f"{limits['urgent_effect']:g}"
    ]
    if figures.q_value is None or figures.z is None:
        days = limits["min_block_days"]
        return [*lines, f"  fewer than {days} comparable days say what is normal, so no q-value"]
    lines.append(
        f"  {figures.z:+.1f} standard deviations from the reference's own days: p "
        f"{_number(figures.p_value)}, q {figures.q_value:.2g} over all features; flagged from "
        f"{limits['flagged_q']:g}, severe from {limits['urgent_q']:g}"
    )
    return lines


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
