"""Errors as ``application/problem+json`` with the stable codes of ``governance.errors``.

What is no error of ours is told as ``internal_error`` without its text; the program's log has it.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from governance.errors import (
    GovernanceError,
    InvalidInputError,
    NoProductionVersionError,
    NotFoundError,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_CODES = {404: NotFoundError.code, 405: "method_not_allowed"}
_RETRY_SECONDS = {NoProductionVersionError.code: "5"}


def problem(status: int, code: str, detail: str, **headers: str) -> Response:
    """
    >>> problem(404, "not_found", "no model").status_code
    404
    """
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if status in (429, 503):
        headers["retry-after"] = _RETRY_SECONDS.get(code, "1")
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(to_json(said), status, headers, MEDIA_TYPE)


def of_error(error: Exception) -> Response:
    """The answer to an error; what is not ours is logged here."""
    if isinstance(error, NoProductionVersionError):  # the name is right: come again
        return problem(503, error.code, error.message)
    if isinstance(error, GovernanceError):
        return problem(error.status, error.code, _printable(error.message))
    if isinstance(error, RequestValidationError):
        told = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
        )
        return problem(422, InvalidInputError.code, _printable(told[:1000]))
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "http_error")
        return problem(error.status_code, code, str(error.detail), **(error.headers or {}))
    log.error("a request failed", exc_info=error)
    return problem(
        500, "internal_error", "something went wrong here; the log of the server says what"
    )


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def handle_errors(app: FastAPI) -> None:
    """Every error of ``app`` is answered here."""

    async def answered(_: Request, error: Exception) -> Response:
        return of_error(error)

    for kind in (GovernanceError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answered)
