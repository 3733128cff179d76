"""Who was live when: one row per change of the production version, ordered by generation.

The generation is the order; ``effective_at`` is only asked about, so a back-dated activation is
legal and no clock can reorder history. The caller changes stages, writes the decision and the audit
entry in the same transaction (``governance.decisions``); this module knows neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from governance.errors import NotFoundError, StaleGenerationError
from governance.store.database import database_time
from governance.store.schema import activations, governed_models, model_registry
from governance.values import as_utc

_model, _active = governed_models.c, activations.c
_MOVE = (
    update(governed_models)
    .where(_model.name == bindparam("model"), _model.generation == bindparam("expected"))
    .values(generation=bindparam("next"))
)
_INSERT = insert(activations)
_GENERATION = select(_model.generation).where(_model.name == bindparam("model"))
_NEWEST = (
    select(activations)
    .where(_active.model_name == bindparam("model"))
    .order_by(_active.generation.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """From this generation on ``version_id`` was live; ``None``: nothing was.

    Attributes:
        operation: why: ``promotion``, ``rollback``, ``failover``.
        forced: the gates were skipped.
        effective_at: event time, as the caller said; recorded_at: database time.
    """

    model: str
    generation: int
    version_id: str | None
    decision_id: str | None
    operation: str
    forced: bool
    effective_at: datetime
    recorded_at: datetime


def activate(
    tx: Connection,
    *,
    model: str,
    version_id: str | None,
    decision_id: str | None,
    operation: str,
    forced: bool,
    effective_at: datetime | None,
    expected_generation: int,
    recorded_at: datetime | None = None,
) -> int:
    """Compare and set the head of ``model``; the new generation.

    Two callers with the same ``expected_generation``: exactly one of them succeeds.

    Args:
        effective_at: event time. recorded_at: database time of the transaction. Both are the
            database's time now where they are not given.

    Raises:
        StaleGenerationError: the model stands at another generation; carries it and its version.
        NotFoundError: no such model.
    """
    moved = tx.execute(
        _MOVE,
        {"model": model, "expected": expected_generation, "next": expected_generation + 1},
    )
    if moved.rowcount != 1:
        _refuse(tx, model, expected_generation)
    now = recorded_at or database_time(tx)
    tx.execute(
        _INSERT,
        {
            "model_name": model,
            "generation": expected_generation + 1,
            "version_id": version_id,
            "decision_id": decision_id,
            "operation": operation,
            "forced": forced,
            "effective_at": now if effective_at is None else as_utc(effective_at),
            "recorded_at": now,
        },
    )
    return expected_generation + 1


def _refuse(tx: Connection, model: str, expected: int) -> None:
    now = generation(tx, model)
    live = live_version_id(tx, model)
    version = tx.scalar(select(model_registry.c.version).where(model_registry.c.id == live))
    raise StaleGenerationError(
        f"{model!r} is at generation {now} (live: {version or live or 'nothing'}), not {expected}: "
        "somebody else activated first; look at it and decide again",
        generation=now,
        version=version or live,
    )


def generation(connection: Connection, model: str) -> int:
    """How often the production version of ``model`` has changed; the value to expect next."""
    found = connection.scalar(_GENERATION, {"model": model})
    if found is None:
        raise NotFoundError(f"no model {model!r}; `governance registry list` shows the names")
    return int(found)


def activation_at(
    connection: Connection, model: str, at: datetime | None = None
) -> Activation | None:
    """The activation in force now, or at ``at``: the highest generation effective by then.

    Reads down the primary key from the newest: one row for "now", and for a past time as many rows
    as there were activations since.
    """
    query = _NEWEST if at is None else _NEWEST.where(_active.effective_at <= as_utc(at))
    row = connection.execute(query, {"model": model}).first()
    return None if row is None else _activation(row)


def live_version_id(connection: Connection, model: str, at: datetime | None = None) -> str | None:
    """The id that was live; ``None`` if nothing was."""
    found = activation_at(connection, model, at)
    return None if found is None else found.version_id


def list_activations(connection: Connection, model: str) -> list[Activation]:
    """All of them, oldest first."""
    rows = connection.execute(
        select(activations)
        .where(activations.c.model_name == model)
        .order_by(activations.c.generation)
    )
    return [_activation(row) for row in rows]


def _activation(row: Row[tuple[object, ...]]) -> Activation:
    values = dict(row._mapping)
    return Activation(model=values.pop("model_name"), **values)
