"""`governance registry gc`: remove artifact folders that no version points at.

A killed registration leaves such a folder. The paths are read while the store is held exclusively,
so that no registration stands between its folder and its record; young folders are left alone all
the same, since a registration may be on another machine.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from governance.registry import records
from governance.registry.artifacts import ArtifactStore
from governance.store.database import Database, database_time

GRACE = timedelta(hours=1)


def collect_garbage(
    database: Database,
    artifacts: ArtifactStore,
    *,
    older_than: timedelta = GRACE,
    dry_run: bool = False,
) -> list[str]:
    """The orphans, removed unless `dry_run`; paths relative to the home.

    Age is counted by the database's clock against the folder's time of change.
    """
    with artifacts.collecting():
        with database.read() as connection:
            known = set(records.artifact_paths(connection))
            limit: datetime = database_time(connection) - older_than
        orphans = artifacts.orphans(known, limit)
        if not dry_run:
            for path in orphans:
                artifacts.remove(path)
    return orphans
