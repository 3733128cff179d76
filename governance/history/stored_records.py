"""Records read without trusting what is there: as they are stored, whatever bytes they hold.

Neighbours: ``cross_check`` and ``session_check`` hold them against the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row, text

from governance.errors import AuditChainError

# Longer than any lock that one transaction may wait for, between the two looks at the clock.
_ONE_TRANSACTION = timedelta(hours=2)
_BATCH = 1000

Record = Mapping[str, Any]


def in_one_transaction(entry: Record, row: Record) -> bool:
    try:
        apart = datetime.fromisoformat(row["recorded_at"]) - datetime.fromisoformat(
            entry["recorded_at"]
        )
    except (TypeError, ValueError):
        return False
    return abs(apart) <= _ONE_TRANSACTION


def details_of(entry: Record) -> Record:
    """An entry in the chain is JSON as it was written; unless somebody wrote the chain anew."""
    try:
        details = json.loads(entry["details"])
    except (ValueError, RecursionError):
        details = None
    if not isinstance(details, dict):
        raise differs(entry["seq"], "its details are no JSON object")
    return details


def differs(seq: int, what: str) -> AuditChainError:
    return AuditChainError(
        f"audit entry {seq} and the records do not agree: {what}; restore the database from a "
        "backup and compare the two",
        seq=seq,
    )


def record(row: Row[Any] | None) -> Record | None:
    return None if row is None else dict(row._mapping)


@contextmanager
def any_bytes(connection: Connection) -> Iterator[None]:
    """SQLite keeps any bytes as text; they must differ from the entry, not break the read."""
    driver: Any = connection.connection.driver_connection
    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str


def columns_as_stored(
    connection: Connection, table: str, names: list[str], *, times: tuple[str, ...]
) -> str:
    """As they are stored; PostgreSQL's times as the log writes them, whatever year they lie in."""
    if connection.dialect.name == "sqlite":
        return ", ".join(f"{table}.{name} AS {name}" for name in names)
    pattern = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
    return ", ".join(
        f"to_char({table}.{name} AT TIME ZONE 'UTC', '{pattern}') AS {name}"
        if name in times
        else f"{table}.{name} AS {name}"
        for name in names
    )


@contextmanager
def stream(connection: Connection, query: str, **bound: Any) -> Iterator[Iterator[Row[Any]]]:
    result = connection.execute(text(query), bound, execution_options={"yield_per": _BATCH})
    try:
        yield chain.from_iterable(result.partitions(_BATCH))
    finally:
        result.close()
