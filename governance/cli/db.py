"""`governance db upgrade|current`: the schema, which a PostgreSQL server gets on purpose only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from governance.cli.output import emit_record, note
from governance.cli.session import Location, Output, OutputOption

if TYPE_CHECKING:
    from governance.settings import Settings
    from governance.store.database import Database

app = typer.Typer(no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Run the migrations that are missing, in one transaction and under a lock."""
    from governance.store import migrate

    location: Location = context.obj
    database = _database(location.settings)
    try:
        before = migrate.current(database)
        migrate.upgrade(database)
        after = migrate.current(database)
    finally:
        database.close()
    emit_record({"from": before, "to": after, "changed": before != after}, output)


@app.command()
def current(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """The revision the database stands at and the one this program needs."""
    from governance.store import migrate

    location: Location = context.obj
    database = _database(location.settings)
    try:
        found = migrate.current(database)
        with database.read() as connection:
            theirs = migrate.foreign_tables(connection) if found is None else []
    finally:
        database.close()
    emit_record(
        {"current": found, "head": migrate.head(), "up_to_date": found == migrate.head()}, output
    )
    if theirs:
        note(f"this database is not ours ({theirs[0]} is in it); name another one")
    elif found != migrate.head():
        note("run `governance db upgrade`")


def _database(settings: Settings) -> Database:
    from governance.store.database import Database

    return Database(settings.url, lock_timeout=settings.lock_timeout_seconds)
