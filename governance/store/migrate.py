"""Bring a database to the schema of this version: Alembic, under a version table of our own.

Migrations are written out in ``migrations/versions``, named by number and purpose, and never edited
once released. They run in one transaction under a lock, so two processes may start at once. A test
compares what they make with ``governance.store.schema``. No downgrade is offered: restore a backup.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from governance.errors import ForeignDatabaseError, IntegrityError, SchemaOutdatedError
from governance.store.database import Database
from governance.store.driver_errors import translated

HEAD = "0006"  # here too, so that opening an up-to-date database needs no Alembic; tested
VERSION_TABLE = "governance_alembic_version"
MIGRATIONS = Path(__file__).with_name("migrations")

_LOCK_KEY = 0x676F765F6D6967  # advisory lock of migrations ("gov_mig")
_OF_EXTENSIONS = text(
    "SELECT relname FROM pg_class JOIN pg_depend ON objid = pg_class.oid AND deptype = 'e' "
    "AND classid = 'pg_class'::regclass WHERE relnamespace = "
    "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
)
_one_at_a_time = threading.Lock()  # Alembic keeps its context in module globals


def head() -> str:
    """The revision this program needs.

    >>> head()
    '0006'
    """
    return HEAD


def current(database: Database) -> str | None:
    """The revision a database stands at; ``None`` if it has no tables of ours."""
    with database.read() as connection:
        return _revision(connection)


def foreign_tables(connection: Connection) -> list[str]:
    """What stands in a database that has no revision of ours: tables of somebody else.

    Looked at is the schema that ours would be made in, not what stands behind it on PostgreSQL's
    search path. Tables that an extension made (PostGIS has one) are nobody's.
    """
    inspector = inspect(connection)
    names = set(inspector.get_table_names(inspector.default_schema_name)) - {VERSION_TABLE}
    if connection.dialect.name == "postgresql":
        names -= set(connection.scalars(_OF_EXTENSIONS))
    return sorted(names)


def ensure_schema(database: Database) -> None:
    """Make an empty database usable, upgrade an old SQLite file, leave a current one alone.

    Raises:
        SchemaOutdatedError: an old schema on PostgreSQL (a server is upgraded on purpose, by
            ``governance db upgrade``), or a schema newer than this program.
        ForeignDatabaseError: as ``upgrade``.
    """
    revision = current(database)
    if revision == HEAD:
        return
    if revision is not None and database.dialect == "postgresql":
        _refuse_newer(database, revision)
        raise SchemaOutdatedError(
            f"{database.where} is at schema {revision}, this program needs {HEAD}; "
            "run `governance db upgrade`"
        )
    upgrade(database)


def upgrade(database: Database) -> None:
    """Run all missing migrations in one transaction, under a lock; nothing to do is fine.

    Raises:
        SchemaOutdatedError: the schema is newer than this program, or of no release at all.
        ForeignDatabaseError: tables are there that no migration of ours made.
        IntegrityError: rows refer to rows that do not exist; nothing was changed.
    """
    with (
        _one_at_a_time,
        translated(database.where, database.path),
        database.engine.connect() as connection,
    ):
        raw: Any = connection.connection.driver_connection
        if database.dialect == "sqlite":
            raw.execute("PRAGMA foreign_keys=OFF")  # rebuilt tables; outside a transaction only
        try:
            with connection.begin():
                _upgrade_locked(database, connection)
        finally:
            if database.dialect == "sqlite":
                raw.execute("PRAGMA foreign_keys=ON")


def _upgrade_locked(database: Database, connection: Connection) -> None:
    if database.dialect == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    revision = _revision(connection)
    if revision == HEAD:
        return
    if revision is not None:
        _refuse_newer(database, revision)
    elif theirs := foreign_tables(connection):
        raise ForeignDatabaseError(
            f"{database.where} is another product's: it has tables that are not ours "
            f"({', '.join(theirs[:3])}{', ...' if len(theirs) > 3 else ''}); give the governance "
            "tables a database of their own, or on PostgreSQL a schema, in GOVERNANCE_DATABASE_URL"
        )
    from alembic import command  # slow to import, and only upgrades need it
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise SchemaOutdatedError(
            f"{database.where} is at schema {revision!r}, which this program does not know; name "
            "another database, or restore a backup"
        ) from error
    if database.dialect == "sqlite" and (
        broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    ):
        raise IntegrityError(
            f"{database.where} has rows in {broken[0]!r} that refer to nothing; nothing was "
            "changed; restore a backup"
        )


def _refuse_newer(database: Database, revision: str) -> None:
    if revision > HEAD:
        raise SchemaOutdatedError(
            f"{database.where} is at schema {revision}, newer than this program knows ({HEAD}); "
            "upgrade airflow-model-governance"
        )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if found is None else str(found)
