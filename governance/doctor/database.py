"""Checks of the database: does it answer and take writes, is its schema right, is its clock?

Each opens what is there and waits a few seconds at most. A write is begun and undone, so that
nothing is left. ``home`` looks at the files that follow from the database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, inspect, text

from governance.doctor.finding import Finding, listed, ok, problem, unknown, warning
from governance.doctor.installation import Installation
from governance.doctor.mounts import mount_of
from governance.store import migrate, schema
from governance.store.database import Database, database_time

CLOCK_SECONDS = 5.0
_REACH = "governance db current"
_MAY_WRITE = text("SELECT has_table_privilege(current_user, to_regclass(:name), 'INSERT')")


class _Undone(Exception):
    pass


def database(installation: Installation) -> Iterator[Finding]:
    """Reachable and writable. What the error says is the remedy; it repeats no password."""
    with installation.database() as opened:
        refusal = _why_no_write(opened)
        where = opened.where
    if refusal is not None:
        remedy = "give this user the right to write, or name the primary server"
        yield problem("database", refusal, remedy, _REACH)
    else:
        yield ok("database", f"{where} answers and takes writes")


def place(installation: Installation) -> Iterator[Finding]:
    """SQLite's locks hold on one machine alone."""
    check, file = "database place", installation.sqlite_file
    if file is None:
        yield ok(check, "a PostgreSQL server, which all machines may use")
        return
    airflow, mount = installation.airflow, mount_of(file, installation.mounts)
    move = "move to PostgreSQL (how-to/run-on-postgresql.md)"
    if airflow.elsewhere:
        names = listed(airflow.elsewhere, "runs", "run")
        found = f"{file} is an SQLite file, and {names} tasks on other machines"
        yield problem(check, found, move, _REACH)
    elif mount is None or mount.reach != "local":
        on = "a file system that this system does not name" if mount is None else mount.kind
        say = problem if mount is not None and mount.reach == "shared" else unknown
        found = f"{file} is an SQLite file on {on}: do locks hold there?"
        yield say(check, found, f"{move}, or keep the file on a local disk", _REACH)
    else:
        yield ok(check, f"{file} is on {mount.kind}, a file system of this machine")


def _why_no_write(database: Database) -> str | None:
    """What keeps this process from writing; None if nothing does."""
    if database.path is not None:
        for path in (database.path, database.path.parent):
            if not os.access(path, os.W_OK):
                return f"{path} may not be written by this user"
    try:
        with database.begin() as tx:
            refusal = _server_refuses(tx) if database.dialect == "postgresql" else None
            raise _Undone(refusal)
    except _Undone as undone:
        return None if undone.args[0] is None else str(undone.args[0])


def _server_refuses(tx: Connection) -> str | None:
    if tx.scalar(text("SELECT current_setting('transaction_read_only')")) == "on":
        return "the server takes no writes (a standby, or read-only)"
    for name in schema.metadata.tables:
        if tx.scalar(_MAY_WRITE, {"name": name}) is False:
            return f"this database user may not write the table {name}"
    return None


def schema_is_right(installation: Installation) -> Iterator[Finding]:
    with installation.database() as opened:
        found = migrate.current(opened)
        with opened.read() as connection:
            there = set(inspect(connection).get_table_names())
            theirs = migrate.foreign_tables(connection) if found is None else []
    head = migrate.head()
    missing = sorted(set(schema.metadata.tables) - there)
    if found == head and missing:
        found_text = f"said to be at {head}, but {_few(missing)} missing"
        remedy = "restore the database from a backup: an upgrade does not make them again"
        yield problem("schema", found_text, remedy, _REACH)
    elif found == head:
        yield ok("schema", f"at {head}, as this program needs it")
    elif theirs:
        found_text = f"no tables of ours, but {_few(theirs)} there: whose database is it?"
        remedy = (
            "name a database of its own (GOVERNANCE_DATABASE_URL), then `governance db upgrade`, "
            "which refuses this one"
        )
        yield problem("schema", found_text, remedy, _REACH)
    elif found is None:
        found_text = "the database has no tables of ours yet"
        yield problem("schema", found_text, "run `governance db upgrade`", _REACH)
    elif found > head:
        found_text = f"at {found}, newer than this program ({head})"
        yield problem("schema", found_text, "install the release that made it", _REACH)
    else:
        found_text = f"at {found}, this program needs {head}"
        yield problem("schema", found_text, "back up, then run `governance db upgrade`", _REACH)


def _few(names: list[str]) -> str:
    """
    >>> _few(["dag"]), _few(["a", "b", "c", "d", "e"])
    ('the table dag is', 'the tables a, b, c and 2 more are')
    """
    if len(names) == 1:
        return f"the table {names[0]} is"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"the tables {', '.join(names[:3])}{more} are"


def clock(installation: Installation) -> Iterator[Finding]:
    """Records carry the database's time; people and Airflow compare it with their own."""
    with installation.database() as opened, opened.read() as connection:
        before = datetime.now(UTC)
        theirs = database_time(connection)
        after = datetime.now(UTC)
    if opened.path is not None:
        yield ok("clock", "an SQLite database has the clock of this machine")
        return
    early, late = (before - theirs).total_seconds(), (theirs - after).total_seconds()
    apart = max(early, late, 0.0)
    if not apart <= CLOCK_SECONDS:
        which = "behind" if early > late else "ahead of"
        yield warning(
            "clock",
            f"the database is {apart:.0f} s {which} this machine",
            "let both follow a time server (chrony, systemd-timesyncd)",
        )
    else:
        yield ok("clock", f"the database and this machine agree within {CLOCK_SECONDS:.0f} s")


def not_looked_at(check: str) -> Finding:
    """For checks that need the database while it does not answer."""
    found = "not looked at, since the database does not answer"
    return unknown(check, found, "mend `database` first")
