"""What a reload hook need not hear any more: activations older than one that it has heard of.

A hook that was down for an hour and came back is told of the newest activation; an older one that
was given up and is tried again must not send a server back. Each post carries its generation, so
that the server can tell the same by itself: two relays may post at the same time.

Neighbours: ``outbox`` calls it before it claims. Not promised: that a hook hears of every
activation; that the last it hears of is the newest is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from governance.store.alert_tables import alert_outbox

_row = alert_outbox.c


def drop_superseded(tx: Connection, channel: str, *, now: datetime) -> int:
    """Drop what waits for this hook and is older than what it was told; how many rows."""
    free = or_(_row.claimed_until.is_(None), _row.claimed_until <= now)
    waiting = tx.execute(
        select(_row.id, _row.model_name, _row.payload).where(
            _row.state == "pending", _row.channel == channel, free
        )
    ).all()
    dropped = 0
    for model in dict.fromkeys(row.model_name for row in waiting):
        known = _delivered(tx, channel, model)
        old = [row.id for row in waiting if row.model_name == model and _generation(row) < known]
        for one in old:
            dropped += 1
            tx.execute(
                update(alert_outbox)
                .where(_row.id == one)
                .values(state="dropped", last_error=f"superseded by generation {known}")
            )
    return dropped


def _delivered(tx: Connection, channel: str, model: str) -> int:
    """The newest generation that this hook took; rows of a model are written in its order."""
    last = tx.execute(
        select(_row.payload)
        .where(_row.channel == channel, _row.model_name == model, _row.state == "sent")
        .order_by(_row.id.desc())
        .limit(1)
    ).first()
    return 0 if last is None else _generation(last)


def _generation(row: Any) -> int:
    return int(row.payload["reload"]["generation"])
