"""Episodes of alarm as they are recorded: opened, updated, closed, each told once to each channel.

``record_incident`` writes in the transaction of its caller (the scan that saw it): the incident,
its audit entry, and one row of the outbox for each channel. ``governance.effects.alerts`` delivers
them later; ``incident_handling`` reads incidents and lets people answer them.

An episode of the past, which a look finds that is not the model's newest, is told to nobody. It is
recorded as closed, without a time of its end until a look shows the end. Where it turns out to be
still on at the newest look, it is opened there, and told then. An incident that was closed is
opened again, with one more ``opened``, where the newest look says that its alarm is on.

Not promised: that anybody is told (no channel, no row; the incident stands all the same), or that
it was right to open one (``governance.policy.drift.episodes`` decides).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select, update

from governance.config.alerts import AlertSettings
from governance.errors import NotFoundError
from governance.history.alert_rows import payload_of, tell_all
from governance.history.audit import append_entry
from governance.policy.drift.findings import worst
from governance.store.alert_tables import incidents
from governance.store.upsert import dialect_insert
from governance.values import Severity, as_utc, iso

EMAIL = "email"
WEBHOOK = "webhook:"
_SCAN = "drift_scan"
_PAST = "found by a scan of the past; no look has shown its end"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """What one look changed about an episode, with all that a message says of it.

    Attributes:
        at: event time of the look; opened_at: of the look that opened the episode.
        rule: which rule stands for its severity; headline: one line; reasons: one sentence each.
        features: the worst first, each as plain JSON with at least ``feature``; a few carry a
            ``histogram`` of shares.
        report_id: the look's report. rows: rows of its window.
        retrain: does this look ask for the model's retrain run?
        closed_reason: why it is over; only of ``closed``.
        newest: is it the model's newest look? Not part of the message.
    """

    model: str
    version_id: str
    version: str
    kind: Literal["drift", "data"]
    event: Literal["opened", "updated", "closed"]
    at: datetime
    opened_at: datetime
    severity: Severity
    rule: str
    headline: str
    reasons: tuple[str, ...]
    features: tuple[Mapping[str, Any], ...]
    report_id: str
    rows: int
    retrain: bool
    closed_reason: str | None = None
    newest: bool = True

    @property
    def incident_id(self) -> str:
        return incident_id(self.model, self.version_id, self.kind, self.opened_at)

    def payload(self) -> dict[str, Any]:
        """The event as a message is made from it: its fields, and ``incident_id``."""
        plain: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        del plain["newest"]
        plain |= {"at": iso(self.at), "opened_at": iso(self.opened_at)}
        return {"incident_id": self.incident_id, **plain}


def incident_id(model: str, version_id: str, kind: str, opened_at: datetime) -> str:
    """12 hex digits, the same for the same episode.

    >>> from datetime import UTC
    >>> incident_id("m", "0123456789ab", "drift", datetime(2013, 2, 8, 18, tzinfo=UTC))
    '67f938ae05ac'
    """
    text = f"{model}\n{version_id}\n{kind}\n{iso(opened_at)}\n"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def channels_of(alerts: AlertSettings) -> tuple[str, ...]:
    """The channels that ``alerts:`` in ``governance.yaml`` names; none: nobody is told.

    >>> channels_of(AlertSettings(email=("ann@example.com",), webhooks={"ops": {}}))
    ('email', 'webhook:ops')
    """
    email = (EMAIL,) if alerts.email else ()
    return (*email, *(WEBHOOK + name for name in sorted(alerts.webhooks)))


def record_incident(
    tx: Connection,
    event: IncidentEvent,
    *,
    channels: Sequence[str],
    now: datetime,
    by: str = _SCAN,
) -> str:
    """Record the event in the caller's transaction; the incident's id. Twice is once.

    What opens at the newest look ends any other open incident of the model and kind (a new version
    is watched instead of the old one, or the episode began earlier than was known).

    Args:
        tx: a write transaction; entries of the audit log are appended, so do this last in it.
        channels: who is to be told (``channels_of``); now: time of the record.

    Raises:
        NotFoundError: ``updated`` or ``closed`` of an incident that was never opened.
        ConflictError: two episodes of one model and kind were opened at the same time.
    """
    name = event.incident_id
    if event.event == "opened":
        told = _open(tx, event, channels=channels, now=now, by=by)
    else:
        standing = _standing(tx, name, event)
        told = standing.state == "open"
        past = not told and standing.closed_at is None
        if event.event == "updated" and (told or past):
            _update(tx, event, standing)
        elif event.event == "closed" and (told or past):
            _close(tx, standing, at=event.at, reason=event.closed_reason, now=now, by=by)
    if told:
        tell_all(tx, event.payload(), channels=channels, now=now)
    return name


def _open(
    tx: Connection, event: IncidentEvent, *, channels: Sequence[str], now: datetime, by: str
) -> bool:
    """Is it to be told? A retry, or a scan of the same moment again, finds it there."""
    name = event.incident_id
    standing = tx.execute(select(incidents).where(incidents.c.id == name)).first()
    if standing is not None and not _opens_again(standing, event):
        return False
    if event.newest:
        _end_others(tx, event, channels=channels, now=now, by=by)
    details = {
        "incident": name,
        "kind": event.kind,
        "severity": event.severity,
        "rule": event.rule,
        "opened_at": event.opened_at,
        "report": event.report_id,
        "features": _names(event),
    }
    if standing is not None:
        _open_again(tx, event, standing)
        _entry(tx, "incident.reopened", event.model, event.version_id, details, by)
        return True
    made = tx.execute(
        dialect_insert(tx, incidents)
        .values(
            id=name,
            model_name=event.model,
            version_id=event.version_id,
            model_version=event.version,
            kind=event.kind,
            state="open" if event.newest else "closed",
            severity=event.severity.value,
            rule=event.rule,
            opened_at=event.opened_at,
            updated_at=event.at,
            closed_reason=None if event.newest else _PAST,
            features=_names(event),
            report_id=event.report_id,
            retrain_requested=event.retrain,
            retrain_requested_at=event.at if event.retrain else None,
            recorded_at=as_utc(now, what="now"),
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(incidents.c.id)
    ).first()
    if made is None:  # somebody recorded the same between the two statements
        return False
    past = {} if event.newest else {"past": True}
    _entry(tx, "incident.opened", event.model, event.version_id, details | past, by)
    return event.newest


def _opens_again(standing: Row[Any], event: IncidentEvent) -> bool:
    """It was closed, and a look no older than its end says that the alarm is on."""
    if standing.state == "open" or not event.newest:
        return False
    return standing.closed_at is None or event.at >= standing.closed_at


def _open_again(tx: Connection, event: IncidentEvent, standing: Row[Any]) -> None:
    """Who had answered it before it was closed has not answered this; a snooze goes on."""
    answered = {"acknowledged_by": None, "acknowledged_at": None}
    over = {"state": "open", "closed_at": None, "closed_reason": None}
    tx.execute(
        update(incidents)
        .where(incidents.c.id == standing.id)
        .values(**_as_of(event, standing), **over, **answered)
    )


def _end_others(
    tx: Connection, event: IncidentEvent, *, channels: Sequence[str], now: datetime, by: str
) -> None:
    other = tx.execute(
        select(incidents).where(
            incidents.c.model_name == event.model,
            incidents.c.kind == event.kind,
            incidents.c.state == "open",
            incidents.c.id != event.incident_id,
        )
    ).first()
    if other is None:
        return
    reason = f"incident {event.incident_id} of version {event.version} followed"
    if other.opened_at > event.opened_at:
        reason = f"it is part of incident {event.incident_id}, which began earlier"
    _close(tx, other, at=event.at, reason=reason, now=now, by=by)
    ended = {"event": "closed", "at": iso(event.at), "closed_reason": reason}
    tell_all(tx, payload_of(other) | ended, channels=channels, now=now)


def _standing(tx: Connection, name: str, event: IncidentEvent) -> Row[Any]:
    found = tx.execute(select(incidents).where(incidents.c.id == name).with_for_update()).first()
    if found is None:
        raise NotFoundError(
            f"incident {name} of {event.model} was never opened, so it cannot be {event.event}; "
            "record its opening first"
        )
    return found


def _update(tx: Connection, event: IncidentEvent, standing: Row[Any]) -> None:
    """What is newer replaces what stands; the worst severity stays."""
    if event.at >= standing.updated_at:
        values = _as_of(event, standing)
        tx.execute(update(incidents).where(incidents.c.id == standing.id).values(**values))


def _as_of(event: IncidentEvent, standing: Row[Any]) -> dict[str, Any]:
    severity = worst((Severity(standing.severity), event.severity))
    asked = event.at if event.retrain else standing.retrain_requested_at
    return {
        "severity": severity.value,
        "rule": event.rule if severity is event.severity else standing.rule,
        "features": _names(event),
        "report_id": event.report_id,
        "updated_at": max(event.at, standing.updated_at),
        "retrain_requested": standing.retrain_requested or event.retrain,
        "retrain_requested_at": asked,
    }


def _close(
    tx: Connection, standing: Row[Any], *, at: datetime, reason: str | None, now: datetime, by: str
) -> None:
    moment = max(as_utc(at), standing.opened_at)
    tx.execute(
        update(incidents)
        .where(incidents.c.id == standing.id)
        .values(
            state="closed",
            closed_at=moment,
            closed_reason=reason,
            updated_at=max(moment, standing.updated_at),
        )
    )
    details = {"incident": standing.id, "kind": standing.kind, "at": moment, "reason": reason}
    _entry(tx, "incident.closed", standing.model_name, standing.version_id, details, by)


def _names(event: IncidentEvent) -> list[str]:
    return [str(feature["feature"]) for feature in event.features]


def _entry(
    tx: Connection, action: str, model: str, version_id: str, details: Mapping[str, Any], by: str
) -> None:
    append_entry(tx, actor=by, action=action, model=model, version_id=version_id, details=details)
