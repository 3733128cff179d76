"""`/metrics` of the serving process: what it answered, who answers, how its log stands.

All of it is in memory; the database is asked for the scraper's token alone. Counters begin at zero
with the process. A process has its own address, so that each is scraped by itself: `governance
serve` starts one process, and several of them are several targets.
"""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from governance import errors
from governance.errors import GovernanceError, NoProductionVersionError
from governance.monitoring.sheet import Buckets, Sheet
from governance.serving.desk import Desk
from governance.serving.guard import GuardedRoute, right

router = APIRouter(route_class=GuardedRoute)

_STATES = ("serving", "stale", "blocked", "unloadable", "none")
_STATUS = {
    one.code: one.status
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, GovernanceError)
} | {NoProductionVersionError.code: 503}  # as it is answered here


@router.get(
    "/metrics",
    openapi_extra=right("metrics.read"),
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"application/openmetrics-text": {"schema": {"type": "string"}}}},
        401: {"description": "Nobody known asks."},
        403: {"description": "The right is missing."},
    },
)
async def scrape_metrics(request: Request) -> Response:
    """Figures for Prometheus: OpenMetrics where `Accept` names it, else Prometheus' text format."""
    accept = request.headers.get("accept", "")
    text, media_type = await run_in_threadpool(_page, request.app.state.desk, accept)
    return Response(text, headers={"Content-Type": media_type, "Vary": "Accept"})


def _page(desk: Desk, accept: str) -> tuple[bytes, str]:
    start = time.perf_counter()
    sheet = Sheet("serving")
    champions = desk.champions
    counts = champions.counts()
    for state in _STATES:
        sheet.put("governance_serving_models", counts[state], state)
    sheet.put("governance_serving_watcher_up", int(champions.problem is None))
    _put_log(sheet, desk.log.as_json())
    names = sorted(champions.names())
    most = desk.gov.settings.metrics_models
    figures = desk.figures.snapshot()
    for name in names[:most]:
        _put_model(sheet, desk, name, figures.get(name))
    sheet.put("governance_serving_models_left_out", max(0, len(names) - most))
    sheet.put("governance_serving_scrape_duration_seconds", time.perf_counter() - start)
    return sheet.written(accept)


def _put_log(sheet: Sheet, log: dict[str, Any]) -> None:
    sheet.put("governance_serving_log_written_rows_total", log["written_rows"])
    sheet.put("governance_serving_log_waiting_rows", log["waiting_rows"])
    sheet.put("governance_serving_log_dropped_rows_total", log["dropped_rows"])
    sheet.put("governance_serving_log_lost_rows_total", log["lost_rows"])


def _put_model(sheet: Sheet, desk: Desk, name: str, figures: dict[str, Any] | None) -> None:
    slot = desk.champions.slot(name)
    if slot is not None and slot.serving is not None:
        serving = slot.serving
        sheet.put("governance_serving_version_info", 1, name, serving.version.version)
        sheet.put("governance_serving_generation", serving.generation, name)
    sheet.put("governance_serving_swaps_total", desk.champions.swaps.get(name, 0), name)
    dropped = desk.shadows.dropped(name)
    sheet.put("governance_serving_shadow_dropped_rows_total", dropped, name)
    if figures is None:  # nothing was asked of it
        return
    outcomes = {"answered": figures["requests"], "refused": 0, "failed": 0}
    for code, number in figures["errors"].items():
        sheet.put("governance_serving_errors_total", number, name, code)
        outcomes["failed" if _STATUS.get(code, 500) >= 500 else "refused"] += number
    for outcome, number in outcomes.items():
        sheet.put("governance_serving_requests_total", number, name, outcome)
    sheet.put("governance_serving_rows_total", figures["rows"], name)
    latency = figures["latency"]
    found = Buckets(latency["bounds"], latency["counts"], figures["seconds"])
    sheet.put_histogram("governance_serving_request_duration_seconds", found, name)
