"""Migrations: from every released revision to the newest, with the tables that the schema says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url

from governance.errors import DatabaseUnavailableError, ForeignDatabaseError, SchemaOutdatedError
from governance.store import access_tables, alert_tables, drift_tables, migrate, promotion_tables
from governance.store.database import Database
from governance.store.schema import metadata

ROOT = Path(__file__).parents[2]
DECLARED = (
    access_tables,
    alert_tables,
    drift_tables,
    promotion_tables,
)  # whose tables are in `metadata` once they are imported


def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _definitions(connection: Connection) -> set[str]:
    """Every table, column, key, constraint and index as the database itself describes them."""
    if connection.dialect.name == "sqlite":
        statements = connection.scalars(
            text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'trigger'")
        )
        clauses: set[str] = set()
        for statement in statements:
            table, _, body = re.sub(r"\s+", " ", statement).partition(" (")
            parts = [body] if "INDEX" in table else re.split(r", (?![^(]*\))", body)
            clauses |= {f"{table}: {part.strip(' )')}" for part in parts}
        return {clause for clause in clauses if migrate.VERSION_TABLE not in clause}
    queries = (
        "SELECT format('%s.%s %s %s %s %s %s', table_name, column_name, data_type, "
        "character_maximum_length, is_nullable, column_default, collation_name) "
        "FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid, true)) || conname "
        "FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    )
    found = {row for query in queries for row in connection.scalars(text(query))}
    return {line for line in found if migrate.VERSION_TABLE not in line}


def test_the_migrations_make_what_the_schema_says(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.begin() as connection:
        metadata.create_all(connection)
        expected = _definitions(connection)
        metadata.drop_all(connection)
    migrate.upgrade(database)
    with database.begin() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrate.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
        found = _definitions(connection)
    database.close()
    assert len(expected) > 80
    assert found == expected


def test_every_released_revision_upgrades_to_the_newest(empty_database_url: str) -> None:
    """Each step is taken alone, as a user who installs every version would."""
    from alembic import command

    database = Database(empty_database_url)
    for script in reversed(list(_script().walk_revisions())):
        config = Config()
        config.set_main_option("script_location", str(migrate.MIGRATIONS))
        config.set_main_option("path_separator", "os")
        with database.begin() as connection:
            config.attributes["connection"] = connection
            config.attributes["version_table"] = migrate.VERSION_TABLE
            command.upgrade(config, script.revision)
        assert migrate.current(database) == script.revision
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()
    database.close()


def test_the_revision_in_the_code_is_the_newest_file_and_files_are_numbered() -> None:
    names = sorted(path.name for path in (migrate.MIGRATIONS / "versions").glob("*.py"))
    assert _script().get_heads() == [migrate.head()]
    assert [name.partition("_")[0] for name in names] == [
        f"{number:04d}" for number in range(1, len(names) + 1)
    ]


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    with database.read() as connection:
        before = _definitions(connection)
    migrate.upgrade(database)
    migrate.ensure_schema(database)
    with database.read() as connection:
        assert _definitions(connection) == before


def test_an_empty_database_is_made_usable(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    assert migrate.current(database) is None
    migrate.ensure_schema(database)
    assert migrate.current(database) == migrate.head()
    database.close()


def test_racing_upgrades_make_one_schema(empty_database_url: str) -> None:
    failures: list[BaseException] = []

    def open_it() -> None:
        database = Database(empty_database_url)
        try:
            migrate.ensure_schema(database)
        except BaseException as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_an_upgrade_waits_for_the_lock_of_another_one(empty_database_url: str) -> None:
    holder, waiter = Database(empty_database_url), Database(empty_database_url, lock_timeout=0.2)
    with holder.begin() as tx:  # on SQLite any writer excludes all others
        if holder.dialect == "postgresql":
            tx.execute(text(f"SELECT pg_advisory_xact_lock({migrate._LOCK_KEY})"))
        with pytest.raises(DatabaseUnavailableError, match="locked by another writer"):
            migrate.upgrade(waiter)
    assert migrate.current(waiter) is None
    migrate.upgrade(waiter)
    assert migrate.current(holder) == migrate.head()
    holder.close()
    waiter.close()


def test_a_failed_upgrade_leaves_the_database_as_it_was(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.begin() as tx:
        # A name that the last statements of the upgrade meet.
        tx.execute(text("CREATE VIEW idempotency_keys AS SELECT 1 AS mine"))
    with pytest.raises(Exception, match="already exists"):
        migrate.upgrade(database)
    assert migrate.current(database) is None
    with database.begin() as tx:
        tx.execute(text("DROP VIEW idempotency_keys"))
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()
    database.close()


FOREIGN = {
    "by name": ("CREATE TABLE model_registry (theirs INTEGER)",),
    "one of Airflow's": ("CREATE TABLE dag (dag_id VARCHAR(9))",),
    "another history": (
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('0005')",
    ),
}


@pytest.mark.parametrize("which", FOREIGN)
def test_the_database_of_another_product_is_refused(empty_database_url: str, which: str) -> None:
    database = Database(empty_database_url)
    with database.begin() as tx:
        for statement in FOREIGN[which]:
            tx.execute(text(statement))
        before = _definitions(tx)
    for attempt in (migrate.ensure_schema, migrate.upgrade):
        with pytest.raises(ForeignDatabaseError, match="a database of their own") as refused:
            attempt(database)
        assert FOREIGN[which][0].split()[2] in refused.value.message
    with database.read() as connection:
        assert _definitions(connection) == before
        assert migrate.current(database) is None
    database.close()


def test_a_database_of_ours_to_which_somebody_added_a_table_is_upgraded(
    empty_database_url: str,
) -> None:
    from alembic import command

    database = Database(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with database.begin() as connection:
        config.attributes["connection"] = connection
        config.attributes["version_table"] = migrate.VERSION_TABLE
        command.upgrade(config, "0005")
        connection.execute(text("CREATE TABLE their_report (theirs INTEGER)"))
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()
    database.close()


@pytest.mark.parametrize("path", ["governance", "governance,public"])
def test_a_schema_of_our_own_in_a_shared_database(empty_postgres_url: str, path: str) -> None:
    """As `how-to/run-on-postgresql.md` has it; and what an extension made is nobody's."""
    shared = Database(empty_postgres_url)
    with shared.begin() as tx:
        tx.execute(text("CREATE TABLE dag (dag_id VARCHAR(9))"))
        tx.execute(text("CREATE SCHEMA governance"))
    url = make_url(empty_postgres_url).update_query_dict({"options": f"-csearch_path={path}"})
    own = Database(url.render_as_string(hide_password=False))
    with own.begin() as tx:
        tx.execute(text("CREATE TABLE made_by_extension (its INTEGER)"))
        tx.execute(
            text(
                "INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, "
                "refobjsubid, deptype) SELECT 'pg_class'::regclass, "
                "'made_by_extension'::regclass, 0, 'pg_extension'::regclass, oid, 0, 'e' "
                "FROM pg_extension LIMIT 1"
            )
        )
        assert migrate.foreign_tables(tx) == []
    migrate.ensure_schema(own)
    assert migrate.current(own) == migrate.head()
    assert migrate.current(shared) is None
    with shared.read() as connection:
        assert inspect(connection).get_table_names() == ["dag"]
    own.close()
    shared.close()


