"""Document 004's five keys of ``ops_status``, for each model.

Several homes may share a database: a row of a later state is never overwritten by an older one, and
``restore_keys`` reads and writes under the model's lock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select
from sqlalchemy.dialects.postgresql import Insert

from governance.effects.active_models.state import ActiveState, not_passed, read_state
from governance.registry.heads import lock_head
from governance.store.promotion_tables import ops_status
from governance.store.upsert import insert_into
from governance.values import parse_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 2000
_READ = select(ops_status.c.key, ops_status.c.value).where(
    ops_status.c.model_name == bindparam("model")
)
_DONE = {
    "promotion": "promoted",
    "force": "forced",
    "rollback": "rolled_back",
    "failover": "failed_over",
}


def keys_of(state: ActiveState) -> dict[str, str]:
    """The keys as document 004 names them; an empty text where there is nothing to say."""
    last = state.last
    if state.unreadable:
        action, reason = "unreadable", "run `governance audit verify`"
    else:
        action = "registered" if last is None else _action(last)
        reason = "" if last is None else _reason(last)
    checked = parse_time(state.changed_at) if last is None else last.recorded_at
    return {
        "model_active_version": "" if state.active is None else state.active.version,
        "model_candidate_version": "" if state.candidate is None else state.candidate.version,
        "model_governance_last_action": action,
        "model_governance_last_reason": reason,
        "model_governance_last_checked_ms": str((checked - _EPOCH) // timedelta(milliseconds=1)),
    }


def _action(last: Row[Any]) -> str:
    if last.generation is None:
        return "refused"
    return "forced" if last.forced else _DONE.get(last.operation, str(last.operation))


def _reason(last: Row[Any]) -> str:
    """Why, in the words of who did it, else of the gates that did not pass."""
    if last.generation is not None and last.reason:
        return str(last.reason)[:_LONGEST]
    return "; ".join(not_passed(last.checks))[:_LONGEST] or "every gate passed"


def read_keys(connection: Connection, model: str) -> dict[str, str]:
    """What stands in the table."""
    rows = connection.execute(_READ, {"model": model})
    return {row.key: row.value for row in rows}


def write_keys(tx: Connection, state: ActiveState) -> None:
    """Bring the rows of a model to ``state``; rows of a later state stay."""
    tx.execute(_upsert(tx.dialect.name), _rows(state))


@cache
def _upsert(dialect: str) -> Insert:
    upsert = insert_into(dialect, ops_status)
    new, old = upsert.excluded, ops_status.c
    later = (new.generation == old.generation) & (new.updated_at >= old.updated_at)
    return upsert.on_conflict_do_update(
        index_elements=["model_name", "key"],
        set_={name: new[name] for name in ("value", "generation", "updated_at")},
        where=(new.generation > old.generation) | later,
    )


def restore_keys(tx: Connection, model: str) -> None:
    """Write the rows as the database has them under the model's lock, whatever stands there."""
    lock_head(tx, model)
    state = read_state(tx, model)
    if state is not None:
        tx.execute(delete(ops_status).where(ops_status.c.model_name == model))
        tx.execute(insert(ops_status), _rows(state))


def _rows(state: ActiveState) -> list[dict[str, Any]]:
    common = {
        "model_name": state.model,
        "generation": state.generation,
        "updated_at": parse_time(state.changed_at),
    }
    return [{**common, "key": key, "value": value} for key, value in keys_of(state).items()]
