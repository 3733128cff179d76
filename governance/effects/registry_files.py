"""`registry_index.json` and the documents beside each artifact: files that follow from history.

The index holds its place in the audit log (``history.seq``). ``catch_up`` reads the entries after
it, renders what they concern and moves the place last, so that a killed process repeats work and
loses none. ``rebuild`` renders everything. A newer index is never overwritten by an older one, nor
one of another database (``registry.home_owner``).

Not promised: that the files are current at any instant (the database is), or that a lost artifact
comes back (only its documents are rendered).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from governance.errors import ConflictError
from governance.files import file_lock, make_folders, write_atomic
from governance.registry import documents, home_owner, records
from governance.registry.home_owner import INDEX
from governance.store.database import Database
from governance.store.schema import audit_log, model_registry
from governance.values import iso

log = logging.getLogger(__name__)


class RegistryFiles:
    """The one writer of these files; several processes take turns under a lock."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home
        self._lock = home / home_owner.FILES_LOCK

    def catch_up(self) -> int:
        """Render what changed since the index was written; gives the number of files written.

        In a home of another database it writes nothing and logs why: what was done is recorded and
        stays done, and the files of others are not touched.
        """
        with file_lock(self._lock, exclusive=True), self._database.read() as connection:
            mark = home_owner.index_mark(self._home)
            head = home_owner.newest_mark(connection)
            if mark == head or (mark is None and not head["seq"]):
                return 0
            try:
                home_owner.require_ours(connection, self._home)
            except ConflictError as error:
                log.warning("registry files were not written: %s", error)
                return 0
            return self._render(connection, head, since=0 if mark is None else mark["seq"])

    def rebuild(self, *, adopt: bool = False) -> int:
        """Render every document again, and the index.

        Args:
            adopt: take over a home whose files are of another database or of a later state of this
                one. What only they know becomes an orphan, which `registry gc` removes.

        Raises:
            ConflictError: such a home without `adopt`, or a database without versions to adopt it.
        """
        with file_lock(self._lock, exclusive=True), self._database.read() as connection:
            head = home_owner.newest_mark(connection)
            if not adopt:
                home_owner.require_ours(connection, self._home)
            elif not records.artifact_paths(connection):
                raise ConflictError(
                    "this database has no version with an artifact, so it adopts no home; check "
                    "GOVERNANCE_DATABASE_URL (--database)"
                )
            written = self._render(connection, head, since=0)
            if adopt:
                home_owner.write_mark(self._home, head)
            return written

    def _render(self, connection: Connection, head: home_owner.Mark, *, since: int) -> int:
        written = sum(self._documents(connection, _changed_since(connection, since)))
        index = _index(connection, head)
        make_folders((self._home / INDEX).parent)
        write_atomic(self._home / INDEX, _rendered(index))
        return written + 1

    def _documents(self, connection: Connection, version_ids: Iterable[str]) -> Iterable[int]:
        for version_id in version_ids:
            row = connection.execute(
                select(model_registry).where(model_registry.c.id == version_id)
            ).one_or_none()
            if row is None or not row.artifact_path:
                continue
            folder = self._home / row.artifact_path
            if not folder.is_dir():
                continue
            for name, content in documents.render(
                records.to_version(row), row.feature_spec
            ).items():
                if _read(folder / name) != content:
                    write_atomic(folder / name, content)
                    yield 1


def _rendered(index: dict[str, Any]) -> bytes:
    """JSON with one version a line: quick to write with many versions, and to compare by eye."""
    lines = [f"{json.dumps(key)}: {_line(entry)}" for key, entry in index["models"].items()]
    head = f'{{"history": {_line(index["history"])}, "models": {{'
    return "\n".join([head, ",\n".join(lines), "}}", ""]).encode()


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, allow_nan=False, sort_keys=True)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _changed_since(connection: Connection, place: int) -> list[str]:
    query = select(model_registry.c.id)
    if place:
        query = (
            select(audit_log.c.version_id)
            .where(audit_log.c.seq > place, audit_log.c.version_id != "")
            .distinct()
        )
    return list(connection.execute(query).scalars())


def _index(connection: Connection, head: home_owner.Mark) -> dict[str, Any]:
    columns = model_registry.c
    rows = connection.execute(
        select(
            columns.id,
            columns.name,
            columns.version,
            columns.stage,
            columns.model_type,
            columns.digest,
            columns.artifact_path,
            columns.registered_at,
        ).order_by(columns.name, columns.version_order)
    )
    return {
        "history": head,
        "models": {
            row.id: {
                "strategy": row.name,
                "version": row.version,
                "model_type": row.model_type,
                "status": row.stage,
                "digest": row.digest,
                "path": row.artifact_path,
                "registration_time": iso(row.registered_at),
            }
            for row in rows
        },
    }
