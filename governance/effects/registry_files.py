"""`registry_index.json` and the documents beside each artifact: files that follow from history.

The index holds its place in the audit log (``history.seq``). ``catch_up`` reads the entries after
it, renders what they concern and moves the place last, so that a killed process repeats work and
loses none. ``rebuild`` renders everything. A newer index is never overwritten by an older one.

Not promised: that the files are current at any instant (the database is), or that a lost artifact
comes back (only its documents are rendered).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from governance.files import file_lock, make_folders, write_atomic
from governance.registry import documents, records
from governance.store.database import Database
from governance.store.schema import audit_log, model_registry
from governance.values import iso

INDEX = Path("models") / "registry_index.json"


class RegistryFiles:
    """The one writer of these files; several processes take turns under a lock."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home
        self._lock = home / "staging" / "registry_files.lock"

    def catch_up(self) -> int:
        """Render what changed since the index was written; gives the number of files written."""
        return self._render(everything=False)

    def rebuild(self) -> int:
        """Render every document again, and the index."""
        return self._render(everything=True)

    def _render(self, *, everything: bool) -> int:
        with file_lock(self._lock, exclusive=True):
            place = self._place()
            with self._database.read() as connection:
                head = connection.execute(select(func.max(audit_log.c.seq))).scalar_one() or 0
                if place == head and not everything:
                    return 0
                # A place behind the log's end is of another database, or of a backup's future.
                changed = _changed_since(connection, 0 if everything or place > head else place)
                written = sum(self._documents(connection, changed))
                index = _index(connection, head)
            make_folders((self._home / INDEX).parent)
            write_atomic(self._home / INDEX, _rendered(index))
            return written + 1

    def _place(self) -> int:
        """The sequence number the index was made from; 0 if there is no index that can be read."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            place = json.loads((self._home / INDEX).read_bytes())["history"]["seq"]
            if isinstance(place, int) and place >= 0:
                return place
        return 0

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


def _index(connection: Connection, head: int) -> dict[str, Any]:
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
        "history": {"seq": head},
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
