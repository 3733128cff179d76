"""Drift of one model: features x days, and one cell with reference against what was seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.shapes.parts import ModelName
from governance.dashboard import words
from governance.dashboard.charts.series import series
from governance.dashboard.charts.svg import bar
from governance.dashboard.heat_table import heat_table
from governance.dashboard.pages import page
from governance.dashboard.reads.heat import (
    MOST_DAYS,
    day_of,
    heat,
    looks_of_feature,
    report_by_prefix,
)
from governance.dashboard.reads.one_model import newest_report
from governance.dashboard.routing import page_router
from governance.errors import InvalidInputError, NotFoundError, UnavailableError
from governance.evidence.drift.records import report_store
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.registry import overview, records
from governance.values import ModelVersion
from governance.wiring import Governance

router = page_router()

SPANS = (7, 14, 30, MOST_DAYS)

Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]
VersionId = Annotated[str, Query(pattern=r"^$|^[0-9a-f]{12}$")]
CellRef = Annotated[str, Path(pattern=r"^[0-9a-f]{12}\.[0-9]{1,5}$", max_length=20)]


@router.get("/models/{model}/drift", openapi_extra=right("drift.read"), response_class=Response)
def get_drift(
    request: Request, caller: Asking, model: ModelName, version: VersionId = "", days: Days = 30
) -> Response:
    """The heat map of a version: the one that decides, if none is asked for."""
    with caller.gov.database.read() as connection:
        overview.model(connection, model)
        chosen = _chosen(connection, model, version)
        last = newest_report(connection, model, None if chosen is None else chosen.id)
        if last is not None and chosen is None:
            chosen = records.by_id(connection, last.version_id)
        found = None
        if last is not None:
            found = heat(
                connection,
                last.version_id,
                until=last.at,
                days=days,
                timezone=timezone_of(caller.gov, model),
            )
    return page(
        request,
        "drift.html",
        caller=caller,
        model=model,
        version=chosen,
        last=last,
        heat=found,
        table=None if found is None else heat_table(found),
        days=days,
        spans=SPANS,
        zone=timezone_of(caller.gov, model),
    )


@router.get(
    "/models/{model}/drift/{cell}", openapi_extra=right("drift.read"), response_class=Response
)
def get_cell(request: Request, caller: Asking, model: ModelName, cell: CellRef) -> Response:
    """One feature of one look: shares in the reference and in the window, and the days before."""
    prefix, _, place = cell.partition(".")
    with caller.gov.database.read() as connection:
        report_id = report_by_prefix(connection, model, prefix)
        report = None if report_id is None else report_store.find(connection, report_id)
        if report is None:
            raise NotFoundError("this look is not there; the drift page shows what is")
        features = sorted(report.features, key=lambda one: one.feature)
        if int(place) >= len(features):
            raise NotFoundError(
                "the figures of this look are no longer kept; the drift page shows which are"
            )
        feature = features[int(place)]
        before = looks_of_feature(
            connection,
            report.version_id,
            feature.feature,
            since=report.at - timedelta(days=30),
            until=report.at,
        )
    return page(
        request,
        "cell.html",
        caller=caller,
        model=model,
        report=report,
        feature=feature,
        figures=_figures(feature),
        shares=_shares(report, feature.feature),
        picture=_over_time(report, feature, before, timezone_of(caller.gov, model)),
        looks=len(before),
    )


def timezone_of(gov: Governance, model: str) -> str:
    """Whose days the model has; UTC where nothing is declared or the file is broken."""
    try:
        declared = gov.config.models.get(model)
    except (InvalidInputError, UnavailableError):
        declared = None
    return "UTC" if declared is None else declared.timezone


def _chosen(connection: Any, model: str, version: str) -> ModelVersion | None:
    if not version:
        return records.in_production(connection, model)
    found = records.by_id(connection, version)
    if found is None or found.name != model:
        raise NotFoundError(f"{model} has no version {version}; its page lists them")
    return found


def _figures(feature: FeatureReport) -> list[tuple[str, str, str]]:
    """What was measured, with its unit and what it was held against."""
    given = feature.figures
    return [
        ("Effect", words.figure(given.effect), "0 to 1, distance beyond the usual"),
        ("KS distance", words.figure(given.ks), f"exact value at most {_more(given)}"),
        ("PSI", words.figure(given.psi), f"{words.figure(given.psi_null)} without drift (95 %)"),
        ("q-value", words.figure(given.q_value), "corrected for the number of features"),
        ("Mean shift", words.figure(given.mean_shift), "standard deviations of the reference"),
        ("Variance ratio", words.figure(given.variance_ratio), "window to reference"),
        (
            "Missing",
            words.percent(given.missing_share),
            f"reference {words.percent(given.reference_missing_share)}",
        ),
        ("Rows", words.figure(given.rows), f"reference {words.figure(given.reference_rows)}"),
        ("Importance", words.percent(given.importance), "share of the model's"),
    ]


def _more(given: Any) -> str:
    if given.ks is None:
        return words.DASH
    return words.figure(given.ks + (given.ks_bound or 0.0))


def _shares(report: DriftReport, feature: str) -> list[dict[str, Any]]:
    """Of each group of values, in the reference and in the window; empty where none is kept."""
    kept = (report.reference.get("histograms") or {}).get(feature) or {}
    labels, before, now = (kept.get(key) or [] for key in ("labels", "reference", "current"))
    if not labels or len(before) != len(labels) or len(now) != len(labels):
        return []
    most = max([0.01, *(share or 0.0 for share in [*before, *now])])
    return [
        {
            "label": label,
            "before": share,
            "now": current,
            "before_bar": bar((share or 0.0) / most, css="reference", title=f"{label}: reference"),
            "now_bar": bar((current or 0.0) / most, css="current", title=f"{label}: window"),
        }
        for label, share, current in zip(labels, before, now, strict=True)
    ]


def _over_time(
    report: DriftReport, feature: FeatureReport, before: list[dict[str, Any]], timezone: str
) -> Any:
    """The last look of each of the model's days, by KS distance or, for categories, PSI."""
    name, unit, limit = "ks", "KS distance (0 to 1)", report.policy.get("flagged_effect")
    if feature.figures.kind == "categorical":
        name, unit, limit = "psi", "PSI", None
    zone = ZoneInfo(timezone)
    by_day = {day_of(look["at"], zone): look for look in before if look[name] is not None}
    points = [(look["at"], look[name], look["severity"]) for look in by_day.values()]
    if len(points) < 2:
        return None
    title = f"{unit} of {feature.feature} in the last {len(points)} days with a look"
    return series(points, unit=unit, title=title, limit=limit, chosen=report.at)
