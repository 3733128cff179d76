"""Document 004's five keys in somebody's own SQLite file, table ``ops_status``.

The file belongs to another program, which may read while we write: one short transaction, waiting
for its locks. Not promised: that the table is ours; one of another shape is refused and left alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from governance.errors import StorageUnavailableError

_CREATE = """
CREATE TABLE IF NOT EXISTS ops_status (
    key TEXT PRIMARY KEY, value TEXT, updated_at INTEGER NOT NULL
)"""
_SET = """
INSERT INTO ops_status (key, value, updated_at) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
"""


def write_ops_status(path: Path, values: Mapping[str, str], *, at_ms: int) -> None:
    """Set ``values`` together or not at all.

    Raises:
        StorageUnavailableError: the file cannot be written; what was decided stands.
    """
    try:
        with closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_CREATE)
            connection.executemany(_SET, [(key, value, at_ms) for key, value in values.items()])
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageUnavailableError(
            f"ops_status in {path} was not written ({error}); what was decided stands. Correct the "
            "file or --ops-db, then run the same command again"
        ) from error
