"""The audit log, the newest entry first, by action, model and person; verified on request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from governance.api.guard import Asking, Caller, right
from governance.api.paging import number_of
from governance.api.shapes.parts import LINE, ModelName
from governance.dashboard.pages import page
from governance.dashboard.reads import log
from governance.dashboard.routing import Cursor, ModelWord, page_router
from governance.errors import AuditChainError

router = page_router()

LINES = 50

Action = Annotated[str, Query(pattern=r"^[a-z_.]*$", max_length=64)]
# The people of the log are not offered: who sees one model need not know those of the others.
Actor = Annotated[str, Query(pattern=rf"^$|{LINE}", max_length=255)]


@router.get("/audit", openapi_extra=right("audit.read"), response_class=Response)
def get_log(
    request: Request,
    caller: Asking,
    action: Action = "",
    of: ModelWord = "",
    actor: Actor = "",
    cursor: Cursor = "",
) -> Response:
    """The whole log, or what it says of one model."""
    return _log(request, caller, action=action, actor=actor, cursor=cursor, of=of)


@router.get("/models/{model}/audit", openapi_extra=right("audit.read"), response_class=Response)
def get_log_of_model(
    request: Request,
    caller: Asking,
    model: ModelName,
    action: Action = "",
    actor: Actor = "",
    cursor: Cursor = "",
) -> Response:
    """What concerns one model."""
    return _log(request, caller, action=action, actor=actor, cursor=cursor, model=model)


@router.post(
    "/audit/verify", openapi_extra=right("audit.read", upload=True), response_class=Response
)
def verify(request: Request, caller: Asking) -> Response:
    """Walk the whole log now: a second for each 200,000 entries or so."""
    said: dict[str, Any]
    try:
        found = caller.gov.audit.verify()
        said = {"intact": True, "entries": found.entries, "head": found.head, "problem": ""}
    except AuditChainError as error:
        said = {"intact": False, "entries": 0, "head": "", "problem": error.message}
    return page(request, "verified.html", caller=caller, **said)


def _log(
    request: Request,
    caller: Caller,
    *,
    action: str,
    actor: str,
    cursor: str,
    model: str = "",
    of: str = "",
) -> Response:
    with caller.gov.database.read() as connection:
        found = log.latest(
            connection,
            model=model or of,
            action=action,
            actor=actor,
            before=number_of(cursor) if cursor else None,
            limit=LINES + 1,
        )
        actions = log.actions(connection)
        entries = log.entries(connection)
    return page(
        request,
        "audit.html",
        caller=caller,
        log=found[:LINES],
        next_cursor=found[LINES - 1]["seq"] if len(found) > LINES else None,
        actions=actions,
        entries=entries,
        action=action,
        actor=actor,
        model=model,
        of=of,
        paged=bool(cursor),
    )
