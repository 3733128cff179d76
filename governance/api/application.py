"""`create_app`: the management API as one ASGI app.

Routes are included in the app itself, no sub-apps are mounted, and nothing is redirected: a path
with a slash too many is not found. The same app runs alone under uvicorn (`governance api serve`)
and inside Airflow's API server, which gives it its own ``identify``.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from governance.access.rates import Rates
from governance.api import problems
from governance.api.counting import Counting, Requests
from governance.api.envelope import Envelope
from governance.api.guard import GuardedRoute, Identify, bearer, second_look
from governance.api.heads import Heads
from governance.api.jobs import Jobs
from governance.api.openapi import install_openapi
from governance.api.routes import AT_ROOT, ROUTERS
from governance.api.routing import PREFIX
from governance.errors import GovernanceError
from governance.monitoring.decision_counts import DecisionCounts
from governance.settings import Settings
from governance.wiring import Governance

__all__ = ["PREFIX", "Identify", "create_app"]

Opening = Callable[[], Governance]


class _Desk:
    """One governance for all requests, opened by the first that needs it."""

    def __init__(self, gov: Governance | None, opening: Opening, identify: Identify | None) -> None:
        self._given = gov is not None
        self._opening = opening
        self._gov = gov
        self._lock = threading.Lock()
        self.settings: Settings | None = None
        self.rates = Rates(0)
        self.identify: Identify = identify or bearer(self.gov)
        if gov is not None:
            self._use(gov)

    def gov(self) -> Governance:
        """
        Raises:
            GovernanceError: it cannot be opened now; the next request tries again.
        """
        with self._lock:
            if self._gov is None:
                self._use(self._opening())
            assert self._gov is not None
            return self._gov

    def _use(self, gov: Governance) -> None:
        self._gov, self.settings = gov, gov.settings
        self.rates = Rates(gov.settings.api_requests_per_second)

    def close(self) -> None:
        with self._lock:
            if self._gov is not None and not self._given:
                self._gov.close()
                self._gov = None


def create_app(
    gov: Governance | None = None,
    *,
    opening: Opening = Governance.open,
    identify: Identify | None = None,
) -> FastAPI:
    """The management API.

    Args:
        gov: what it works on; else what ``opening`` opens at the first request that needs it.
        identify: who asks. It raises ``UnauthenticatedError`` for nobody known. By default a bearer
            token (``governance token create``).
    """
    desk = _Desk(gov, opening, identify)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.jobs.close()
        desk.close()

    app = FastAPI(
        title="Model governance",
        version="1",
        summary="What exists, what was measured, what was decided, and why.",
        openapi_url=None,  # served by a route of our own, which asks for a right
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(second_look)],
        lifespan=lifespan,
    )
    app.router.route_class = GuardedRoute
    app.state.desk = desk
    app.state.jobs = Jobs()
    app.state.pages = None  # the path of the pages, once they are mounted
    app.state.requests = Requests()
    app.state.decision_counts = DecisionCounts()
    app.add_exception_handler(GovernanceError, problems.on_governance)
    app.add_exception_handler(HTTPException, problems.on_http)
    app.add_exception_handler(RequestValidationError, problems.on_invalid)
    app.add_middleware(Envelope)
    app.add_middleware(Heads)
    app.add_middleware(Counting, requests=app.state.requests)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    for router in AT_ROOT:
        app.include_router(router)
    install_openapi(app)
    return app
