"""Who gets in: every route declares one right of ``governance.access.rights``, or nobody gets in.

The guard stands before the body is read, so that a stranger's upload is refused unread. It denies
by default: without a declared right, without a known identity, and wherever something breaks on the
way. A second look, as a dependency of the whole app, refuses what did not come past the first one.

A route whose model is known only after something was looked up (a decision by its id) is ``late``:
the guard asks whether the right is held anywhere, the route asks again through ``Caller.seen``, and
an answer that was made without that is not given out.

Neighbours: ``body`` reads with limits, ``rates`` counts. Not here: the policy file's own lists.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from governance.access.rates import Rates
from governance.access.rights import RIGHTS, allowed, possible, refusal
from governance.access.roles import EVERYTHING, Identity
from governance.api import body
from governance.canonical import sha256_of
from governance.errors import (
    ForbiddenError,
    GovernanceError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from governance.settings import Settings
from governance.wiring import Governance

log = logging.getLogger(__name__)

Identify = Callable[[Request], Identity]
PUBLIC = "public"
SAFE = ("GET", "HEAD", "OPTIONS")
_RIGHT, _LATE, _UPLOAD = "x-right", "x-right-late", "x-upload"

Found = TypeVar("Found")


class Desk(Protocol):
    """What ``application`` keeps for the guard."""

    settings: Settings | None
    rates: Rates
    identify: Identify

    def gov(self) -> Governance: ...


def right(name: str, *, late: bool = False, upload: bool = False) -> dict[str, Any]:
    """The declaration of a route's right, for ``openapi_extra``.

    Args:
        late: the model is known only after a look-up; see ``Caller.seen``.
        upload: the body is an upload, streamed and of the upload's size.
    """
    if name not in RIGHTS and name != PUBLIC:
        raise KeyError(f"{name} stands in no table of rights")
    declared: dict[str, Any] = {_RIGHT: name}
    if late:
        declared[_LATE] = True
    if upload:
        declared[_UPLOAD] = True
    return declared


class Caller:
    """Who asks, and what they may; a route gets it as its first argument."""

    def __init__(self, gov: Governance, identity: Identity, action: str, *, late: bool) -> None:
        self.gov = gov
        self.identity = identity
        self.action = action
        self.pending = late

    @property
    def name(self) -> str:
        """Stands as ``by`` in every record of this call."""
        return self.identity.name

    @property
    def patterns(self) -> tuple[str, ...] | None:
        """Names of the models that a list may show; ``None`` for all."""
        role = RIGHTS[self.action].role
        held = tuple(g.models for g in self.identity.grants if g.role.includes(role))
        return None if EVERYTHING in held else held

    def key(self, given: str | None) -> str | None:
        """The `Idempotency-Key` as it is kept: of this caller alone, so that nobody can take, or
        find out about, another one's.
        """
        return None if given is None else f"http:{sha256_of([self.name, given])}"

    def require(self, model: str | None) -> None:
        """
        Raises:
            ForbiddenError: not on this model; put on record.
        """
        if not allowed(self.identity, self.action, model):
            raise self.denied(model)
        self.pending = False

    def denied(self, model: str | None) -> ForbiddenError:
        why = refusal(self.identity, self.action, model)
        self.gov.access.denied(self.identity, self.action, model, reason=why)
        return ForbiddenError(why)

    def seen(self, find: Callable[[], Found], model: Callable[[Found], str]) -> Found:
        """What was looked up, of a model on which the right is held.

        Raises:
            NotFoundError: nothing is there, or it is of a model that one does not see: the same
                answer to both.
            ForbiddenError: one sees the model and holds a lower role on it.
        """
        nothing = NotFoundError("there is nothing of this id among the models that you see")
        try:
            found = find()
        except NotFoundError:
            self.pending = False
            raise nothing from None
        concerned = model(found)
        if not self.identity.sees(concerned):
            self.denied(concerned)
            raise nothing
        self.require(concerned)
        return found


class GuardedRoute(APIRoute):
    """A route that looks at the caller before it looks at the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()
        takes = get_flat_dependant(self.dependant, skip_repeats=True)
        known = frozenset(field.alias for field in takes.query_params)
        headers = frozenset(field.alias for field in takes.header_params)
        fields = frozenset(field.alias for field in takes.body_params)
        extra = self.openapi_extra or {}

        async def handler(request: Request) -> Response:
            caller = await run_in_threadpool(_enter, request, extra)
            request.state.guarded = True
            request.state.caller = caller
            body.check_address(request, known, headers)
            if body.has_body(request):
                desk: Desk = request.app.state.desk
                if extra.get(_UPLOAD) and desk.settings is not None:
                    request = body.limited(request, desk.settings.api_upload_mib << 20)
                    if fields:
                        await body.check_form(request, fields)
                else:
                    request = body.limited(request, body.MAX_JSON)
                    await body.check_json(request)
            response = await original(request)
            if caller is not None and caller.pending and response.status_code < 400:
                log.error("%s answered without a look at its model", self.path)
                raise ForbiddenError("this route did not ask for the right on its model")
            return response

        return handler


