"""The head row of a model: the one lock that every write about the model takes first.

Holding it, a transaction may look, decide and append without another one on the same model between.
Taking it before anything else also keeps the order of locks the same everywhere (head, then audit
log), so that two writers never wait for each other in a circle.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

from governance.errors import NotFoundError
from governance.store.schema import governed_models
from governance.store.upsert import dialect_insert

_LOCK = (
    select(governed_models.c.generation)
    .where(governed_models.c.name == bindparam("model"))
    .with_for_update()
)


def ensure_head(tx: Connection, name: str, *, created_at: datetime) -> None:
    """Make the row if the model is new."""
    tx.execute(
        dialect_insert(tx, governed_models)
        .values(name=name, generation=0, created_at=created_at)
        .on_conflict_do_nothing()
    )


def lock_head(tx: Connection, name: str) -> int:
    """Hold the row until the transaction ends; gives the model's generation.

    SQLite has one writer at a time, so there the row need not be locked by itself.
    """
    generation = tx.execute(_LOCK, {"model": name}).scalar_one_or_none()
    if generation is None:
        raise NotFoundError(f"no model {name!r}; `governance registry list` shows the names")
    return int(generation)
