"""The outbox as the relay works on it: bind rows to a message, claim it, mark what came of it.

A row goes ``pending`` -> (bound: it has a ``message_id``) -> ``sent``, ``dead`` or ``dropped``.
What a message holds is fixed in one transaction, before the first attempt to send it; a claim is a
lease (``claimed_until``), so that of two relays one sends, and what a killed one left is taken up
when the lease is over. All of this runs under one lock, and nothing is sent under it.

Not promised: that a lease outlives a server that takes longer than ``LEASE`` for one message. Then
two relays send it, with the same id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, text, update
from sqlalchemy import null as sa_null

from governance.config.alerts import AlertSettings
from governance.effects.alerts.grouping import message_id, messages, parts
from governance.effects.alerts.outgoing import Failure, Outgoing
from governance.effects.alerts.superseded import drop_superseded
from governance.history.notices import NOTICE, RELOAD
from governance.store.alert_tables import alert_outbox, incidents

LEASE = timedelta(minutes=5)
HOUR = timedelta(hours=1)
# A relay that did not run for days still tries what it finds, and not only once.
FEWEST_ATTEMPTS = 10
UNREACHABLE, REFUSED = "unreachable: ", "refused: "

_LOCK = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=0x676F765F6F7574)
_row = alert_outbox.c
_PENDING: ColumnElement[bool] = _row.state == "pending"
_BOUND: ColumnElement[bool] = and_(_PENDING, _row.message_id.is_not(None))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this relay alone may send until ``until``."""

    message: Outgoing
    attempts: int
    until: datetime


def waiting_channels(connection: Connection) -> list[str]:
    """Channels with something to send, also those that are configured no more."""
    query = select(_row.channel).where(_PENDING).distinct().order_by(_row.channel)
    return list(connection.scalars(query))


def count_waiting(connection: Connection) -> int:
    """Alerts that are still to be told."""
    return connection.scalar(select(func.count()).where(_PENDING)) or 0


def claim(
    tx: Connection, channel: str, settings: AlertSettings, *, now: datetime, flush: bool = False
) -> Claimed | None:
    """The next message of ``channel`` that is due, for this relay alone; ``None`` if none is."""
    if tx.dialect.name == "postgresql":
        tx.execute(_LOCK)
    if channel.startswith(RELOAD):
        drop_superseded(tx, channel, now=now)
    if _paused(tx, channel, now):
        return None
    due = _next_due(tx, channel, now)
    if due is None and _bind(tx, channel, settings, now=now, flush=flush):
        due = _next_due(tx, channel, now)
    if due is None:
        return None
    until = now + LEASE
    mine = and_(_BOUND, _row.channel == channel, _row.message_id == due)
    tx.execute(update(alert_outbox).where(mine).values(claimed_until=until))
    rows = tx.execute(select(alert_outbox).where(mine).order_by(_row.id)).all()
    message = Outgoing(
        message_id=due,
        channel=channel,
        events=tuple(row.payload for row in rows),
        created_at=max(row.created_at for row in rows),
        recipients=None if rows[0].recipients is None else tuple(rows[0].recipients),
    )
    return Claimed(message, attempts=rows[0].attempts, until=until)


def _paused(tx: Connection, channel: str, now: datetime) -> bool:
    """Is the whole channel waiting for its next attempt? Its server need not be asked before."""
    down = and_(
        _BOUND,
        _row.channel == channel,
        _row.next_attempt_at > now,
        _row.last_error.like(f"{UNREACHABLE}%"),
    )
    return tx.execute(select(_row.id).where(down).limit(1)).first() is not None


def _next_due(tx: Connection, channel: str, now: datetime) -> str | None:
    query = (
        select(_row.message_id)
        .where(_BOUND, _row.channel == channel, _row.next_attempt_at <= now, _free(now))
        .order_by(_row.next_attempt_at, _row.id)  # one that is stuck is not always the first
        .limit(1)
    )
    return tx.scalar(query)


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(_row.claimed_until.is_(None), _row.claimed_until <= now)


def _bind(
    tx: Connection, channel: str, settings: AlertSettings, *, now: datetime, flush: bool
) -> bool:
    """Put what is waiting into messages, as far as group and hour allow; was there any?"""
    rows = list(_unbound(tx, channel, now))
    if channel.startswith(RELOAD):  # a hook takes one activation at a time, each at once
        for row in rows:
            _name(tx, channel, [row])
        return bool(rows)
    urgent = [row for row in rows if _is_urgent(row)]
    for part in parts(slice(0, len(urgent))):
        _name(tx, channel, urgent[part])
    others = [row for row in rows if not _is_urgent(row)]
    taken, digest = messages(
        [row.created_at for row in others],
        now=now,
        window=settings.group,
        allowed=settings.per_hour - _messages_of_the_hour(tx, channel, now),
        flush=flush,
    )
    for run in taken:
        _name(tx, channel, others[run], digest=digest)
    return bool(urgent or taken)


