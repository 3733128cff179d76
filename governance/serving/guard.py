"""Who asks, and may they? Every route says which right it takes; one without says nobody's.

The hot path asks no database: whom a token belongs to is remembered for ``cache_seconds``. So a
token that is revoked or expires is refused here at the latest after that time; while the database
is away, those who were let in during the last minute are still let in. Neighbours: ``routes``
(declare rights), ``governance.access`` (the table, the tokens).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from governance.access.rates import Rates
from governance.access.rights import RIGHTS, allowed, refusal
from governance.access.roles import Identity
from governance.errors import (
    ForbiddenError,
    GovernanceError,
    UnauthenticatedError,
    UnavailableError,
)
from governance.serving.bodies import header
from governance.serving.problems import of_error
from governance.wiring import Governance

Identify = Callable[[Request], Identity]

PUBLIC = "public"  # of a route that needs no identity
_KEY = "x-right"
_GRACE_SECONDS = 60.0
_MOST_KNOWN = 10_000


def right(name: str) -> dict[str, str]:
    """For ``openapi_extra`` of a route.

    >>> right("predictions.make")
    {'x-right': 'predictions.make'}
    """
    return {_KEY: name}


class Guard:
    """
    Args:
        identify: says who asks, or raises ``UnauthenticatedError``; called in a thread, and its
            answers are not remembered. By default the bearer's API token says it.
        cache_seconds: how long a token's identity is believed.
    """

    def __init__(
        self, gov: Governance, *, identify: Identify | None = None, cache_seconds: float = 5.0
    ) -> None:
        self._gov = gov
        self._identify = identify
        self._seconds = cache_seconds
        self._per_second = gov.settings.serving_requests_per_second
        self._rates = Rates(self._per_second)
        self._known: dict[bytes, tuple[float, Identity]] = {}
        self._denied: dict[tuple[str, str, str], float] = {}

    async def admit(self, request: Request, action: str | None) -> None:
        """
        Raises:
            UnauthenticatedError: nobody known asks.
            ForbiddenError: no right is declared, or they do not have it.
            RateLimitedError: they ask more than ``serving_requests_per_second``.
        """
        if action == PUBLIC:
            return
        model = request.path_params.get("model")
        try:
            identity = await self._who(request)
        except UnauthenticatedError as error:
            if self._per_second:
                self._rates.take(f"unknown:{request.client.host if request.client else '?'}")
            await self._record(None, action, model, error.message)
            raise
        if self._per_second:
            self._rates.take(f"{identity.kind}:{identity.name}")
        if not allowed(identity, action or "", model):
            reason = refusal(identity, action or "a route that declares no right", model)
            await self._record(identity, action, model, reason)
            raise ForbiddenError(reason)

    async def _who(self, request: Request) -> Identity:
        if self._identify is not None:
            return await run_in_threadpool(self._identify, request)
        secret = _bearer(request)
        key = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(key)
        now = time.monotonic()
        if known is not None and now < known[0] + self._seconds:
            return known[1]
        try:
            identity = await run_in_threadpool(self._gov.access.tokens.authenticate, secret)
        except UnavailableError:
            if known is not None and now < known[0] + _GRACE_SECONDS:
                return known[1]
            raise
        except UnauthenticatedError:
            self._known.pop(key, None)
            raise
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = (now, identity)
        return identity

    async def _record(
        self, identity: Identity | None, action: str | None, model: str | None, reason: str
    ) -> None:
        """At most once a minute for each, so that refusing costs little."""
        key = (identity.name if identity else "", action or "", model or "")
        now = time.monotonic()
        if now < self._denied.get(key, 0.0):
            return
        if len(self._denied) >= _MOST_KNOWN:
            self._denied.clear()
        self._denied[key] = now + 60.0
        await run_in_threadpool(
            lambda: self._gov.access.denied(identity, action or "undeclared", model, reason=reason)
        )


class GuardedRoute(APIRoute):
    """A route that is refused before anything of the request is read, unless it is let in."""

    @property
    def right(self) -> str | None:
        """The declared one, if the table of rights knows it."""
        named = (self.openapi_extra or {}).get(_KEY)
        return named if named == PUBLIC or named in RIGHTS else None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self._guarded(super().get_route_handler())

    def _guarded(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        declared = self.right

        async def guarded(request: Request) -> Response:
            desk = request.app.state.desk
            try:
                await desk.guard.admit(request, declared)
                return await handler(request)
            except ClientDisconnect:  # nobody is there to be answered
                return Response(status_code=400)
            except Exception as error:
                model = request.path_params.get("model", "")
                if desk.champions.slot(model) is not None:
                    code = error.code if isinstance(error, GovernanceError) else "internal_error"
                    desk.figures.failed(model, code)
                return of_error(error)

        return guarded


class DirectRoute(GuardedRoute):
    """One whose endpoint is called without the framework: it takes what the path names and the
    request, and reads the rest itself. The framework's own way takes as long as a prediction.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        endpoint = self.endpoint
        guarded = self._guarded(lambda request: endpoint(**request.path_params, request=request))

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            response = await guarded(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = answered


def _bearer(request: Request) -> str:
    scheme, _, secret = header(request, b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise UnauthenticatedError(
            "send an API token: Authorization: Bearer <token> (`governance token create` makes one)"
        )
    return secret.strip()
