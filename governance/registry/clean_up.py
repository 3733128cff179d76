"""`governance registry gc`: remove what killed processes left in the home.

These are artifact folders that no version points at, staged bytes, and the temporary names of
derived files. The paths are read while the store is held exclusively, so that no registration
stands between its first staged byte and its record; young ones are left alone all the same, since
a lock may not reach to another machine. A home that belongs to another database is refused as a
whole (``registry.home_owner``): there everything would look like an orphan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from governance.files import file_lock, storage_errors
from governance.registry import home_owner, records
from governance.registry.artifacts import ArtifactStore
from governance.registry.documents import FILE_NAMES
from governance.store.database import Database, database_time

GRACE = timedelta(hours=1)

_DERIVED = (home_owner.INDEX.name, home_owner.MARK.name, *FILE_NAMES)
_TEMPORARY = re.compile(rf"\.(?:{'|'.join(map(re.escape, _DERIVED))})\.[0-9a-f]{{16}}\.tmp")


def collect_garbage(
    database: Database,
    artifacts: ArtifactStore,
    *,
    older_than: timedelta = GRACE,
    dry_run: bool = False,
) -> list[str]:
    """The leftovers, removed unless `dry_run`; paths relative to the home.

    Age is counted by the database's clock against the time of change in the file system.

    Raises:
        ConflictError: the home belongs to another database or another state of this one.
    """
    home = artifacts.home
    with artifacts.collecting():
        with file_lock(home / home_owner.FILES_LOCK, exclusive=True):
            with database.read() as connection:
                home_owner.require_ours(connection, home)
                known = set(records.artifact_paths(connection))
                limit: datetime = database_time(connection) - older_than
            orphans = artifacts.orphans(known, limit)
            kept = sorted({*artifacts.iter_folders()} - {*orphans})
            temporaries = _temporaries(home, ("models", *kept), limit)
            for path in () if dry_run else temporaries:
                with storage_errors(f"remove {path}"):
                    (home / path).unlink(missing_ok=True)
        for path in () if dry_run else orphans:
            artifacts.remove(path)
    return orphans + temporaries


def _temporaries(home: Path, folders: Iterable[str], limit: datetime) -> list[str]:
    """Names that were to replace a derived file; nobody else writes them under these locks."""
    return [
        path.relative_to(home).as_posix()
        for folder in folders
        for path in sorted((home / folder).glob(".*.tmp"))
        if _TEMPORARY.fullmatch(path.name)
        and datetime.fromtimestamp(path.lstat().st_mtime, UTC) < limit
    ]
