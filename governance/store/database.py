"""One database, two kinds of transaction: ``begin()`` writes, ``read()`` sees one snapshot.

SQLite runs in WAL mode with ``synchronous=FULL`` (an acknowledged commit survives a power cut) and
takes the write lock when a write *begins*, so racing writers queue instead of failing half-way.
PostgreSQL runs READ COMMITTED for writes and a read-only REPEATABLE READ snapshot for reads. Tables
are in ``schema``, their creation in ``migrate``, driver errors in ``driver_errors``.

Not promised: SQLite on a network file system (its locks do not hold there), or a retry of a failed
transaction (the caller knows whether it may be repeated).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Pool, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError, NoSuchModuleError

from governance.errors import DatabaseUnavailableError, SettingsError
from governance.settings import parse_database_url
from governance.store.driver_errors import translated

_POSTGRESQL_CONNECT_SECONDS = 10

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_inherited: list[Pool] = []


def _leave_inherited_connections() -> None:
    """After a fork the child must neither use nor close its parent's connections."""
    for engine in list(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_inherited_connections)


class Database:
    """
    Args:
        url: ``sqlite:////path/governance.db`` or ``postgresql://user:password@host/database``.
        lock_timeout: seconds that a write waits for another one before it is refused.

    Raises:
        SettingsError: a URL that names no file or server, or a driver that is not ours or not
            installed.

    Thread-safe and fork-safe. Opening connects nowhere; the first transaction does.

    >>> import tempfile
    >>> database = Database(f"sqlite:///{tempfile.mkdtemp()}/governance.db")
    >>> with database.read() as connection:
    ...     connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    'wal'
    >>> database.close()
    """

    dialect: Literal["sqlite", "postgresql"]

    def __init__(self, url: str, *, lock_timeout: float = 30.0) -> None:
        parsed = parse_database_url(url)
        self.lock_timeout = lock_timeout
        self.path: Path | None = None
        self._writing = threading.local()
        if parsed.get_backend_name() == "sqlite":
            self.dialect = "sqlite"
            self.path = Path(parsed.database or "").absolute()
            self.where = f"the database {self.path}"
            self.engine = _sqlite_engine(parsed, self.path, lock_timeout)
            self._reader = self.engine.execution_options(governance_read=True)
        else:
            self.dialect = "postgresql"
            self.where = f"the database {parsed.database!r} on {parsed.host or 'the local socket'}"
            self.engine = _postgresql_engine(parsed, lock_timeout)
            self._reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        _engines.add(self.engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One write transaction: committed at the end of the block, undone by any exception.

        Raises:
            DatabaseUnavailableError: not reachable, or locked for longer than ``lock_timeout``.
            StorageFullError: no space left; nothing was changed.
            ConflictError: a key that somebody else has taken.
            ForbiddenError: a change of append-only history.
        """
        if self.writing:
            raise RuntimeError("this thread already writes; pass its connection on")
        self._writing.open = True
        try:
            with translated(self.where, self.path), self.engine.begin() as connection:
                yield connection
        finally:
            self._writing.open = False

    @property
    def writing(self) -> bool:
        """Does this thread hold a write transaction now?"""
        return bool(getattr(self._writing, "open", False))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot: all queries of the block see the same committed state. Writing fails."""
        with translated(self.where, self.path), self._reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the pooled connections; the object can be used again and reconnects."""
        self.engine.dispose()

    def __repr__(self) -> str:
        return f"Database({self.where})"


_SQLITE_NOW = text("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")
_POSTGRESQL_NOW = text("SELECT clock_timestamp()")


def database_time(connection: Connection) -> datetime:
    """The database's clock, in UTC: the time of records, the same for all who write.

    Milliseconds on SQLite, microseconds on PostgreSQL. Later calls in one transaction move on.
    """
    if connection.dialect.name == "sqlite":
        return datetime.fromisoformat(connection.execute(_SQLITE_NOW).scalar_one())
    moment: datetime = connection.execute(_POSTGRESQL_NOW).scalar_one()
    return moment.astimezone(UTC)


def _sqlite_engine(url: URL, path: Path, lock_timeout: float) -> Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailableError(
            f"the folder {path.parent} cannot be made; create it or give this user the right to"
        ) from error
    engine = create_engine(
        url.set(database=str(path)),
        connect_args={"timeout": lock_timeout},
        hide_parameters=True,
    )

    _follow_the_file(engine, path)

    @event.listens_for(engine, "connect")
    def _configure(raw: sqlite3.Connection, _record: Any) -> None:
        raw.isolation_level = None  # the driver must not begin transactions of its own
        _enter_wal(raw, lock_timeout)
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA recursive_triggers=ON")  # else REPLACE deletes without the triggers

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        if connection.get_execution_options().get("governance_read"):
            raw.execute("PRAGMA query_only=ON")
            raw.execute("BEGIN")
        else:
            raw.execute("PRAGMA query_only=OFF")
            raw.execute("BEGIN IMMEDIATE")

    return engine


def _follow_the_file(engine: Engine, path: Path) -> None:
    """A file that was restored from a backup is another one: connections to the old one would go on
    reading and writing what nobody else sees. And one that went away is not made anew, empty.
    """
    known = False

    def which() -> tuple[int, int] | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @event.listens_for(engine, "do_connect")
    def _there(*_: Any) -> None:
        if known and which() is None:
            raise DatabaseUnavailableError(f"the database file {path} is gone; restore it")

    @event.listens_for(engine, "connect")
    def _remember(_raw: Any, record: Any) -> None:
        nonlocal known
        record.info["file"] = which()
        known = known or record.info["file"] is not None

    @event.listens_for(engine, "checkout")
    def _still_there(_raw: Any, record: Any, _proxy: Any) -> None:
        if record.info.get("file") != which():
            raise DisconnectionError("another file has this name now")


def _enter_wal(raw: sqlite3.Connection, lock_timeout: float) -> None:
    """Switch to WAL once per file; SQLite does not wait by itself for this one lock."""
    deadline = time.monotonic() + lock_timeout
    while raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            raw.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _postgresql_engine(url: URL, lock_timeout: float) -> Engine:
    connect_args: dict[str, Any] = {"application_name": "governance"}
    if "connect_timeout" not in url.query:
        connect_args["connect_timeout"] = _POSTGRESQL_CONNECT_SECONDS
    try:
        engine = create_engine(
            url,
            isolation_level="READ COMMITTED",
            connect_args=connect_args,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise SettingsError(
            "the PostgreSQL driver is not installed; install airflow-model-governance[postgres]"
        ) from error

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        before, raw.autocommit = raw.autocommit, True
        # The driver renders times in the session's zone, where the last of them lie beyond 9999.
        raw.execute("SET TIME ZONE 'UTC'")
        raw.execute(f"SET lock_timeout = {max(1, int(lock_timeout * 1000))}")
        raw.autocommit = before

    return engine
