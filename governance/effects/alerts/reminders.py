"""Open incidents that nobody answered are told again, every ``repeat``.

Measured from the last alert of the incident on each channel that is configured now, so a channel
that was added later hears of it too. None while one still waits, none for an acknowledged or a
snoozed incident.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, func, or_, select

from governance.effects.alerts.outgoing import Payload
from governance.history.alert_rows import payload_of, tell
from governance.store.alert_tables import alert_outbox, incidents

_row = alert_outbox.c


@dataclass(frozen=True, slots=True)
class Due:
    """The ``number``-th reminder of an incident on a channel."""

    incident: Row[Any]
    channel: str
    number: int


def due_reminders(
    connection: Connection, channels: Sequence[str], *, now: datetime, repeat: timedelta
) -> list[Due]:
    """What is to be told again at ``now``."""
    about = incidents.c
    quiet = or_(about.snoozed_until.is_(None), about.snoozed_until <= now)
    unanswered = select(incidents).where(
        about.state == "open", about.acknowledged_at.is_(None), quiet
    )
    found = connection.execute(unanswered.order_by(about.opened_at, about.id)).all()
    return list(_due(connection, found, channels, now - repeat)) if found and channels else []


def _due(
    connection: Connection, found: Sequence[Row[Any]], channels: Sequence[str], before: datetime
) -> Iterator[Due]:
    told = {
        (row.incident_id, row.channel): row
        for row in connection.execute(
            select(
                _row.incident_id,
                _row.channel,
                func.max(func.coalesce(_row.sent_at, _row.created_at)).label("last"),
                func.sum(case((_row.state == "pending", 1), else_=0)).label("waiting"),
                func.sum(case((_row.event == "reminder", 1), else_=0)).label("reminders"),
            )
            .join_from(alert_outbox, incidents, incidents.c.id == _row.incident_id)
            .where(incidents.c.state == "open", incidents.c.acknowledged_at.is_(None))
            .group_by(_row.incident_id, _row.channel)
        )
    }
    for incident in found:
        for channel in channels:
            row = told.get((incident.id, channel))
            if row is None:
                if incident.recorded_at <= before:
                    yield Due(incident, channel, 1)
            elif not row.waiting and row.last <= before:
                yield Due(incident, channel, int(row.reminders) + 1)


def remind(tx: Connection, due: Sequence[Due], *, now: datetime) -> None:
    """Put the reminders into the outbox; two relays that do it at once put each in once."""
    for one in due:
        payload = {**_latest(tx, one.incident), "event": "reminder", "number": one.number}
        key = f"{one.incident.id}:reminder:{one.number}"
        tell(tx, payload, key=key, channel=one.channel, now=now)


def _latest(tx: Connection, incident: Row[Any]) -> Payload:
    """What was told of it last on any channel, as severe as it was at its worst."""
    query = select(_row.payload).where(_row.incident_id == incident.id)
    last = tx.scalar(query.order_by(_row.id.desc()).limit(1))
    return {**(last or payload_of(incident)), "severity": incident.severity}
