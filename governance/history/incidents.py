"""Episodes of alarm as they are recorded: opened, updated, closed, each told once to each channel.

``record_incident`` writes in the transaction of its caller (the scan that saw it): the incident,
its audit entry, and one row of the outbox for each channel. ``governance.effects.alerts`` delivers
them later; ``incident_handling`` reads incidents and lets people answer them.

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
from governance.history.alert_rows import payload_of, tell
from governance.history.audit import append_entry
from governance.store.alert_tables import incidents
from governance.store.upsert import dialect_insert
from governance.values import Severity, as_utc, iso

EMAIL = "email"
WEBHOOK = "webhook:"
_SCAN = "drift_scan"
_RANK = (Severity.NORMAL, Severity.INSUFFICIENT, Severity.MODERATE, Severity.SEVERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """What one look changed about an episode, with all that a message says of it.

    Attributes:
        at: event time of the look; opened_at: of the look that opened the episode.
        rule: which rule opened it; headline: one line; reasons: one sentence each.
        features: the worst first, each as plain JSON with at least ``feature``; a few carry a
            ``histogram`` of shares.
        report_id: the look's report. rows: rows of its window.
        retrain: did it ask for the model's retrain run?
        closed_reason: why it is over; only of ``closed``.
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

    @property
    def incident_id(self) -> str:
        return incident_id(self.model, self.version_id, self.kind, self.opened_at)

    def payload(self) -> dict[str, Any]:
        """The event as a message is made from it: its fields, and ``incident_id``."""
        plain: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
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

    An episode that opens while another one of the model and kind is open ends that one (a new
    version is watched instead of the old). One that opened earlier, as a backfill finds it, is
    recorded as closed, since the later one is what stands.

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
        if told and event.event == "updated":
            _update(tx, event, standing)
        elif told:
            _close(tx, standing, at=event.at, reason=event.closed_reason, now=now, by=by)
    if told:
        _tell(tx, event.payload(), channels=channels, now=now)
    return name


def _open(
    tx: Connection, event: IncidentEvent, *, channels: Sequence[str], now: datetime, by: str
) -> bool:
    """Is it new? A retry, or a scan of the same moment again, finds it there."""
    name = event.incident_id
    if tx.scalar(select(incidents.c.id).where(incidents.c.id == name)) is not None:
        return False
    other = tx.execute(
        select(incidents).where(
            incidents.c.model_name == event.model,
            incidents.c.kind == event.kind,
            incidents.c.state == "open",
        )
    ).first()
    later = other is not None and other.opened_at > event.opened_at
    if other is not None and not later:
        reason = f"incident {name} of version {event.version} followed"
        _close(tx, other, at=event.at, reason=reason, now=now, by=by)
        ended = {"event": "closed", "at": iso(event.at), "closed_reason": reason}
        _tell(tx, payload_of(other) | ended, channels=channels, now=now)
    made = tx.execute(
        dialect_insert(tx, incidents)
        .values(
            id=name,
            model_name=event.model,
            version_id=event.version_id,
            model_version=event.version,
            kind=event.kind,
            state="closed" if later else "open",
            severity=event.severity.value,
            rule=event.rule,
            opened_at=event.opened_at,
            updated_at=event.at,
            closed_at=other.opened_at if later and other is not None else None,
            closed_reason=f"incident {other.id} was open already" if later and other else None,
            features=_names(event),
            report_id=event.report_id,
            retrain_requested=event.retrain,
            recorded_at=as_utc(now, what="now"),
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(incidents.c.id)
    ).first()
    if made is None:  # somebody recorded the same between the two statements
        return False
    details = {
        "incident": name,
        "kind": event.kind,
        "severity": event.severity,
        "rule": event.rule,
        "opened_at": event.opened_at,
        "report": event.report_id,
        "features": _names(event),
    }
    _entry(tx, "incident.opened", event.model, event.version_id, details, by)
    return True


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
    if event.at <= standing.updated_at:
        return
    worst = max(Severity(standing.severity), event.severity, key=_RANK.index)
    tx.execute(
        update(incidents)
        .where(incidents.c.id == standing.id)
        .values(
            severity=worst.value,
            features=_names(event),
            report_id=event.report_id,
            updated_at=event.at,
            retrain_requested=standing.retrain_requested or event.retrain,
        )
    )


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


def _tell(
    tx: Connection, payload: Mapping[str, Any], *, channels: Sequence[str], now: datetime
) -> None:
    key = f"{payload['incident_id']}:{payload['event']}:{payload['at']}"
    for channel in dict.fromkeys(channels):
        tell(tx, payload, key=key, channel=channel, now=now)


def _names(event: IncidentEvent) -> list[str]:
    return [str(feature["feature"]) for feature in event.features]


def _entry(
    tx: Connection, action: str, model: str, version_id: str, details: Mapping[str, Any], by: str
) -> None:
    append_entry(tx, actor=by, action=action, model=model, version_id=version_id, details=details)
