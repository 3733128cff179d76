"""A connection to somebody else's database, to read from; what fails says no password.

Nothing is written: SQLite is opened query-only, PostgreSQL read-only, and no transaction commits.
Neighbour: ``sql`` asks. Our own database is ``governance.store``'s. Not promised: a limit on the
time a query takes; set it in the URL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool

from governance.errors import LiveDataError

_CONNECT_SECONDS = 10
# A driver's text may repeat parts of a URL, so only what is known here is said.
_KNOWN = (
    "password authentication failed",
    "Connection refused",
    "timeout expired",
    "No such file or directory",
    "could not translate host name",
    "unable to open database file",
    "file is not a database",
    "database is locked",
)


class LiveDatabase:
    """
    Args:
        url: SQLAlchemy URL.
        url_from: the environment variable that holds it, for messages.

    Raises:
        LiveDataError: no URL, or its driver is not installed.
    """

    def __init__(self, url: str, *, url_from: str) -> None:
        self._engine: Engine
        self.name = f"the database of {url_from}"
        if not url:
            raise LiveDataError(
                f"the environment variable {url_from} is not set; set it to the SQLAlchemy URL of "
                "the live data"
            )
        parsed = _parsed(url, self.name)
        self.backend = parsed.get_backend_name()
        self._file = parsed.database if self.backend == "sqlite" else None
        arguments: dict[str, Any] = {}
        if parsed.drivername == "postgresql+psycopg" and "connect_timeout" not in parsed.query:
            arguments["connect_timeout"] = _CONNECT_SECONDS
        try:
            # No pool, so that there is nothing to close and nothing to inherit after a fork.
            self._engine = create_engine(
                parsed, poolclass=NullPool, hide_parameters=True, connect_args=arguments
            )
        except Exception as error:  # a dialect that is not installed, or options it does not know
            raise LiveDataError(
                f"{self.name} cannot be used here ({type(error).__name__} for "
                f"{parsed.drivername!r}); install the driver, or correct the URL"
            ) from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction, undone at its end.

        Raises:
            LiveDataError: no connection, or it broke, or the database refused a statement.
        """
        if self._file is not None and not Path(self._file).is_file():  # SQLite would make it
            raise LiveDataError(
                f"{self.name}: there is no file {self._file}; correct the path in the URL"
            )
        try:
            connection = self._engine.connect()
        except Exception as error:  # drivers differ in what they raise
            raise self._unreachable(error) from None
        with connection:
            try:
                if self.backend == "sqlite":
                    connection.exec_driver_sql("PRAGMA query_only = ON")
                elif self.backend == "postgresql":
                    connection = connection.execution_options(postgresql_readonly=True)
                    # Hours are cut, and times without a zone shown, by the session's zone.
                    connection.exec_driver_sql("SET TIME ZONE 'UTC'")
                yield connection
            except SQLAlchemyError as error:
                if is_refusal(error):
                    raise LiveDataError(
                        f"{self.name} refuses to read ({refusal(error)}); correct drift.live"
                    ) from error
                raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> LiveDataError:
        known = next((text for text in _KNOWN if text in str(error)), type(error).__name__)
        return LiveDataError(
            f"{self.name} ({self.backend}) cannot be reached, or broke off ({known}); check that "
            "it runs and is reached from here, and user and password in the URL"
        )


def is_refusal(error: SQLAlchemyError) -> bool:
    """Did the database answer, and say no: no such table or column, types that do not compare?"""
    if not isinstance(error, DBAPIError):
        return True  # a statement that SQLAlchemy cannot send: a bound name without a value
    if error.connection_invalidated:
        return False
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return isinstance(error, ProgrammingError | DataError)


def refusal(error: SQLAlchemyError) -> str:
    """What the database said, without the statement."""
    cause: object = error.orig if isinstance(error, DBAPIError) else error
    return (str(cause).strip().splitlines() or [type(error).__name__])[0][:200]


def _parsed(url: str, name: str) -> URL:
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):  # their texts repeat parts of the URL
        raise LiveDataError(
            f"{name}: its URL cannot be read; write postgresql://user:password@host/database or "
            "sqlite:////path/live.db, with %40 for an @ inside a password"
        ) from None
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed
