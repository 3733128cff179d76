"""The table of sessions: what is written once, and how it is read.

Functions take the caller's connection. The first record of (version, session) stays for ever: the
same again is a replay that writes nothing, another one a conflict that undoes the whole call.
Nothing is ever added up in a row, so an order of arrival cannot matter. What is read must have the
digest that it was written with; whether the digest was altered, too, is ``audit verify``'s to say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, Text, bindparam, or_, select, type_coerce
from sqlalchemy.engine import Connection

from governance.errors import IntegrityError, MetricConflictError
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import Session, ShadowSummary
from governance.store.database import database_time
from governance.store.promotion_tables import shadow_sessions
from governance.store.upsert import dialect_insert
from governance.values import ModelVersion, iso

_sessions = shadow_sessions.c
_ROWS_A_STATEMENT = 500
# Built once: to build these costs more than to ask them.
_AS_STORED = select(
    _sessions.version_id,
    _sessions.session_id,
    _sessions.at,
    type_coerce(_sessions.stats, Text).label("stats"),
    _sessions.digest,
)
_OF_VERSION = _AS_STORED.where(_sessions.version_id == bindparam("version"))
_OF_VERSION_BY = _OF_VERSION.where(_sessions.at <= bindparam("by"))
_OF_BOTH_BY = _AS_STORED.where(
    or_(
        _sessions.version_id == bindparam("version"), _sessions.version_id == bindparam("champion")
    ),
    _sessions.at <= bindparam("by"),
)


def insert_sessions(
    tx: Connection, version: ModelVersion, sessions: Sequence[Session]
) -> list[Session]:
    """Record ``sessions``; those that were not there before.

    Raises:
        MetricConflictError: other figures or another time are recorded; names every such session.
    """
    now = database_time(tx)
    new: set[str] = set()
    ordered = sorted(sessions, key=lambda session: session.id)
    for start in range(0, len(ordered), _ROWS_A_STATEMENT):
        chunk = ordered[start : start + _ROWS_A_STATEMENT]
        statement = (
            dialect_insert(tx, shadow_sessions)
            .values(
                [
                    {
                        "version_id": version.id,
                        "session_id": session.id,
                        "model_name": version.name,
                        "at": session.at,
                        "stats": session.stats.as_json(),
                        "digest": session.stats.digest(session.at),
                        "recorded_at": now,
                    }
                    for session in chunk
                ]
            )
            .on_conflict_do_nothing(index_elements=[_sessions.version_id, _sessions.session_id])
            .returning(_sessions.session_id)
        )
        new |= {row.session_id for row in tx.execute(statement)}
        _refuse_others(tx, version, [session for session in chunk if session.id not in new])
    return [session for session in ordered if session.id in new]


def _refuse_others(tx: Connection, version: ModelVersion, given: Sequence[Session]) -> None:
    if not given:
        return
    kept = {
        row.session_id: row.digest
        for row in tx.execute(
            select(_sessions.session_id, _sessions.digest).where(
                _sessions.version_id == version.id,
                _sessions.session_id.in_([session.id for session in given]),
            )
        )
    }
    others = [s.id for s in given if kept[s.id] != s.stats.digest(s.at)]
    if others:
        raise MetricConflictError(
            f"{version.ref} has other figures or another time recorded for session "
            f"{', '.join(others[:10])}; the first stay, so give another session_id if it is "
            "another session"
        )


def recorded_at_of(connection: Connection, version_id: str, session_id: str) -> datetime | None:
    """The event time that a session was recorded with; ``None`` if it was not."""
    found: datetime | None = connection.execute(
        select(_sessions.at).where(
            _sessions.version_id == version_id, _sessions.session_id == session_id
        )
    ).scalar_one_or_none()
    return found


def recorded_sessions(
    connection: Connection, version_id: str, *, at: datetime | None = None
) -> ShadowSummary:
    """The sessions of a version that ended at or before ``at``; all of them without it.

    Raises:
        IntegrityError: one of them is not as it was recorded. It is not left out: without a bad
            session the others would look better than they were.
    """
    asked = {"version": version_id}
    rows = (
        connection.execute(_OF_VERSION, asked)
        if at is None
        else connection.execute(_OF_VERSION_BY, {**asked, "by": at})
    )
    return ShadowSummary.of(map(_session, rows))


def sessions_of_both(
    connection: Connection, version_id: str, champion_id: str | None, *, at: datetime
) -> tuple[ShadowSummary, ShadowSummary]:
    """The same of a version and of its champion, if there is one, in one question.

    Raises:
        IntegrityError: as ``recorded_sessions``.
    """
    other = champion_id or ""
    asked = {"version": version_id, "champion": other, "by": at}
    found: dict[str, list[Session]] = {version_id: [], other: []}
    for row in connection.execute(_OF_BOTH_BY, asked):
        found[row.version_id].append(_session(row))
    return ShadowSummary.of(found[version_id]), ShadowSummary.of(found[other])


def _session(row: Row[Any]) -> Session:
    # The stored text is the canonical JSON that was hashed: so ``SessionStats.digest`` made it.
    whole = f'{{"at":"{iso(row.at)}","stats":{row.stats}}}'
    if sha256(whole.encode(errors="surrogateescape")).hexdigest() != row.digest:
        raise IntegrityError(
            f"session {row.session_id!r:.130} of version {row.version_id} is not as it was "
            "recorded; run `governance audit verify`, and restore the database from a backup"
        )
    return Session(id=row.session_id, at=row.at, stats=SessionStats.recorded(json.loads(row.stats)))
