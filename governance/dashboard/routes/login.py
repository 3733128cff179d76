"""Log in with an API token, and out again. Only where nobody else knows who somebody is."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from governance.api.guard import PUBLIC, Asking, right
from governance.canonical import storable
from governance.dashboard.pages import page
from governance.dashboard.routing import page_router
from governance.dashboard.sessions import COOKIE, Sessions
from governance.dashboard.site import base_of, site_of
from governance.errors import ForbiddenError, UnauthenticatedError
from governance.settings import Settings

router = page_router()

Next = Annotated[str, Query(max_length=4000)]


@router.get("/login", openapi_extra=right(PUBLIC), response_class=Response)
def get_login(request: Request, next: Next = "") -> Response:
    """The form. It asks nothing of the database, so it is there when the database is not."""
    return _form(request, next, "", 200)


@router.post("/login", openapi_extra=right(PUBLIC, upload=True), response_class=Response)
def log_in(
    request: Request,
    token: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Take the token once; from then on a cookie says who this is."""
    desk = request.app.state.desk
    gov = desk.gov()
    client = request.client.host if request.client else "?"
    desk.rates.take(f"login:{client}")
    if not from_own_page(request, gov.settings):
        raise ForbiddenError("a login must come from this server's own page; open it and try again")
    try:
        word = _sessions(request).begin(gov.access.tokens, token.strip())
    except UnauthenticatedError as error:
        gov.access.denied(None, "dashboard", None, reason=error.message)
        return _form(request, next, error.message, 401)
    answer = RedirectResponse(inside(request, next), status_code=303)
    answer.set_cookie(
        COOKIE,
        word,
        path=base_of(request),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/logout", openapi_extra=right("dashboard.read", upload=True), response_class=Response)
def log_out(request: Request, caller: Asking) -> Response:
    """End the session here and in the browser."""
    _sessions(request).end(request.cookies.get(COOKIE, ""))
    answer = _form(request, "", "You are logged out.", 200)
    answer.delete_cookie(COOKIE, path=base_of(request), httponly=True, samesite="strict")
    return answer


def inside(request: Request, wanted: str) -> str:
    """``wanted`` if it is the path of one of these pages, else the first page: a login sends
    nobody elsewhere.
    """
    base = base_of(request)
    below = wanted == base or wanted.startswith((f"{base}/", f"{base}?"))
    plain = storable(wanted) and wanted.isprintable() and "\\" not in wanted and wanted.isascii()
    return wanted if below and plain else base


def from_own_page(request: Request, settings: Settings) -> bool:
    """Does the browser say that its own form on this server sent this?"""
    origin = request.headers.get("origin", "").lower()
    own = {one.strip().lower() for one in settings.api_origins.split(",") if one.strip()}
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return origin in own or (bool(host) and host == request.headers.get("host", "").lower())


def _sessions(request: Request) -> Sessions:
    found = site_of(request).sessions
    assert found is not None  # this router is included with them only
    return found


def _form(request: Request, next: str, said: str, status: int) -> Response:
    return page(
        request,
        "login.html",
        caller=None,
        status=status,
        detail=said,
        code="unauthenticated" if status == 401 else "",
        next=inside(request, next),
        sent=False,
    )
