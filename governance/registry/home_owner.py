"""Whose files are these? A home belongs to the database whose history its own marks are part of.

Two files carry a mark, the place and hash of an audit entry: ``models/.database``, written with the
first registration, and ``registry_index.json``, written whenever the files catch up (the last line
of ``registry_index.log``, while that holds what changed since). A database
that does not have both entries is another one (a forgotten URL), or came back from a backup older
than the files; to it every artifact that it does not know looks like an orphan.

Neighbours: ``clean_up`` and ``effects.registry_files`` ask; ``registering`` writes the first mark.
Not promised: protection of a home without any mark, where no registration was ever finished; and
of versions registered after a backup if the files never caught up with them.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

from governance.errors import ConflictError, StorageFullError, UnavailableError
from governance.files import make_folders, write_atomic
from governance.store.database import Database
from governance.store.schema import audit_log

INDEX = Path("models") / "registry_index.json"
LOG = Path("models") / "registry_index.log"  # a line for each change since the index was written
MARK = Path("models") / ".database"
FILES_LOCK = Path("staging") / "registry_files.lock"  # held by whoever writes derived files
_TAIL = 65_536  # bytes of the log that are read first; most lines have a few hundred

_NEWEST = select(audit_log.c.seq, audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1)
_HASHES = select(audit_log.c.seq, audit_log.c.hash).where(
    audit_log.c.seq.in_(bindparam("places", expanding=True))
)
_HASH = select(audit_log.c.hash).where(audit_log.c.seq == bindparam("place"))

log = logging.getLogger(__name__)

Mark = dict[str, Any]


def newest_mark(connection: Connection) -> Mark:
    """The last audit entry's place and hash; place 0 while nothing happened."""
    row = connection.execute(_NEWEST).one_or_none()
    return {"seq": 0, "hash": ""} if row is None else {"seq": row.seq, "hash": row.hash}


def index_mark(home: Path) -> Mark | None:
    """How far the index is, with its log; `None` without an index that can be read.

    Costs the first line of the one and the last of the other, however many versions there are.
    """
    with suppress(OSError), (home / INDEX).open("rb") as file:
        first = file.readline()
        whole = first.rstrip().removesuffix(b'"models": {').rstrip().removesuffix(b",") + b"}"
        mark = _taken(whole, "history") or _mark(home / INDEX, "history")
        return None if mark is None else _newest_line(home, mark)
    return None


def _newest_line(home: Path, mark: Mark) -> Mark:
    """A killed writer may have left half a line at the end; the one before it counts."""
    with suppress(OSError), (home / LOG).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        for first in (max(0, size - _TAIL), 0):
            file.seek(first)
            *lines, _ = file.read().split(b"\n")
            for line in reversed(lines):
                found = _taken(line, "history")
                if found is not None:
                    return max(mark, found, key=lambda one: one["seq"])
    return mark


def is_ours(connection: Connection, home: Path, *, index: Mark | None = None) -> bool:
    """Whether this database has the entries that the home's marks name.

    Args:
        index: ``index_mark``, where it was read already.
    """
    first = _mark(home / MARK)
    if first is None and (home / MARK).exists():
        return False  # nobody knows whose it is
    marks = [mark for mark in (first, index or index_mark(home)) if mark and mark["seq"]]
    if any(mark["seq"] >= 1 << 63 for mark in marks):
        return False
    wanted = {mark["seq"]: mark["hash"] for mark in marks}
    if len(wanted) < len(marks) and marks[0] != marks[1]:
        return False  # two hashes of one entry
    found = connection.execute(_HASHES, {"places": [*wanted]}).all()
    return {row.seq: row.hash for row in found} == wanted


def require_ours(connection: Connection, home: Path, *, index: Mark | None = None) -> None:
    """Refuse a home whose files come from another database or from a later state of this one.

    Raises:
        ConflictError: nothing was changed; the message names the settings to look at.
    """
    if not is_ours(connection, home, index=index):
        raise ConflictError(
            f"the artifacts in {home} belong to another database, or to a later state of this one "
            "(a restored backup); nothing was changed. Check GOVERNANCE_HOME and "
            "GOVERNANCE_DATABASE_URL (--home, --database); if both are right, "
            "`governance reconcile --adopt` gives the home to this database"
        )


def claim(database: Database, home: Path) -> None:
    """Leave the first mark, after a registration was recorded.

    A full disk is not the registration's failure: the next one leaves the mark.
    """
    if (home / MARK).exists():
        return
    try:
        with database.read() as connection:
            if not is_ours(connection, home):
                return
            mark = newest_mark(connection)
        write_mark(home, mark)
    except (StorageFullError, UnavailableError) as error:
        log.warning("%s could not be marked as this database's: %s", home, error)


def write_mark(home: Path, mark: Mark) -> None:
    """Make the home belong to the database that has this entry."""
    make_folders((home / MARK).parent)
    write_atomic(home / MARK, (json.dumps(mark, sort_keys=True) + "\n").encode())


def _mark(path: Path, *keys: str) -> Mark | None:
    with suppress(OSError):
        return _taken(path.read_bytes(), *keys)
    return None


def _taken(text: bytes, *keys: str) -> Mark | None:
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        found = json.loads(text)
        for key in keys:
            found = found[key]
        place, digest = found["seq"], found["hash"]
        if type(place) is int and place >= 0 and isinstance(digest, str):
            return {"seq": place, "hash": digest}
    return None


def has_entry(connection: Connection, mark: Mark) -> bool:
    """Is this entry in this database's history, with this hash?"""
    if mark["seq"] >= 1 << 63:
        return False
    found = connection.execute(_HASH, {"place": mark["seq"]}).scalar_one_or_none()
    return found is not None and found == mark["hash"]
