"""The rows of the audit log as the driver gives them, in order and in constant memory.

Only for ``AuditLog.verify``, which reads everything: SQLAlchemy's rows would double its time. A row
whose text is no UTF-8 any more (on SQLite anything can be stored) comes as one that fits no chain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from governance.history.chain import COLUMNS, Row

_CHUNK = 10_000
_SELECT_ALL = f"SELECT {', '.join(COLUMNS)} FROM audit_log ORDER BY seq"  # noqa: S608 - constants


def all_rows(connection: Connection) -> Iterator[list[Row]]:
    """Every row, in chunks."""
    with _cursor(connection) as cursor:
        cursor.execute(_SELECT_ALL)
        last = 0
        while True:
            try:
                rows = cursor.fetchmany(_CHUNK)
            except sqlite3.OperationalError as error:
                if "decode" not in str(error).lower():
                    raise
                rows = _rows_up_to_undecodable(connection, last)
            if not rows:
                return
            yield rows
            last = rows[-1][0]


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        with driver.cursor(name="audit_verify") as cursor:
            yield cursor
        return
    cursor = driver.cursor()
    try:
        yield cursor
    finally:
        cursor.close()


def _rows_up_to_undecodable(connection: Connection, last: int) -> list[Row]:
    """One by one behind ``last``; a row whose text is no UTF-8 becomes one that fits no chain."""
    driver: Any = connection.connection.driver_connection
    cursor = driver.execute(_SELECT_ALL.replace("ORDER", "WHERE seq > ? ORDER"), (last,))
    rows: list[Row] = []
    while True:
        try:
            row = cursor.fetchone()
        except sqlite3.OperationalError:
            seq = (rows[-1][0] if rows else last) + 1
            return [*rows, (seq, "", "", "", "", "", "", "", "")]
        if row is None:
            return rows
        rows.append(row)
