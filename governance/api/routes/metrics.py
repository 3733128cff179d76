"""`/metrics`: the installation's figures for Prometheus, at the path where scrapers look for them.

While the database is away it answers 503, as every route does, and Prometheus' own `up` is 0: half
a page would look like an installation without models.
"""

from __future__ import annotations

import time

from fastapi.responses import PlainTextResponse
from starlette.requests import Request
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.routing import router as new_router
from governance.monitoring.installation import put_installation
from governance.monitoring.reading import read_installation
from governance.monitoring.sheet import Sheet

router = new_router("metrics")


_OPENMETRICS = {"application/openmetrics-text": {"schema": {"type": "string"}}}


@router.get(
    "/metrics",
    openapi_extra=right("metrics.read"),
    response_class=PlainTextResponse,
    responses={200: {"content": _OPENMETRICS}},
)
def scrape_metrics(request: Request, caller: Asking) -> Response:
    """Figures for Prometheus: OpenMetrics where `Accept` names it, else Prometheus' text format."""
    start = time.perf_counter()
    state, gov = request.app.state, caller.gov
    sheet = Sheet("management")
    with gov.database.read() as connection:
        found = read_installation(connection, state.decision_counts)
    put_installation(sheet, found, most_models=gov.settings.metrics_models)
    state.requests.put(sheet)
    sheet.put("governance_scrape_duration_seconds", time.perf_counter() - start)
    text, media_type = sheet.written(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": media_type, "Vary": "Accept"})
