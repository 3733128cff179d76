"""Whether live data have moved: reports of scans, and single features that were compared."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.jobs import Jobs
from governance.api.paging import asked as one_more
from governance.api.paging import number_of, page
from governance.api.routing import router as new_router
from governance.api.shapes.evidence import DriftAlertShown, DriftReportShown, Nothing, ScanAsked
from governance.api.shapes.parts import (
    Cursor,
    IdempotencyKey,
    Limit,
    ModelFilter,
    ModelName,
    Moment,
    Page,
)
from governance.api.shapes.versions import JobShown
from governance.evidence.drift.records import detections, report_store
from governance.evidence.drift.report import DriftReport
from governance.values import Severity

router = new_router("drift")

AlertNumber = Annotated[int, Path(ge=0, le=2**63 - 1, description="Its number.")]


@router.get("/drift/reports", openapi_extra=right("drift.list"))
def list_reports(
    caller: Asking,
    model: ModelFilter = None,
    version: Annotated[str | None, Query(max_length=80, description="A number or an id.")] = None,
    severity: Annotated[Severity | None, Query(description="Only of this severity.")] = None,
    since: Annotated[Moment | None, Query(description="Not before.")] = None,
    until: Annotated[Moment | None, Query(description="Not after.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[DriftReportShown]:
    """Reports on the models that one sees, the newest first."""
    with caller.gov.database.read() as connection:
        found = report_store.query(
            connection,
            model=model,
            version=version,
            severity=severity,
            since=since,
            until=until,
            limit=one_more(limit),
            patterns=caller.patterns,
            after=cursor,
        )
    return page(found, limit, show=_report, cursor=lambda one: one.id)


@router.get("/drift/reports/{report_id}", openapi_extra=right("drift.read", late=True))
def get_report(
    caller: Asking,
    report_id: Annotated[str, Path(max_length=64, description="Its id.")],
) -> DriftReportShown:
    """One report with every watched feature."""
    found = caller.seen(lambda: caller.gov.drift.get_report(report_id), lambda one: one.model)
    return _report(found)


@router.post("/models/{model}/drift/scan", status_code=202, openapi_extra=right("drift.scan"))
def scan_model(
    request: Request,
    response: Response,
    caller: Asking,
    model: ModelName,
    asked: ScanAsked,
    idempotency_key: IdempotencyKey = None,
) -> JobShown:
    """Look for drift now: a job, since it reads live data. The same moment has the same report."""
    gov = caller.gov

    def work() -> dict[str, Any]:
        return gov.drift.scan(model, at=asked.at).as_json()

    jobs: Jobs = request.app.state.jobs
    job = jobs.start(
        work,
        kind="drift_scan",
        model=model,
        version="",
        by=caller.name,
        arguments=[asked.at],
        key=caller.key(idempotency_key),
    )
    response.headers["Location"] = str(request.url_for("get_job", job_id=job.id).path)
    return JobShown.model_validate(job)


@router.get("/drift/alerts", openapi_extra=right("drift.list"))
def list_drift_alerts(
    caller: Asking,
    model: ModelFilter = None,
    version: Annotated[str | None, Query(max_length=80, description="A number or an id.")] = None,
    is_alert: Annotated[bool | None, Query(description="Only what is an alert, or is not.")] = None,
    acknowledged: Annotated[bool | None, Query(description="Only what was seen, or not.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[DriftAlertShown]:
    """Features that were compared, of models that one sees, the newest first."""
    with caller.gov.database.read() as connection:
        found = detections.query(
            connection,
            model=model,
            version=version,
            is_alert=is_alert,
            acknowledged=acknowledged,
            limit=one_more(limit),
            patterns=caller.patterns,
            before=None if cursor is None else number_of(cursor),
        )
    return page(found, limit, show=DriftAlertShown.model_validate, cursor=lambda one: str(one.id))


@router.post(
    "/drift/alerts/{alert_id}/acknowledge", openapi_extra=right("alerts.handle", late=True)
)
def acknowledge_drift_alert(
    caller: Asking, alert_id: AlertNumber, asked: Nothing | None = None
) -> DriftAlertShown:
    """Note that somebody has seen it. The first who says so stays."""

    def find() -> detections.DriftAlert:
        with caller.gov.database.read() as connection:
            return detections.find(connection, alert_id)

    found = caller.seen(find, lambda one: one.model)
    return DriftAlertShown.model_validate(caller.gov.drift.acknowledge_alert(found.id, caller.name))


def _report(report: DriftReport) -> DriftReportShown:
    return DriftReportShown.model_validate(report.as_json())
