"""The serving API as an ASGI application: predictions by the champion, and nothing else.

A process of its own (`governance serve`), not part of the management API: what is slow there must
not be slow here. It reads the database and the artifacts, writes predictions below
``<home>/predictions``, and goes on answering while the database is away.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from governance.serving import metrics
from governance.serving.desk import Desk
from governance.serving.guard import Identify
from governance.serving.limits import ServingLimits
from governance.serving.problems import handle_errors
from governance.serving.routes import router
from governance.wiring import Governance

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]


def create_app(
    gov: Governance | None = None,
    *,
    identify: Identify | None = None,
    models: Sequence[str] = ("*",),
    limits: ServingLimits | None = None,
    log_interval: float = 1.0,
    token_seconds: float = 5.0,
    verify_dataset: bool = True,
) -> FastAPI:
    """The application; give it to an ASGI server.

    Args:
        gov: closed by its owner; if not given, one is opened by the environment.
        identify: says who asks, or raises ``UnauthenticatedError``; by default an API token does.
        models: patterns of the models that are served here.
        limits: sizes and times of requests.
        log_interval: seconds after which predictions are on the disk; what a crash may lose.
        token_seconds: how long a token that was revoked may still be let in.
        verify_dataset: are the registered data compared when a version is loaded?

    >>> import tempfile
    >>> from governance import Governance
    >>> app = create_app(Governance.open(home=tempfile.mkdtemp()))
    >>> app.url_path_for("predict", model="momentum")
    '/api/v1/models/momentum/predict'
    """
    opened = gov or Governance.open()
    desk = Desk(
        opened,
        identify=identify,
        models=models,
        limits=limits or ServingLimits(),
        log_interval=log_interval,
        token_seconds=token_seconds,
        verify_dataset=verify_dataset,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(desk.start)
        try:
            yield
        finally:
            await run_in_threadpool(desk.stop)
            if gov is None:
                opened.close()

    app = FastAPI(
        title="Model serving",
        description=__doc__,
        version="1",
        lifespan=lifespan,
        openapi_url=None,  # the routes have it, for those who may see it
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # 404 instead: a redirect would be an answer to anybody
    )
    app.state.desk = desk
    app.include_router(router)
    app.include_router(metrics.router)
    handle_errors(app)
    app.add_middleware(_SafeHeaders)
    return app


class _SafeHeaders:
    """Adds the headers that keep browsers from doing anything with an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: list[Any] = list(message.get("headers", ()))
                message["headers"] = headers + _HEADERS
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)
