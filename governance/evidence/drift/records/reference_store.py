"""References as they were last computed: derived, so that they may be lost and are made again.

One of a kind is kept for a version, found by a key over all that it was made of; another key means
that it is no longer true. Neighbours: ``scanning.rolling`` and ``normal.reference`` make the bytes.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, select

from governance.store.drift_tables import drift_references
from governance.store.upsert import dialect_insert

Kind = Literal["rolling", "frozen"]


def stored(connection: Connection, version_id: str, kind: Kind, key: str) -> bytes | None:
    """The bytes of this key, if it is the one that was kept."""
    columns = drift_references.c
    data = connection.execute(
        select(columns.data).where(
            columns.version_id == version_id, columns.kind == kind, columns.key == key
        )
    ).scalar_one_or_none()
    return None if data is None else bytes(data)


def store(tx: Connection, version_id: str, kind: Kind, key: str, data: bytes) -> None:
    """Keep it in place of the version's one before."""
    insert = dialect_insert(tx, drift_references).values(
        version_id=version_id, kind=kind, key=key, data=data
    )
    tx.execute(
        insert.on_conflict_do_update(
            index_elements=["version_id", "kind"],
            set_={"key": insert.excluded.key, "data": insert.excluded.data},
        )
    )
