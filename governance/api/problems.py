"""Every refusal as ``application/problem+json`` (RFC 9457), with the stable code of its error.

What an error carries for programs (the generation of now, the refused decision, the first bad audit
entry) stands beside the text. An error that nobody foresaw says nothing about itself.
"""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from governance.canonical import canonical_json
from governance.errors import (
    DatabaseUnavailableError,
    ForeignDatabaseError,
    GovernanceError,
    InvalidInputError,
    NotFoundError,
    SlowRequestError,
    StorageFullError,
    TooLargeError,
    UnsupportedMediaTypeError,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {429: "1", 503: "1"}

# What the framework itself refuses, by status.
_CODES = {
    400: "bad_request",
    404: NotFoundError.code,
    405: "method_not_allowed",
    408: SlowRequestError.code,
    413: TooLargeError.code,
    415: UnsupportedMediaTypeError.code,
}
_MOST_ERRORS = 20
# Where the database is, is nothing for who has not said who they are.
_AWAY = "the database cannot be reached now; repeat the same call (the server's log says more)"


CODE = "problem_code"  # in the state of a request's scope: what was answered, for who counts


class Problem(Response):
    media_type = MEDIA_TYPE
    code = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})[CODE] = self.code
        await super().__call__(scope, receive, send)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **further: Any,
) -> Problem:
    """The answer; ``further`` stands beside the five members that every problem has."""
    body = {
        "type": "about:blank",  # what tells problems apart is the code
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    given = dict(headers or {})
    if status in RETRY_AFTER:
        given.setdefault("Retry-After", RETRY_AFTER[status])
    if status == 401:
        given["WWW-Authenticate"] = "Bearer"
    text = canonical_json({**further, **body})
    # A lone surrogate that a message repeats stays escaped.
    said = Problem(text.encode("utf-8", "backslashreplace"), status_code=status, headers=given)
    said.code = code
    return said


def of_governance(error: GovernanceError) -> Problem:
    """Of an error of the package."""
    further: dict[str, Any] = {}
    for name in ("generation", "version", "seq"):
        if (value := getattr(error, name, None)) is not None:
            further[name] = value
    decision = getattr(error, "decision", None)
    if decision is not None:
        further["decision"] = decision.as_json()
    return problem(error.status, error.code, error.message, **further)


async def on_governance(request: Request, error: Exception) -> Response:
    assert isinstance(error, GovernanceError)
    hidden = isinstance(error, DatabaseUnavailableError | ForeignDatabaseError)
    if hidden and not getattr(request.state, "caller", None):
        log.warning("nobody known was told less: %s", error.message)
        return of_governance(DatabaseUnavailableError(_AWAY))
    return of_governance(error)


async def on_http(request: Request, error: Exception) -> Response:
    """What routing and the body's parser refuse."""
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "http_error")
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else {}
    return problem(error.status_code, code, str(error.detail), headers=headers)


def _allowed(request: Request) -> str:
    """The methods of all routes on this path; the framework knows the first one's only."""
    methods = {
        method
        for route in request.app.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in getattr(route, "methods", ())
    }
    if "GET" in methods:
        methods.add("HEAD")  # see `heads`
    return ", ".join(sorted(methods))


async def on_invalid(request: Request, error: Exception) -> Response:
    """What does not fit a shape: where and why, without what was given."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(_text(part) for part in item["loc"])[:200], "why": _text(item["msg"])}
        for item in error.errors()[:_MOST_ERRORS]
    ]
    detail = "; ".join(f"{item['where']}: {item['why']}" for item in found)[:2000]
    return problem(InvalidInputError.status, InvalidInputError.code, detail, errors=found)


def of_unforeseen(error: BaseException, request_id: str) -> Problem:
    """Of anything else: a full disk says so, the rest says only where to look."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return of_governance(StorageFullError("no space left; nothing was changed"))
    return problem(
        500,
        "internal_error",
        f"something went wrong here; the log has it under request {request_id}",
        request_id=request_id,
    )


def _text(part: object) -> str:
    """As JSON can hold it: a lone surrogate from the caller stays escaped."""
    return json.dumps(str(part))[1:-1].replace('\\"', '"')[:300]
