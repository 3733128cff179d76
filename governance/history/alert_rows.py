"""Rows of the outbox: what is to be told of an incident, on one channel, once.

Written in the transaction of what they tell of (``incidents``), or by the relay that reminds
(``governance.effects.alerts.reminders``). A row is self-contained: its payload is all that a
message says. Not here: whether and when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.postgresql import Insert

from governance.store.alert_tables import alert_outbox
from governance.store.upsert import insert_into
from governance.values import as_utc, iso


@cache
def _insert(dialect: str) -> Insert:
    """Built once for each database: to build it costs more than to run it."""
    return insert_into(dialect, alert_outbox).on_conflict_do_nothing(
        index_elements=["event_key", "channel"]
    )


def tell(
    tx: Connection,
    payload: Mapping[str, Any],
    *,
    key: str,
    channel: str,
    now: datetime,
    state: str = "pending",
) -> None:
    """Put one row into the outbox; nothing where ``key`` was told on this channel before."""
    moment = as_utc(now, what="now")
    tx.execute(
        _insert(tx.dialect.name),
        {
            "event_key": key,
            "channel": channel,
            "incident_id": payload["incident_id"],
            "model_name": payload["model"],
            "event": payload["event"],
            "payload": dict(payload),
            "state": state,
            "attempts": 0,
            "created_at": moment,
            "next_attempt_at": moment,
        },
    )


def tell_all(
    tx: Connection, payload: Mapping[str, Any], *, channels: Sequence[str], now: datetime
) -> None:
    """Tell every channel of an event of an incident, once."""
    key = f"{payload['incident_id']}:{payload['event']}:{payload['at']}"
    # Only a change of state is told of these two, and the same look may open or close once more.
    if payload["event"] != "updated" and tx.scalar(
        select(alert_outbox.c.id).where(alert_outbox.c.event_key == key).limit(1)
    ):
        key += f":{iso(as_utc(now, what='now'))}"
    for channel in dict.fromkeys(channels):
        tell(tx, payload, key=key, channel=channel, now=now)


def payload_of(standing: Row[Any]) -> dict[str, Any]:
    """What is known of an incident without the event that was told last."""
    return {
        "incident_id": standing.id,
        "model": standing.model_name,
        "version_id": standing.version_id,
        "version": standing.model_version,
        "kind": standing.kind,
        "opened_at": iso(standing.opened_at),
        "severity": standing.severity,
        "rule": standing.rule,
        "headline": f"{standing.kind} incident of {standing.model_name} {standing.model_version}",
        "reasons": [],
        "features": [{"feature": name} for name in standing.features],
        "report_id": standing.report_id,
        "rows": 0,
        "retrain": standing.retrain_requested,
        "closed_reason": standing.closed_reason,
        "event": "updated",
        "at": iso(standing.updated_at),
    }
