"""Incidents, and who looks after them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query

from governance.api.guard import Asking, right
from governance.api.paging import asked as one_more
from governance.api.paging import page
from governance.api.routing import router as new_router
from governance.api.shapes.evidence import IncidentShown, Nothing, SnoozeAsked
from governance.api.shapes.parts import Cursor, Limit, ModelFilter, Page
from governance.history.incident_handling import Incident, list_incidents, read_incident

router = new_router("alerts")

IncidentId = Annotated[str, Path(max_length=64, description="Its id.", examples=["0123456789ab"])]


@router.get("/alerts", openapi_extra=right("alerts.list"))
def list_alerts(
    caller: Asking,
    model: ModelFilter = None,
    state: Annotated[Literal["open", "closed"] | None, Query(description="Only these.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[IncidentShown]:
    """Incidents of models that one sees, the newest first."""
    with caller.gov.database.read() as connection:
        found = list_incidents(
            connection,
            model=model,
            state=state,
            limit=one_more(limit),
            patterns=caller.patterns,
            after=cursor,
        )
    return page(found, limit, show=IncidentShown.model_validate, cursor=lambda one: one.id)


@router.get("/alerts/{incident_id}", openapi_extra=right("alerts.read", late=True))
def get_alert(caller: Asking, incident_id: IncidentId) -> IncidentShown:
    """One incident, as it stands now."""
    return IncidentShown.model_validate(_seen(caller, incident_id))


@router.post("/alerts/{incident_id}/acknowledge", openapi_extra=right("alerts.handle", late=True))
def acknowledge_alert(
    caller: Asking, incident_id: IncidentId, asked: Nothing | None = None
) -> IncidentShown:
    """Say that one looks after it: no more reminders. The first who says so stays."""
    found = _seen(caller, incident_id)
    return IncidentShown.model_validate(caller.gov.alerts.acknowledge(found.id, caller.name))


@router.post("/alerts/{incident_id}/snooze", openapi_extra=right("alerts.handle", late=True))
def snooze_alert(caller: Asking, incident_id: IncidentId, asked: SnoozeAsked) -> IncidentShown:
    """Silence until a moment: updates and reminders wait, a close is told."""
    found = _seen(caller, incident_id)
    return IncidentShown.model_validate(
        caller.gov.alerts.snooze(found.id, asked.until, caller.name)
    )


def _seen(caller: Asking, incident_id: str) -> Incident:
    def find() -> Incident:
        with caller.gov.database.read() as connection:
            return read_incident(connection, incident_id)

    return caller.seen(find, lambda one: one.model)
