"""The one statement that changes a version's stage, with its audit entry, in the caller's
transaction.

It compares and sets: if the version moved since it was read, nothing changes and the caller hears
so. It does not ask whether the move is legal (``lifecycle``) or earned (``policy``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.engine import Connection

from governance.errors import ConflictError
from governance.history.audit import NewEntry, append_entries
from governance.store.schema import model_registry
from governance.values import ModelVersion, Stage

_SET_STAGE = (
    update(model_registry)
    .where(
        model_registry.c.id == bindparam("moved_id"),
        model_registry.c.stage == bindparam("moved_from"),
    )
    .values(stage=bindparam("moved_to"))
)


def move(
    tx: Connection,
    version: ModelVersion,
    target: Stage,
    *,
    by: str,
    reason: str | None,
    at: datetime | None = None,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Set the stage and append ``stage.changed``; gives the entry's sequence number.

    Raises:
        ConflictError: the version is no longer in the stage it was read in.
    """
    entry = set_stage(tx, version, target, by=by, reason=reason, at=at, details=details)
    return append_entries(tx, [entry])


def set_stage(
    tx: Connection,
    version: ModelVersion,
    target: Stage,
    *,
    by: str,
    reason: str | None,
    at: datetime | None = None,
    details: Mapping[str, Any] | None = None,
) -> NewEntry:
    """As ``move``, for a caller who appends the entry together with others."""
    changed = tx.execute(
        _SET_STAGE, {"moved_id": version.id, "moved_from": version.stage, "moved_to": target}
    ).rowcount
    if changed != 1:
        raise ConflictError(
            f"{version.ref} was moved by somebody else meanwhile; look again and repeat the call"
        )
    return NewEntry(
        actor=by,
        action="stage.changed",
        model=version.name,
        version_id=version.id,
        details={
            "version": version.version,
            "from": version.stage,
            "to": target,
            "reason": reason,
            **({} if at is None else {"at": at}),
            **(details or {}),
        },
    )
