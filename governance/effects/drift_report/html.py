"""A drift report as one HTML file that asks nobody for anything: styles and plots stand in it.

The order is that of a reader in a hurry: what, how bad, why; the open incident; what is wrong with
the data; what was compared; the features, the worst first; their plots; the last 30 days; the
policy. Neighbours: ``templates/report.html`` (layout), ``compared`` (what was compared, in words).

Not promised: that every feature has a plot. Only those that moved have one, and at most
``MOST_PLOTS`` of them; the table is complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from governance.effects.drift_report import words
from governance.effects.drift_report.compared import comparison, data_problems
from governance.effects.drift_report.plots import Bars, Panel, feature_svg
from governance.effects.drift_report.rows import FeatureRow, feature_rows
from governance.effects.drift_report.templating import drawn, templates
from governance.effects.drift_report.timeline import SIZES, look_points, timeline_svg
from governance.values import Severity, parse_time

MOST_PLOTS, MOST_REASONS = 24, 5


def report_html(
    report: Mapping[str, Any],
    *,
    history: Sequence[Mapping[str, Any]],
    histograms: Mapping[str, Mapping[str, Any]],
    limits: Mapping[str, Any],
    incident: Mapping[str, Any] | None,
) -> str:
    """The page.

    Args:
        report: ``DriftReport.as_json()``.
        history: earlier looks, in any order: at, severity, flagged (number of features),
            worst_effect, incident_id. The report itself may be among them.
        histograms: by feature: labels, reference, current and perhaps frozen (shares, 0 to 1).
        limits: ``DriftLimits.as_json()`` as in force for this report.
        incident: the row of the incident that is open, or that this look closed, as JSON.
    """
    rows = feature_rows(report.get("features") or ())
    severity = words.severity_of(report.get("severity"))
    problems = data_problems(report, rows)
    # Without a reference nothing is looked at; with one, what was found has been there.
    forgotten = not rows and bool((report["reference"].get("rolling") or {}).get("days"))
    calm = severity is Severity.NORMAL
    moved = [row for row in rows if row.severity is not Severity.NORMAL]
    return (
        templates()
        .get_template("report.html")
        .render(
            report=report,
            style=words.STYLES[severity],
            severity=severity.value,
            headline=_FORGOTTEN if forgotten and calm else words.headline(report),
            forgotten=forgotten,
            words=words,
            incident=incident,
            rule=words.rule_sentence(incident.get("rule"), limits) if incident else "",
            reasons=_reasons(report, rows),
            most_reasons=MOST_REASONS,
            data_problems=problems,
            compared=comparison(report),
            moved=moved,
            calm=[row for row in rows if row.severity is Severity.NORMAL],
            counts=_counts(rows),
            plots=_plots(moved, histograms),
            most_plots=MOST_PLOTS,
            timeline=_timeline(report, rows, history, limits),
            limits=[(words.LIMITS.get(key, key), value) for key, value in limits.items()],
        )
    )


_FORGOTTEN = "Nothing drifted; the figures of the features are no longer kept."


def _counts(rows: Sequence[FeatureRow]) -> list[tuple[words.Style, int]]:
    found = [(s, sum(row.severity is s for row in rows)) for s in words.WORST_FIRST]
    return [(words.STYLES[severity], number) for severity, number in found if number]


def _reasons(report: Mapping[str, Any], rows: Sequence[FeatureRow]) -> list[str]:
    """What the features are said to have done; the data's problems have a place of their own."""
    given = zip(report.get("features") or (), rows, strict=True)
    return [f["reason"] for f, row in given if row.drifted and not row.data_problem and row.reason]


def _plots(
    moved: Sequence[FeatureRow], histograms: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Of the features that drifted and have something to show, the worst first."""
    plots: list[dict[str, Any]] = []
    for row in moved:
        if not row.drifted:
            continue
        categorical = row.kind == "categorical"
        bars = Bars.of(histograms.get(row.name), categorical=categorical)
        if bars is None:
            continue
        if len(plots) == MOST_PLOTS:
            break
        picture = feature_svg(Panel(row.name, categorical, bars), name=f"f{len(plots)}")
        plots.append({"row": row, "svg": drawn(picture), "frozen": bool(bars.frozen)})
    return plots


def _timeline(
    report: Mapping[str, Any],
    rows: Sequence[FeatureRow],
    history: Sequence[Mapping[str, Any]],
    limits: Mapping[str, Any],
) -> dict[str, Any]:
    """The last 30 days, ending with this look; empty for the first one."""
    this = {
        "at": report["at"],
        "severity": report.get("severity"),
        "flagged": sum(row.drifted for row in rows),
        "worst_effect": max((row.effect for row in rows if row.effect is not None), default=None),
        "incident_id": report.get("incident_id"),
    }
    until = parse_time(str(report["at"]))
    known = {parse_time(str(look["at"])) for look in history}
    points = look_points([*history, *([] if until in known else [this])], until=until)
    if len(points) < 2:
        return {"looks": len(points), "svg": {}, "incidents": 0}
    pictures = {shape: drawn(timeline_svg(points, limits=limits, shape=shape)) for shape in SIZES}
    incidents = {point.incident for point in points if point.incident}
    return {
        "looks": len(points),
        "svg": pictures,
        "incidents": len(incidents),
        "span": words.span(points[0].at, points[-1].at),
    }
