"""A drift report in plain words: what was seen, what is normal, which limit it met, which rule
fired, what was missing.

Only words; the figures are the report's. Neighbour: ``drift`` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.cli.output import counted
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.policy.drift.facts import FeatureFigures
from governance.values import Severity, iso


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
        features = f"{counted(len(report.features), 'feature')} {'is' if calm == 1 else 'are'}"
        lines += ["", f"{calm} of {features} as on other days."]
    return lines


def _compared(report: DriftReport) -> list[str]:
    window, rolling = report.reference["window"], report.reference["rolling"]
    rows = counted(report.rows, "row")
    lines = [
        f"Looked at: {rows} of {window['start'][:16]}Z to {window['end'][:16]}Z, "
        f"which counts as {window['class']}."
    ]
    if rolling and rolling["days"]:
        left_out = len(rolling["quarantined"])
        lines.append(
            f"Compared with: {counted(rolling['days'], 'day')} from {rolling['first']} "
            f"to {rolling['last']}"
            + (f"; {counted(left_out, 'day')} under alarm left out." if left_out else ".")
        )
    else:
        lines.append("Compared with nothing: there is no usable reference day yet.")
    frozen = report.reference["frozen"]
    if frozen and frozen["days"]:
        lines.append(
            f"Beside it: {counted(frozen['days'], 'day')} from {frozen['first']} to "
            f"{frozen['last']} that the version was made of."
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
            rule = _rule(track["rule"], report.policy)
            lines.append(
                f"Alarm about {kind} since {track['opened_at'][:16]}Z, because {rule}: "
                f"{', '.join(track['features']) or 'no feature by itself'}."
            )
    if not lines:
        lines.append("No alarm is on.")
    if report.retrain_requested:
        lines.append("This look asked for the model's retrain run.")
    return lines


def _rule(rule: str, limits: Mapping[str, Any]) -> str:
    """
    >>> _rule("missed", {"missed_looks": 1, "days_running": 2, "urgent_features": 2})
    '1 look had too little data'
    """
    closes, looks = limits["days_running"], limits["missed_looks"]
    sentences = {
        "urgent": f"{limits['urgent_features']} or more features were severe at one look",
        "sustained": f"a feature was flagged at {_running(closes, 'close', ' of a day')}",
        "breadth": "all features together moved more than they do by chance, "
        + (f"{closes} closes of a day taken together" if closes > 1 else "at the close of a day"),
        "data": "the data themselves are severely wrong",
        "missed": f"{_running(looks, 'look')} had too little data",
    }
    return sentences.get(rule, rule)


def _running(number: int, noun: str, of: str = "") -> str:
    return f"{counted(number, noun)}{of}{' in a row' if number > 1 else ''}"


def _feature(item: FeatureReport, limits: Mapping[str, Any]) -> list[str]:
    figures = item.figures
    lines = [f"{item.feature}: {item.severity}, {item.finding}", f"  {item.reason}"]
    if figures.problem is not None:
        return lines
    lines.append(
        f"  {counted(figures.rows, 'value')} here, {figures.reference_rows} in the reference; "
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
        few = f"fewer than {counted(days, 'comparable day')}"
        return [*lines, f"  {few} to say what is normal, so no q-value"]
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
