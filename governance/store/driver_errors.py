"""What a database driver raises, as the errors of this product: a class, a sentence, a remedy.

Used by ``governance.store.database`` around every transaction, by ``migrate`` around an upgrade.
Not translated, because it is a programming mistake and must stay loud: a NULL where none may be, a
broken CHECK, SQL that does not parse. No message contains a URL, a password or a bound value.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from governance.errors import (
    ConflictError,
    DatabaseUnavailableError,
    ForbiddenError,
    GovernanceError,
    IntegrityError,
    SchemaOutdatedError,
    StorageFullError,
)

APPEND_ONLY = "is append-only"  # the triggers of migration 0001 say this
KEY_TAKEN = "already has this key"
APPEND_ONLY_STATE = "GV001"  # SQLSTATE of the same refusal on PostgreSQL

_NEARLY_FULL = 1 << 20  # SQLite reports a full disk as an I/O error when its index file cannot grow


@contextmanager
def translated(where: str, path: Path | None = None) -> Iterator[None]:
    """Driver errors inside become typed ones.

    Args:
        where: how messages name the database, without user or password.
        path: the SQLite file, to tell a full disk from a broken one.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseUnavailableError(
            f"all connections to {where} are in use; retry, or run fewer calls at once"
        ) from error
    except Exception as error:
        known = _known(error, where, path)
        if known is None:
            raise
        raise known from error


def _known(error: BaseException, where: str, path: Path | None) -> GovernanceError | None:
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    origin = error.orig if isinstance(error, DBAPIError) else error  # or the bare driver's
    if isinstance(origin, sqlite3.Error):
        return _from_sqlite(origin, where, path)
    if hasattr(origin, "sqlstate"):
        return _from_postgresql(origin, where, lost=lost)
    return None


def _from_sqlite(error: sqlite3.Error, where: str, path: Path | None) -> GovernanceError | None:
    code = getattr(error, "sqlite_errorcode", None)
    text = str(error)
    if code is None:
        if text.startswith("Could not decode to UTF-8"):  # the driver's own; it quotes the bytes
            return IntegrityError(
                f"a record in {where} holds bytes that are no text any more; run `governance audit "
                "verify`, and restore the database from a backup"
            )
        return None
    if code == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
        if KEY_TAKEN in text:
            return ConflictError(f"{text}; read it again and retry")
        return ForbiddenError(f"{text}; record a correction as a new entry")
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return _conflict(text.removeprefix("UNIQUE constraint failed: "))
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return ConflictError("the record refers to something that does not exist (any more)")
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseUnavailableError(
            f"{where} is locked by another writer for too long; retry, find the process that holds "
            "it, or raise GOVERNANCE_LOCK_TIMEOUT_SECONDS"
        )
    if primary == sqlite3.SQLITE_FULL or (
        primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_full(path)
    ):
        return StorageFullError(f"no space left for {where}; nothing was changed; free some space")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return IntegrityError(
            f"{where} is damaged or no SQLite database; restore it from a backup and run "
            "`governance audit verify`"
        )
    if primary == sqlite3.SQLITE_READONLY:
        return DatabaseUnavailableError(
            f"{where} is read-only; give this user the right to write the file and its folder"
        )
    if primary in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
        return DatabaseUnavailableError(
            f"{where} cannot be opened or read; check that the folder exists, is on a local disk "
            "and belongs to this user"
        )
    if primary == sqlite3.SQLITE_ERROR and text.startswith("no such table"):
        return _outdated(where)
    return None


def _is_full(path: Path | None) -> bool:
    if path is None:
        return False
    try:
        return shutil.disk_usage(path.parent).free < _NEARLY_FULL
    except OSError:
        return False


def _from_postgresql(
    error: BaseException | None, where: str, *, lost: bool
) -> GovernanceError | None:
    state = getattr(error, "sqlstate", None) or ""
    if state == APPEND_ONLY_STATE:
        table = getattr(getattr(error, "diag", None), "table_name", None) or "the table"
        return ForbiddenError(f"{table} {APPEND_ONLY}; record a correction as a new entry")
    if state == "23505":
        return _conflict(getattr(getattr(error, "diag", None), "constraint_name", None) or "a key")
    if state == "23503":
        return ConflictError("the record refers to something that does not exist (any more)")
    if state in ("53100", "54P01"):
        return StorageFullError(f"no space left for {where}; nothing was changed; free some space")
    if state in ("55P03", "40P01", "40001"):
        return DatabaseUnavailableError(
            f"{where} is locked by another writer for too long; repeat the same call"
        )
    if state == "42P01":
        return _outdated(where)
    if state == "3F000":
        return DatabaseUnavailableError(
            f"{where} has no schema of the connection's search_path; create it (CREATE SCHEMA), or "
            "name another one"
        )
    if state == "25006":
        return DatabaseUnavailableError(
            f"{where} takes no writes (a standby, perhaps); name the primary"
        )
    if state in ("42501", "3D000") or state.startswith("28"):
        return DatabaseUnavailableError(
            f"{where} refuses this user; check user, password, database name and rights"
        )
    if lost or state[:2] in ("08", "53", "57", "58") or _is_connection_failure(error, state):
        return DatabaseUnavailableError(
            f"{where} cannot be reached, or the connection broke before the answer came; check "
            "that it runs and repeat the same call"
        )
    return None


def _is_connection_failure(error: BaseException | None, state: str) -> bool:
    """A failed connect has no SQLSTATE; the driver's class is all there is (PEP 249 names it)."""
    names = {base.__name__ for base in type(error).__mro__}
    return not state and bool(names & {"OperationalError", "InterfaceError"})


def _conflict(what: str) -> ConflictError:
    return ConflictError(f"{what} is already taken; somebody else was faster: read again and retry")


def _outdated(where: str) -> SchemaOutdatedError:
    return SchemaOutdatedError(f"{where} has no current schema; run `governance db upgrade`")
