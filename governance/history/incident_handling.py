"""Incidents as people meet them: read, acknowledge, snooze.

An acknowledged incident is reminded of no more; a snoozed one is silent until the snooze ends, but
for its close. Both are recorded in the audit log in the same transaction. What opens and closes
incidents is ``incidents``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from governance.errors import ConflictError, InvalidInputError, NotFoundError
from governance.history.audit import append_entry
from governance.store.alert_tables import incidents
from governance.store.name_patterns import names_like
from governance.values import Severity, as_utc, check_model_name, is_version_id, iso

MAX_LISTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One episode of alarm, as it stood when it was read.

    Attributes:
        kind: ``drift`` or ``data``; state: ``open`` or ``closed``.
        severity: the worst so far. features: names, the worst first.
        rule: the rule that stands for its severity. report_id: the latest report that changed it.
        closed_at: of a closed one ``None`` while an episode of the past has no known end.
        retrain_requested_at: event time of the last look that asked for a retrain run;
            retrain_told_at: of the last such request that was passed on (``retrain_requests``).
    """

    id: str
    model: str
    version_id: str
    version: str
    kind: str
    state: str
    severity: Severity
    rule: str
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    closed_reason: str | None
    features: tuple[str, ...]
    report_id: str
    retrain_requested: bool
    retrain_requested_at: datetime | None
    retrain_told_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    recorded_at: datetime

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def read_incident(connection: Connection, name: str) -> Incident:
    """
    Raises:
        NotFoundError: no incident has this id.
    """
    return _incident(_row(connection, name))


def list_incidents(
    connection: Connection,
    *,
    state: str | None = None,
    model: str | None = None,
    limit: int = 100,
    patterns: Sequence[str] | None = None,
    after: str | None = None,
) -> list[Incident]:
    """The newest first.

    Args:
        patterns: only of models whose names match one of them; ``None`` for all.
        after: id of the last incident of the page before.

    Raises:
        InvalidInputError: a state that is neither ``open`` nor ``closed``, a name that is none.
    """
    if state not in (None, "open", "closed"):
        raise InvalidInputError(f"an incident is open or closed, not {str(state)[:40]!r}")
    if type(limit) is not int or not 1 <= limit <= MAX_LISTED:
        raise InvalidInputError(f"limit must be between 1 and {MAX_LISTED}")
    query = select(incidents)
    if state is not None:
        query = query.where(incidents.c.state == state)
    if model is not None:
        query = query.where(incidents.c.model_name == check_model_name(model))
    if patterns is not None:
        query = query.where(names_like(incidents.c.model_name, patterns))
    if after is not None:
        try:
            last = _row(connection, after)
        except NotFoundError:
            raise InvalidInputError("the cursor is not one that a list of alerts gave") from None
        query = query.where(
            or_(
                incidents.c.opened_at < last.opened_at,
                and_(incidents.c.opened_at == last.opened_at, incidents.c.id > last.id),
            )
        )
    query = query.order_by(incidents.c.opened_at.desc(), incidents.c.id).limit(limit)
    return [_incident(row) for row in connection.execute(query)]


def acknowledge_incident(tx: Connection, name: str, *, by: str, at: datetime) -> Incident:
    """Somebody looks after it. The first who says so stays; to say it again changes nothing.

    Raises:
        NotFoundError: no such incident.
        ConflictError: it is closed, or somebody else acknowledged it.
    """
    row = _open_row(tx, name, "acknowledged")
    if row.acknowledged_by not in (None, by):
        raise ConflictError(
            f"incident {name} was acknowledged by {row.acknowledged_by} at "
            f"{iso(row.acknowledged_at)} already, who looks after it; ask there before you do too"
        )
    if row.acknowledged_at is None:
        moment = as_utc(at)
        _change(tx, name, acknowledged_by=by, acknowledged_at=moment)
        _entry(tx, "incident.acknowledged", row, by, {"at": iso(moment)})
    return read_incident(tx, name)


def snooze_incident(
    tx: Connection, name: str, *, until: datetime, by: str, at: datetime
) -> Incident:
    """Be silent about it from ``at`` to ``until``. A later call moves the end, either way.

    Raises:
        NotFoundError: no such incident.
        ConflictError: it is closed.
        InvalidInputError: ``until`` is not after ``at``.
    """
    end, moment = as_utc(until, what="until"), as_utc(at)
    if end <= moment:
        raise InvalidInputError(
            f"the snooze would end at {iso(end)}, which is past; give a time after {iso(moment)}"
        )
    row = _open_row(tx, name, "snoozed")
    if row.snoozed_until != end:
        _change(tx, name, snoozed_until=end)
        _entry(tx, "incident.snoozed", row, by, {"at": iso(moment), "until": iso(end)})
    return read_incident(tx, name)


def _row(connection: Connection, name: str, *, locked: bool = False) -> Row[Any]:
    query = select(incidents).where(incidents.c.id == name)
    known = isinstance(name, str) and is_version_id(name)  # 12 hex digits as well
    row = (
        connection.execute(query.with_for_update() if locked else query).first() if known else None
    )
    if row is None:
        raise NotFoundError(
            f"no incident {str(name)[:40]!r}; `governance alerts list` shows the ids"
        )
    return row


def _open_row(tx: Connection, name: str, done: str) -> Row[Any]:
    row = _row(tx, name, locked=True)
    if row.state != "open":
        when = "" if row.closed_at is None else f" at {iso(row.closed_at)}"
        raise ConflictError(
            f"incident {name} was closed{when}, so it cannot be {done}; "
            "`governance alerts list --state open` shows what is open"
        )
    return row


def _change(tx: Connection, name: str, **values: Any) -> None:
    tx.execute(update(incidents).where(incidents.c.id == name).values(**values))


def _entry(tx: Connection, action: str, row: Row[Any], by: str, details: dict[str, str]) -> None:
    append_entry(
        tx,
        actor=by,
        action=action,
        model=row.model_name,
        version_id=row.version_id,
        details={"incident": row.id, **details},
    )


def _incident(row: Row[Any]) -> Incident:
    values = dict(row._mapping)
    features: Sequence[str] = values.pop("features")
    return Incident(
        model=values.pop("model_name"),
        version=values.pop("model_version"),
        severity=Severity(values.pop("severity")),
        features=tuple(features),
        **values,
    )
