"""What the disk and the processor allow: no durable registry on this machine can be faster.

Each limit is a part of the work that a registration cannot avoid, done alone and as fast as
Python can do it. They are measured in the folder that the registries use, since another file
system has another fsync.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path


class Limits:
    """The operations by name; each call does one.

    Args:
        folder: an empty folder on the disk that is measured.
        content: the bytes of one artifact.
    """

    def __init__(self, folder: Path, content: bytes) -> None:
        self._folder = folder
        self._content = content
        self._written = 0
        self._log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._database = sqlite3.connect(folder / "limit.db", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, value TEXT)")
        self.operations: Mapping[str, Callable[[], object]] = {
            "fsync": self._fsync,
            "durable_write": self._durable_write,
            "sqlite_commit": self._commit,
            "sha256": lambda: hashlib.sha256(content).digest(),
        }

    def close(self) -> None:
        os.close(self._log)
        self._database.close()

    def _fsync(self) -> None:
        """Append one block of 4 KiB and make it durable."""
        os.write(self._log, bytes(4096))
        os.fsync(self._log)

    def _durable_write(self) -> None:
        """The artifact under a temporary name, fsync, rename, fsync of the folder."""
        self._written += 1
        temporary = self._folder / "new"
        with temporary.open("wb") as file:
            file.write(self._content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._folder / f"artifact-{self._written}")
        descriptor = os.open(self._folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def _commit(self) -> None:
        """One row of 4 KB in a transaction of its own, write-ahead log, ``synchronous=FULL``."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("INSERT INTO rows (value) VALUES (?)", ("x" * 4000,))
        self._database.execute("COMMIT")