def _is_urgent(row: Any) -> bool:
    """Told at once, in a message of its own kind: no group and no cap holds it back."""
    return row.notice is not None and row.notice.get("severity") == "critical"


def _name(tx: Connection, channel: str, held: Sequence[Any], *, digest: bool = False) -> None:
    """Make one message of these rows."""
    alerts = [(row.incident_id, row.event, row.event_key) for row in held]
    _set(tx, held, message_id=message_id(channel, alerts, digest=digest))


def _unbound(tx: Connection, channel: str, now: datetime) -> Iterator[Any]:
    """Rows to be told now, in order. Of a snoozed incident only opening and close are; reminders
    that nobody needs any more are dropped.
    """
    about = incidents.c
    query = (
        select(
            *(_row.id, _row.incident_id, _row.event, _row.event_key, _row.created_at),
            *(about.state.label("incident_state"), about.acknowledged_at, about.snoozed_until),
            case((_row.event == NOTICE, _row.payload)).label("notice"),
        )
        .join_from(alert_outbox, incidents, about.id == _row.incident_id, isouter=True)
        .where(_PENDING, _row.message_id.is_(None), _row.channel == channel)
        .where(_row.next_attempt_at <= now)
        .order_by(_row.created_at, _row.id)
    )
    dropped = []
    for row in tx.execute(query).all():
        snoozed = row.snoozed_until is not None and row.snoozed_until > now
        closed = row.incident_state == "closed"
        if (row.event == "reminder" and (closed or row.acknowledged_at is not None)) or (
            row.event == "updated" and closed and snoozed
        ):
            dropped.append(row)
        elif row.event in ("opened", "closed") or not snoozed:
            yield row
    if dropped:
        _set(tx, dropped, state="dropped")


def _messages_of_the_hour(tx: Connection, channel: str, now: datetime) -> int:
    """Sent within the hour, or under way."""
    counted = or_(_row.sent_at > now - HOUR, _BOUND)
    query = select(func.count(_row.message_id.distinct()))
    return tx.scalar(query.where(_row.channel == channel, counted)) or 0


def mark_sent(tx: Connection, claimed: Claimed, *, now: datetime) -> None:
    """It was taken. Says so even if the lease is over: it was taken all the same."""
    tx.execute(
        update(alert_outbox)
        .where(_of(claimed))
        .values(
            state="sent", sent_at=now, claimed_until=None, last_error=None, recipients=sa_null()
        )
    )


def mark_failed(
    tx: Connection,
    claimed: Claimed,
    failed: Failure,
    *,
    now: datetime,
    again_in: timedelta,
    dead_after: timedelta,
) -> bool:
    """It was not taken: try later, or give it up. Is it a dead letter now?

    A failure of the whole channel counts for all its messages; the server need not be asked for
    each of them. Where some recipients took it, it waits for the others only, and is a dead letter
    if they never will.
    """
    reason = (UNREACHABLE if failed.whole_channel else REFUSED) + failed.reason
    later: dict[str, Any] = {"next_attempt_at": now + again_in, "last_error": reason}
    told: dict[str, Any] = {}
    if failed.remaining is not None:
        told = {"recipients": list(failed.remaining), "sent_at": now}
    some_took_it = failed.remaining is not None or claimed.message.recipients is not None
    dead = (failed.final and some_took_it) or _is_dead(
        claimed.message.created_at, claimed.attempts + 1, now, dead_after
    )
    state = "dead" if dead else "pending"
    tx.execute(
        update(alert_outbox)
        .where(_of(claimed), _row.claimed_until == claimed.until)
        .values(state=state, attempts=claimed.attempts + 1, claimed_until=None, **later, **told)
    )
    if failed.whole_channel:
        tx.execute(
            update(alert_outbox)
            .where(_BOUND, _row.channel == claimed.message.channel, _free(now))
            .where(_row.message_id != claimed.message.message_id)
            .values(attempts=_row.attempts + 1, **later)
        )
    return dead


def _is_dead(created_at: datetime, attempts: int, now: datetime, dead_after: timedelta) -> bool:
    return attempts >= FEWEST_ATTEMPTS and created_at + dead_after <= now


def retry_dead(tx: Connection, *, now: datetime) -> int:
    """Try dead letters again, from the beginning and with the ids they had; how many alerts."""
    found = tx.execute(
        update(alert_outbox)
        .where(_row.state == "dead")
        .values(state="pending", attempts=0, next_attempt_at=now, claimed_until=None)
    )
    return int(found.rowcount)


def _of(claimed: Claimed) -> ColumnElement[bool]:
    of_message = _row.message_id == claimed.message.message_id
    return and_(_PENDING, _row.channel == claimed.message.channel, of_message)


def _set(tx: Connection, rows: Sequence[Any], **values: Any) -> None:
    ids = [row.id for row in rows]
    for first in range(0, len(ids), 500):  # SQLite takes only so many parameters
        some = _row.id.in_(ids[first : first + 500])
        tx.execute(update(alert_outbox).where(some).values(**values))