def _enter(request: Request, extra: dict[str, Any]) -> Caller | None:
    """The caller who may go on; ``None`` on a public route."""
    action = extra.get(_RIGHT)
    if action == PUBLIC:
        return None
    desk: Desk = request.app.state.desk
    gov = desk.gov()
    identity = _known(request, desk, gov)
    desk.rates.take(f"{identity.kind}:{identity.name}")
    if action is None:
        raise ForbiddenError("this route declares no right, so nobody may use it")
    _check_origin(request, gov.settings)
    late = bool(extra.get(_LATE))
    caller = Caller(gov, identity, action, late=late)
    model = request.path_params.get("model")
    permitted = possible(identity, action) if late else allowed(identity, action, model)
    if not permitted:
        raise caller.denied(model)
    return caller


def _known(request: Request, desk: Desk, gov: Governance) -> Identity:
    try:
        if len(request.headers.getlist("authorization")) > 1:
            raise UnauthenticatedError("two identities are none; send one Authorization header")
        identity = desk.identify(request)
    except GovernanceError as error:
        if isinstance(error, UnauthenticatedError):
            client = request.client.host if request.client else "?"
            desk.rates.take(f"unknown:{client}")
            gov.access.denied(None, "api", None, reason=error.message)
        raise
    except Exception as error:
        log.exception("nobody can be let in: the identity could not be established")
        raise UnavailableError("who you are cannot be established now; try again") from error
    if not isinstance(identity, Identity):
        raise UnauthenticatedError("nobody known asks; give a token: Authorization: Bearer ...")
    return identity


def _check_origin(request: Request, settings: Settings) -> None:
    """A browser sends its cookies wherever a page asks it to, so a write by cookie must come from
    our own pages. A header that no foreign page can set (a bearer token) needs no such proof; a
    password that a proxy asked for is sent along like a cookie.
    """
    headers = request.headers
    bearer = headers.get("authorization", "").lower().startswith("bearer ")
    if request.method in SAFE or bearer or "cookie" not in headers:
        return
    origin = headers.get("origin") or ""
    own = {one.strip().lower() for one in settings.api_origins.split(",") if one.strip()}
    host = headers.get("host", "").lower()
    try:
        same = bool(host) and urlsplit(origin).netloc.lower() == host
    except ValueError:
        same = False
    if not same and origin.lower() not in own:
        raise ForbiddenError(
            "a write by cookie must come from this server's own pages; send a token instead, or "
            "have this origin added to GOVERNANCE_API_ORIGINS"
        )


def second_look(request: Request) -> None:
    """The app's own dependency: whatever did not pass the guard goes no further."""
    if getattr(request.state, "guarded", False) is not True:
        raise ForbiddenError("this route is not guarded, so nobody may use it")


def _caller(request: Request) -> Caller:
    caller = getattr(request.state, "caller", None)
    if not isinstance(caller, Caller):
        raise ForbiddenError("nobody known asks")
    return caller


Asking = Annotated[Caller, Depends(_caller)]


def bearer(gov: Callable[[], Governance]) -> Identify:
    """Identity by ``Authorization: Bearer <token>``, for a server that stands alone."""

    def identify(request: Request) -> Identity:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise UnauthenticatedError(
                "nobody known asks; give a token: Authorization: Bearer ... "
                "(`governance token create` makes one)"
            )
        return gov().access.tokens.authenticate(secret.strip())

    return identify
