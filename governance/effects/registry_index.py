"""`models/registry_index.json`, document 000's list of all versions, and the log of changes since.

With 10,000 versions the index takes a tenth of a second to write, a line of the log a fifth of a
millisecond. So a change is appended to ``registry_index.log`` until that has grown to a tenth of
the index; then the index is written again and the log removed. A line of the log is JSON with the
place in history that it leads to and the versions that changed (``null``: the id is no more); lines
that are not newer than the index, or are no JSON, say nothing. A small index never has a log.

Not promised: that the index alone is current (``read_index`` has both; `governance reconcile`
writes it). Writers hold the lock of ``RegistryFiles``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.engine import Connection

from governance.files import append_line, fsync_dir, make_folders, storage_errors, write_atomic
from governance.registry.home_owner import INDEX, LOG, Mark
from governance.store.schema import model_registry
from governance.values import iso

_SHARE = 10  # the log may grow to this part of the index
_columns = model_registry.c


def read_index(home: Path) -> dict[str, Any]:
    """The index with its log, as one document: ``history`` and ``models`` by id.

    Raises:
        OSError, ValueError: there is no index, or it is damaged; `governance reconcile` writes it.
    """
    index: dict[str, Any] = json.loads((home / INDEX).read_bytes())
    for line in _lines(home):
        if line["history"]["seq"] <= index["history"]["seq"]:
            continue
        index["history"] = line["history"]
        for name, entry in line["models"].items():
            if entry is None:
                index["models"].pop(name, None)
            else:
                index["models"][name] = entry
    return index


def write_index(connection: Connection, home: Path, head: Mark) -> None:
    """The whole index, as of ``head``; the log is not needed any more."""
    make_folders((home / INDEX).parent)
    write_atomic(home / INDEX, _whole(connection, head))
    with storage_errors(f"remove {LOG.name}"):
        if (home / LOG).exists():  # what a killed process leaves of it is older than the index
            (home / LOG).unlink()
            fsync_dir((home / LOG).parent)


def index_differs(connection: Connection, home: Path, head: Mark) -> bool:
    """Does the index with its log say anything else than the database?"""
    try:
        wanted: dict[str, Any] = json.loads(_whole(connection, head))
        return read_index(home) != wanted
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True


def advance_index(
    connection: Connection, home: Path, head: Mark, changed: Mapping[str, Row[Any] | None]
) -> None:
    """Bring the index to ``head``, where only these ids changed since its mark.

    Args:
        changed: what ``model_registry`` has of each now; ``None``: the id is no more.
    """
    if len(changed) > 500:  # the line would be long
        write_index(connection, home, head)
        return
    models = {name: None if row is None else _entry(row) for name, row in changed.items()}
    line = _json({"history": head, "models": models}).encode()
    room = _size(home / INDEX) // _SHARE - _size(home / LOG)
    if len(line) >= room:
        write_index(connection, home, head)
    else:
        append_line(home / LOG, line)


def _whole(connection: Connection, head: Mark) -> bytes:
    """JSON with one version a line: quick to write with many versions, and to compare by eye."""
    lines = [f"{json.dumps(row.id)}: {_json(_entry(row))}" for row in connection.execute(_select())]
    first = f'{{"history": {_json(head)}, "models": {{'
    return "\n".join([first, ",\n".join(lines), "}}", ""]).encode()


def _select() -> Select[Any]:
    query = select(
        _columns.id,
        _columns.name,
        _columns.version,
        _columns.stage,
        _columns.model_type,
        _columns.digest,
        _columns.artifact_path,
        _columns.registered_at,
    )
    return query.order_by(_columns.name, _columns.version_order)


def _entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "strategy": row.name,
        "version": row.version,
        "model_type": row.model_type,
        "status": row.stage,
        "digest": row.digest,
        "path": row.artifact_path,
        "registration_time": iso(row.registered_at),
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, allow_nan=False, sort_keys=True)


def _lines(home: Path) -> list[dict[str, Any]]:
    found = []
    with suppress(OSError):
        *lines, _ = (home / LOG).read_bytes().split(b"\n")
        for line in lines:
            with suppress(ValueError):
                read = json.loads(line)
                if isinstance(read, dict) and {"history", "models"} <= read.keys():
                    found.append(read)
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
