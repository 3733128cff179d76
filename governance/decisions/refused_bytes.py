"""The record of a promotion that stopped at its bytes: they are not the registered ones, or gone.

No decision is stored, since nothing was judged; but somebody has changed or lost an artifact, which
must leave a trace. Every try is in the audit log, and people are told once for each digest and
mistake. Neighbour: ``promoting``. Not promised: a record while the database cannot be written.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from governance.errors import IntegrityError
from governance.history.audit import append_entry
from governance.history.notices import Notice, record_notice
from governance.store.database import database_time
from governance.values import ModelVersion

ACTION = "promotion.refused_bytes"


def record_refused_bytes(
    tx: Connection,
    version: ModelVersion,
    problem: IntegrityError,
    *,
    by: str,
    channels: Sequence[str],
) -> None:
    """One audit entry, and a critical notice unless it was told already."""
    now = database_time(tx)
    append_entry(
        tx,
        actor=by,
        action=ACTION,
        model=version.name,
        version_id=version.id,
        details={
            "version": version.version,
            "code": problem.code,
            "message": problem.message[:2000],
        },
    )
    record_notice(
        tx,
        Notice(
            kind="promotion",
            model=version.name,
            version=version.version,
            version_id=version.id,
            headline=f"{version.ref} was not promoted: its bytes are not the registered ones",
            reasons=(problem.message,),
            by=by,
            at=now,
            severity="critical",
            key=f"{ACTION}:{version.digest}:{problem.code}",
        ),
        channels=channels,
        now=now,
    )
