"""Do the sessions of trials still say what the audit log says that was recorded?

Each ``shadow.session`` entry holds the digest of every session that its transaction wrote. Each row
of ``shadow_sessions`` is held against it: figures and time must hash to that digest, and there is
no row without an entry, no entry without a row. The digests of one version are in memory at a time.

Neighbour: ``cross_check`` calls it, in the snapshot in which the chain was walked. Not promised:
``recorded_at`` is only compared with the time of the entry, to within hours.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import groupby

from sqlalchemy import Connection, text

from governance.history.stored_records import (
    Record,
    columns_as_stored,
    details_of,
    differs,
    in_one_transaction,
    record,
    stream,
)
from governance.store.promotion_tables import shadow_sessions

_ENTRIES = """
    SELECT seq, recorded_at, model_name, version_id, details FROM audit_log
    WHERE action = 'shadow.session' ORDER BY version_id, seq
"""
_OF_NO_ENTRY = """
    SELECT version_id, session_id FROM shadow_sessions WHERE version_id NOT IN (
        SELECT version_id FROM audit_log WHERE action = 'shadow.session'
    ) LIMIT 1
"""


def check_sessions(connection: Connection, *, entries: int) -> None:
    """Hold every session against the log, whose chain of ``entries`` is intact.

    Raises:
        AuditChainError: ``seq`` is the entry concerned, or the first that is not there.
    """
    with stream(connection, _ENTRIES) as told:
        for version_id, of_version in groupby(told, key=lambda entry: entry.version_id):
            expected: dict[str, tuple[Record, str]] = {}
            for one in of_version:
                entry = record(one) or {}
                named = details_of(entry).get("sessions")
                if not isinstance(named, dict):
                    raise differs(entry["seq"], "it names no sessions")
                expected |= {session: (entry, digest) for session, digest in named.items()}
            _check_version(connection, version_id, expected, entries=entries)
    other = connection.execute(text(_OF_NO_ENTRY)).first()
    if other is not None:
        raise _unspoken(other.session_id, other.version_id, entries)


def session_difference(entry: Record, digest: str, row: Record) -> str | None:
    """The first column of a session that its entry contradicts; ``None`` if they agree."""
    if row["model_name"] != entry["model_name"]:
        return "model_name"
    if row["digest"] != digest:
        return "digest"
    whole = f'{{"at":"{row["at"]}","stats":{row["stats"]}}}'  # canonical JSON, as it was hashed
    if sha256(whole.encode(errors="surrogateescape")).hexdigest() != digest:
        return "figures or time"
    return None if in_one_transaction(entry, row) else "recorded_at"


def _check_version(
    connection: Connection,
    version_id: str,
    expected: dict[str, tuple[Record, str]],
    *,
    entries: int,
) -> None:
    columns = columns_as_stored(
        connection, "s", shadow_sessions.columns.keys(), times=("at", "recorded_at")
    )
    query = f"SELECT {columns} FROM shadow_sessions s WHERE s.version_id = :version"  # noqa: S608 - constants
    with stream(connection, query, version=version_id) as rows:
        for found in rows:
            row = record(found) or {}
            if row["session_id"] not in expected:
                raise _unspoken(row["session_id"], version_id, entries)
            entry, digest = expected.pop(row["session_id"])
            if (column := session_difference(entry, digest, row)) is not None:
                raise differs(entry["seq"], f"session {row['session_id']} has another {column}")
    if expected:
        session, (entry, _) = min(expected.items(), key=lambda item: item[1][0]["seq"])
        raise differs(entry["seq"], f"session {session} is missing")


def _unspoken(session: object, version: object, entries: int) -> Exception:
    return differs(
        entries + 1, f"no entry speaks of session {session!r:.80} of version {version!r:.40}"
    )
