"""The OpenAPI document: what FastAPI finds, and what is true of every route here.

Each operation names its right, takes a bearer token, and lists the refusals that it can give, all
of one shape: ``Problem``.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from governance.access.rights import RIGHTS
from governance.api.problems import MEDIA_TYPE, RETRY_AFTER

_REF = {"$ref": "#/components/schemas/Problem"}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "Why not (RFC 9457). `code` is stable; more members stand beside it: "
    "`generation` and `version` of a stale call, `decision` of a refused promotion, `errors` of "
    "what does not fit its shape.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
    "examples": [
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "'momentum:9.0.0' is not registered; `governance registry list` shows what "
            "is",
            "code": "not_found",
        }
    ],
}
_SAYS = {
    400: "The body cannot be read.",
    401: "Nobody known asks.",
    403: "Not with this role, or not on this model.",
    404: "Nothing is there, or nothing that you see.",
    405: "Not with this method.",
    408: "The body stopped half-way.",
    409: "What is stored stands against it.",
    413: "The body is too large.",
    415: "Another content type is taken here.",
    422: "What was given can never be right.",
    429: "Too many requests; see Retry-After.",
    500: "Something went wrong here.",
    503: "Not now; the same call may be repeated.",
    507: "No space left; nothing was changed.",
}
_ALWAYS = (422, 500, 503)
_KNOWN = (401, 403, 404, 409, 429)
_WRITING = (400, 408, 413, 415, 507)


def install_openapi(app: FastAPI) -> None:
    """Let ``app.openapi()`` give the document, made once."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    for name, schema in schemas.items():
        if name.startswith("Body_"):  # a form: `body.check_form` takes no other field
            schema["additionalProperties"] = False
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token (`governance token create`). Inside Airflow its own "
            "session counts as well.",
        }
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            _complete(method, operation)
    return document


def _complete(method: str, operation: dict[str, Any]) -> None:
    public = operation.get("x-right") == "public"
    refusals = [*_ALWAYS]
    if not public:
        refusals += _KNOWN
        operation["security"] = [{"token": []}]
        says = RIGHTS[operation["x-right"]]
        note = f"Right `{operation['x-right']}`: {says.role} ({says.scope})."
        operation["description"] = f"{operation.get('description', '').strip()}\n\n{note}".strip()
    if method not in ("get", "head"):
        refusals += _WRITING
    for parameter in operation.get("parameters", ()):
        _never_null(parameter)
    for status in sorted(refusals):
        answer: dict[str, Any] = {
            "description": _SAYS[status],
            "content": {MEDIA_TYPE: {"schema": _REF}},
        }
        if status in RETRY_AFTER:
            answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
        operation["responses"][str(status)] = answer


def _never_null(parameter: dict[str, Any]) -> None:
    """What stands in a query or a header is a text; to leave it out is how it is none."""
    choices = parameter["schema"].pop("anyOf", None)
    if choices is None:
        return
    kept = [one for one in choices if one.get("type") != "null"]
    parameter["schema"] |= kept[0] if len(kept) == 1 else {"anyOf": kept}
