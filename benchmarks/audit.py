"""How long verifying the audit log takes, beside the time of merely reading its rows.

    python benchmarks/audit.py [--entries 1000000] [--database URL] [--json]

Entries are written in bulk by the same chain functions; appending with a commit each is measured
on a few. The target is 10^6 entries in less than 5 s on SQLite.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from governance.canonical import canonical_json
from governance.history.audit import AuditLog
from governance.history.chain import COLUMNS, GENESIS, Row, entry_hash
from governance.store.database import Database
from governance.store.migrate import upgrade
from governance.store.schema import audit_log
from governance.values import iso

START = datetime(2013, 1, 1, tzinfo=UTC)


def rows(entries: int) -> Iterator[Row]:
    """Entries as large as real ones: a reason, a digest, a few figures."""
    previous = GENESIS
    for seq in range(1, entries + 1):
        details = canonical_json(
            {"digest": f"{seq:064x}", "generation": seq % 100, "reason": "scheduled retraining"}
        )
        fields = (
            iso(datetime.fromtimestamp(START.timestamp() + seq, tz=UTC)),
            f"user{seq % 10}",
            "version.registered",
            "momentum",
            f"{seq:012x}",
            details,
        )
        computed = entry_hash(seq, *fields, previous)
        yield (seq, *fields, previous, computed)
        previous = computed


def fill(database: Database, entries: int) -> None:
    if database.path is not None:
        marks = ", ".join("?" * len(COLUMNS))
        with sqlite3.connect(database.path) as file:
            file.executemany(f"INSERT INTO audit_log VALUES ({marks})", rows(entries))
        file.close()
        return
    batch: list[dict[str, Any]] = []
    with database.begin() as tx:
        for row in rows(entries):
            batch.append(dict(zip(COLUMNS, row, strict=True)))
            if len(batch) == 5000:
                tx.execute(insert(audit_log), batch)
                batch.clear()
        if batch:
            tx.execute(insert(audit_log), batch)


def read_all(database: Database) -> float:
    """Seconds to fetch every row from the driver and do nothing with it: the floor."""
    statement = f"SELECT {', '.join(COLUMNS)} FROM audit_log ORDER BY seq"
    with database.read() as connection:
        driver: Any = connection.connection.driver_connection
        cursor = driver.cursor() if database.dialect == "sqlite" else driver.cursor(name="floor")
        started = time.perf_counter()
        cursor.execute(statement)
        while cursor.fetchmany(10_000):
            pass
        seconds = time.perf_counter() - started
        cursor.close()
    return seconds


def measure(url: str, entries: int, appended: int) -> dict[str, Any]:
    database = Database(url)
    upgrade(database)
    log = AuditLog(database)
    fill(database, entries)
    floor = read_all(database)
    started = time.perf_counter()
    verification = log.verify()
    verify = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(appended):
        with database.begin() as tx:
            log.append(tx, actor="ann", action="benchmark.done", details={"n": 1})
    append = time.perf_counter() - started
    database.close()
    return {
        "database": database.dialect,
        "entries": verification.entries,
        "verify_seconds": round(verify, 3),
        "read_only_seconds": round(floor, 3),
        "microseconds_per_entry": round(verify / max(1, entries) * 1e6, 2),
        "append_milliseconds": round(append / max(1, appended) * 1e3, 3),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "processors": os.cpu_count(),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--appended", type=int, default=200)
    parser.add_argument("--database", help="URL of an empty database; default: a temporary file")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{Path(folder) / 'audit.db'}"
        result = measure(url, given.entries, given.appended)
    if given.json:
        print(json.dumps(result))
        return 0
    for name, value in result.items():
        print(f"{name:24} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
