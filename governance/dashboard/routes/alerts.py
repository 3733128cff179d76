"""Incidents: what is open, who looks after it; to acknowledge and to snooze are forms."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import Response

from governance.access.rights import allowed
from governance.api.guard import Asking, Caller, right
from governance.dashboard.pages import page, see
from governance.dashboard.reads.incidents import totals
from governance.dashboard.routing import Cursor, Id, ModelWord, page_router
from governance.history.incident_handling import Incident, list_incidents, read_incident
from governance.store.database import database_time

router = page_router()

LINES = 50
SNOOZES = ((4, "4 hours"), (24, "1 day"), (72, "3 days"), (168, "1 week"))

State = Annotated[str, Query(pattern="^(open|closed|all)$")]
Hours = Annotated[int, Form(ge=1, le=24 * 31)]


@router.get("/alerts", openapi_extra=right("alerts.list"), response_class=Response)
def list_of_alerts(
    request: Request,
    caller: Asking,
    state: State = "open",
    model: ModelWord = "",
    cursor: Cursor = "",
) -> Response:
    """The newest first, of models that one sees."""
    with caller.gov.database.read() as connection:
        found = list_incidents(
            connection,
            state=None if state == "all" else state,
            model=model or None,
            limit=LINES + 1,
            patterns=caller.patterns,
            after=cursor or None,
        )
        numbers = totals(connection, model=model or None, patterns=caller.patterns)
        now = database_time(connection)
    shown = found[:LINES]
    return page(
        request,
        "alerts.html",
        caller=caller,
        incidents=shown,
        handles={one.id for one in shown if allowed(caller.identity, "alerts.handle", one.model)},
        next_cursor=shown[-1].id if len(found) > LINES else None,
        totals=numbers,
        state=state,
        model=model,
        now=now,
        paged=bool(cursor),
    )


@router.get(
    "/alerts/{incident_id}",
    openapi_extra=right("alerts.read", late=True),
    response_class=Response,
)
def get_alert(request: Request, caller: Asking, incident_id: Id) -> Response:
    """One incident, and the forms for who may handle it."""
    found = _seen(caller, incident_id)
    with caller.gov.database.read() as connection:
        now = database_time(connection)
    return page(
        request,
        "alert.html",
        caller=caller,
        incident=found,
        model=found.model,
        told=caller.gov.alerts.told([found.id]).get(found.id, {}),
        may_handle=allowed(caller.identity, "alerts.handle", found.model),
        snoozes=SNOOZES,
        now=now,
    )


@router.post(
    "/alerts/{incident_id}/acknowledge",
    openapi_extra=right("alerts.handle", late=True, upload=True),
    response_class=Response,
)
def acknowledge(request: Request, caller: Asking, incident_id: Id) -> Response:
    """Say that one looks after it."""
    found = _seen(caller, incident_id)
    caller.gov.alerts.acknowledge(found.id, caller.name)
    return see(request, "alerts", found.id)


@router.post(
    "/alerts/{incident_id}/snooze",
    openapi_extra=right("alerts.handle", late=True, upload=True),
    response_class=Response,
)
def snooze(request: Request, caller: Asking, incident_id: Id, hours: Hours) -> Response:
    """Silence for some hours, counted by the database's clock."""
    found = _seen(caller, incident_id)
    with caller.gov.database.read() as connection:
        now = database_time(connection)
    caller.gov.alerts.snooze(found.id, now + timedelta(hours=hours), caller.name)
    return see(request, "alerts", found.id)


def _seen(caller: Caller, incident_id: str) -> Incident:
    def find() -> Incident:
        with caller.gov.database.read() as connection:
            return read_incident(connection, incident_id)

    return caller.seen(find, lambda one: one.model)