def test_a_schema_that_nobody_created_is_named(empty_postgres_url: str) -> None:
    url = make_url(empty_postgres_url).update_query_dict({"options": "-csearch_path=nowhere"})
    database = Database(url.render_as_string(hide_password=False))
    for attempt in (migrate.ensure_schema, migrate.upgrade):
        with pytest.raises(DatabaseUnavailableError, match="CREATE SCHEMA"):
            attempt(database)
    database.close()


def _stamp(database: Database, revision: str) -> None:
    with database.begin() as tx:
        tx.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '{revision}'"))


def test_an_old_schema_on_a_server_is_upgraded_on_purpose_only(postgres_url: str) -> None:
    database = Database(postgres_url)
    _stamp(database, "0000")
    with pytest.raises(SchemaOutdatedError, match="run `governance db upgrade`"):
        migrate.ensure_schema(database)
    database.close()


def test_a_schema_from_the_future_is_refused(database: Database) -> None:
    _stamp(database, "9999")
    for attempt in (migrate.ensure_schema, migrate.upgrade):
        with pytest.raises(SchemaOutdatedError, match="newer than this program"):
            attempt(database)
    assert migrate.current(database) == "9999"


def test_a_schema_of_no_release_is_refused(database: Database) -> None:
    _stamp(database, "0000")
    with pytest.raises(SchemaOutdatedError, match="does not know"):
        migrate.upgrade(database)
    with pytest.raises(SchemaOutdatedError):
        migrate.ensure_schema(database)
    assert migrate.current(database) == "0000"


def test_foreign_keys_are_enforced_again_after_an_upgrade(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'governance.db'}")
    migrate.upgrade(database)
    with database.begin() as tx:
        assert tx.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    database.close()


def _run_from(package_folder: Path, somewhere: Path) -> str:
    program = (
        "import governance, sys; from governance.store.database import Database\n"
        "from governance.store.migrate import ensure_schema, current\n"
        "assert governance.__file__.startswith(sys.argv[2]), governance.__file__\n"
        "database = Database(sys.argv[1]); ensure_schema(database); print(current(database))"
    )
    url = f"sqlite:///{somewhere / '100% new' / 'governance.db'}"
    ran = subprocess.run(
        [sys.executable, "-c", program, url, str(package_folder)],
        cwd=somewhere,
        env={**os.environ, "PYTHONPATH": str(package_folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


def test_migrations_run_from_any_folder(tmp_path: Path) -> None:
    installed = tmp_path / "50% off, and spaces"
    shutil.copytree(ROOT / "governance", installed / "governance")
    assert _run_from(installed, tmp_path) == migrate.head()


def test_the_wheel_carries_migrations_and_types_and_one_plugin(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    unpacked = tmp_path / "unpacked"  # looked at as a whole, because building it takes a second
    with zipfile.ZipFile(tmp_path / made.stdout.split()[-1]) as wheel:
        wheel.extractall(unpacked)
    assert _run_from(unpacked, tmp_path) == migrate.head()
    for package in ("governance", "governance_airflow"):
        assert (unpacked / package / "py.typed").exists()  # else type checkers see `Any`
    (info,) = unpacked.glob("*.dist-info")
    commands = (info / "entry_points.txt").read_text()
    assert "governance = governance.cli.app:main" in commands
    assert "governance = governance_airflow.airflow_plugin:GovernancePlugin" in commands
    assert not (unpacked / "governance_plugin.py").exists()  # that one is for a plugins folder
