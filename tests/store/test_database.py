"""The promises of ``governance.store.database``, on both databases where both make them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.engine import make_url

from governance.errors import (
    ConflictError,
    DatabaseUnavailableError,
    ForbiddenError,
    GovernanceError,
    IntegrityError,
    SchemaOutdatedError,
    SettingsError,
    StorageFullError,
)
from governance.history.activations import activate
from governance.history.audit import append_entry
from governance.store.database import Database, database_time
from governance.store.migrate import head
from governance.store.schema import (
    activations,
    audit_log,
    decisions,
    governed_models,
    idempotency_keys,
    model_registry,
)

NOON = datetime(2013, 2, 1, 12, tzinfo=UTC)


def note(tx: Connection, key: str, value: str = "x") -> None:
    tx.execute(
        insert(idempotency_keys).values(
            key=key, operation="note", fingerprint="", response=value, created_at=NOON
        )
    )


def keys(database: Database) -> list[str]:
    with database.read() as connection:
        return list(
            connection.scalars(select(idempotency_keys.c.key).order_by(idempotency_keys.c.key))
        )


def test_a_finished_block_is_committed_and_a_broken_one_leaves_nothing(database: Database) -> None:
    with database.begin() as tx:
        note(tx, "kept")
    with pytest.raises(ZeroDivisionError), database.begin() as tx:
        note(tx, "lost")
        _ = 1 / 0
    assert keys(database) == ["kept"]


def test_a_read_sees_one_snapshot_while_others_write(database: Database) -> None:
    count = text("SELECT count(*) FROM idempotency_keys")
    with database.read() as connection:
        before = connection.execute(count).scalar_one()
        with database.begin() as tx:
            note(tx, "meanwhile")
        assert connection.execute(count).scalar_one() == before == 0
    assert keys(database) == ["meanwhile"]


def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError), database.read() as connection:
        note(connection, "sly")
    with database.begin() as tx:  # the same pooled connection writes again
        note(tx, "honest")
    assert keys(database) == ["honest"]


def test_racing_writers_queue_and_none_fails(database: Database) -> None:
    with database.begin() as tx:
        note(tx, "counter", "0")
    failures: list[BaseException] = []

    def add_ten() -> None:
        try:
            for _ in range(10):
                with database.begin() as tx:
                    row = select(idempotency_keys.c.response).with_for_update()
                    value = int(tx.scalars(row).one())
                    tx.execute(update(idempotency_keys).values(response=str(value + 1)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add_ten) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as connection:
        assert connection.scalars(select(idempotency_keys.c.response)).one() == "80"


def test_a_write_inside_a_write_is_refused_at_once_instead_of_waiting_for_itself(
    database: Database,
) -> None:
    with database.begin(), pytest.raises(RuntimeError, match="pass its connection on"):
        database.begin().__enter__()
    with database.begin() as tx:  # and the mark is taken away
        note(tx, "later")


@pytest.fixture
def impatient(database_url: str) -> Iterator[tuple[Database, Database]]:
    holder, waiter = Database(database_url), Database(database_url, lock_timeout=0.2)
    yield holder, waiter
    holder.close()
    waiter.close()


def test_a_lock_held_too_long_is_reported_as_such(impatient: tuple[Database, Database]) -> None:
    holder, waiter = impatient
    with holder.begin() as tx:
        note(tx, "counter", "0")
    with holder.begin() as tx:
        tx.execute(update(idempotency_keys).values(response="1"))
        with (
            pytest.raises(DatabaseUnavailableError, match="locked by another writer"),
            waiter.begin() as other,
        ):
            other.execute(update(idempotency_keys).values(response="2"))
    with waiter.begin() as tx:
        tx.execute(update(idempotency_keys).values(response="3"))


def test_a_taken_key_is_a_conflict(database: Database) -> None:
    with database.begin() as tx:
        note(tx, "once")
    with pytest.raises(ConflictError, match="taken"), database.begin() as tx:
        note(tx, "once")


def test_a_reference_to_nothing_is_a_conflict(database: Database) -> None:
    with pytest.raises(ConflictError, match="does not exist"), database.begin() as tx:
        tx.execute(insert(model_registry).values(_version("a" * 12, "1.0.0", "trained")))


def _version(identity: str, version: str, stage: str) -> dict[str, object]:
    filled: dict[str, object] = {
        column.name: "" for column in model_registry.columns if not column.nullable
    }
    return filled | {
        "id": identity,
        "name": "momentum",
        "version": version,
        "stage": stage,
        "digest": identity,
        "size_bytes": 1,
        "created_at": NOON,
        "registered_at": NOON,
    }


def test_the_database_itself_refuses_a_second_production_version(database: Database) -> None:
    with database.begin() as tx:
        tx.execute(insert(governed_models).values(name="momentum", created_at=NOON))
        tx.execute(insert(model_registry).values(_version("a" * 12, "1.0.0", "production")))
        tx.execute(insert(model_registry).values(_version("b" * 12, "1.0.1", "staging")))
    with pytest.raises(ConflictError), database.begin() as tx:
        tx.execute(update(model_registry).values(stage="production"))
    with database.read() as connection:
        stages = connection.scalars(select(model_registry.c.stage).order_by("version"))
        assert list(stages) == ["production", "staging"]


def _fill_history(database: Database) -> None:
    with database.begin() as tx:
        tx.execute(insert(governed_models).values(name="momentum", created_at=NOON))
        activate(
            tx,
            model="momentum",
            version_id="a" * 12,
            decision_id="d",
            operation="promotion",
            forced=True,
            effective_at=NOON,
            expected_generation=0,
        )
        row = {c.name: "" for c in decisions.columns if not c.nullable}
        given = {"id": "d", "seq": 1, "eligible": True, "forced": True, "overridden": False}
        tx.execute(insert(decisions).values(row | given | {"at": NOON, "recorded_at": NOON}))
        append_entry(tx, actor="ann", action="model.registered")


@pytest.mark.parametrize("table", [audit_log, activations, decisions], ids=lambda t: str(t.name))
@pytest.mark.parametrize("change", ["update", "delete", "truncate", "replace"])
def test_history_refuses_every_change(database: Database, table: object, change: str) -> None:
    _fill_history(database)
    name = str(getattr(table, "name", ""))
    column = {"audit_log": "actor", "activations": "operation", "decisions": "reason"}[name]
    statement = {
        "update": f"UPDATE {name} SET {column} = 'x'",
        "delete": f"DELETE FROM {name}",
        "truncate": f"TRUNCATE {name}"
        if database.dialect == "postgresql"
        else f"DELETE FROM {name}",
        "replace": f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}"
        if database.dialect == "sqlite"
        else f"INSERT INTO {name} SELECT * FROM {name} ON CONFLICT ON CONSTRAINT pk_{name} "
        f"DO UPDATE SET {column} = 'x'",
    }[change]
    expected = (
        ConflictError if (change, database.dialect) == ("replace", "sqlite") else ForbiddenError
    )
    with database.read() as connection:
        before = connection.execute(text(f"SELECT * FROM {name}")).all()
    with pytest.raises(expected), database.begin() as tx:
        tx.execute(text(statement))
    with database.read() as connection:
        assert connection.execute(text(f"SELECT * FROM {name}")).all() == before != []


def test_other_tables_can_be_changed(database: Database) -> None:
    with database.begin() as tx:
        note(tx, "a")
        tx.execute(update(idempotency_keys).values(response="y"))
        tx.execute(delete(idempotency_keys))
    assert keys(database) == []


def test_a_database_without_our_tables_asks_for_the_upgrade(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with pytest.raises(SchemaOutdatedError, match="governance db upgrade"):
        keys(database)
    database.close()


def test_database_time_is_now_in_utc_and_moves_on(database: Database) -> None:
    with database.begin() as tx:
        first, second = database_time(tx), database_time(tx)
    assert first.utcoffset() == timedelta(0)
    assert first <= second
    assert abs(first - datetime.now(UTC)) < timedelta(seconds=30)


def test_times_are_read_back_whatever_zone_the_server_lives_in(postgres_url: str) -> None:
    """A session at +09:00 cannot render the last hours of the calendar, nor a driver read them."""
    name = make_url(postgres_url).database
    setting = Database(postgres_url)
    with setting.begin() as tx:
        tx.execute(text(f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'"))
    setting.close()
    database = Database(postgres_url)
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
    with database.begin() as tx:
        for number, moment in enumerate(ends):
            tx.execute(insert(governed_models).values(name=f"model{number}", created_at=moment))
    query = select(governed_models.c.created_at).order_by(governed_models.c.name)
    with database.read() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert list(connection.scalars(query)) == ends
    database.close()


def test_a_forked_child_does_not_use_or_close_its_parents_connections(database: Database) -> None:
    with database.begin() as tx:
        note(tx, "parent")
    with database.read() as connection:
        parents = connection.connection.driver_connection  # back in the pool after this
    child = os.fork()
    if child == 0:
        try:
            with database.begin() as tx:
                note(tx, "child")
                own = tx.connection.driver_connection is not parents
            database.close()
            os._exit(0 if own else 2)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert keys(database) == ["child", "parent"]


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://u:hunter2@h/d", "mongo://hunter2"],
)
def test_a_url_that_cannot_be_taken_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Database(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("query", ["", "?connect_timeout=1", "?password=hunter2"])
def test_an_unreachable_server_is_unavailable_and_the_password_stays_secret(query: str) -> None:
    database = Database(f"postgresql://ann:hunter2@127.0.0.1:1/governance{query}")
    with pytest.raises(DatabaseUnavailableError, match="cannot be reached") as refused:
        keys(database)
    chain: BaseException | None = refused.value
    while chain is not None:
        assert "hunter2" not in f"{chain} {chain!r}"
        chain = chain.__cause__
    assert "hunter2" not in repr(database)


def test_a_killed_connection_is_reported_and_the_next_call_reconnects(postgres_url: str) -> None:
    database, killer = Database(postgres_url), Database(postgres_url)
    with (
        pytest.raises(DatabaseUnavailableError, match="repeat the same call"),
        database.begin() as tx,
    ):
        victim = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with killer.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
        note(tx, "lost")
    with database.begin() as tx:
        note(tx, "kept")
    assert keys(database) == ["kept"]
    database.close()
    killer.close()


def test_a_full_database_says_so_and_changes_nothing(sqlite_database: Database) -> None:
    with sqlite_database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    sqlite_database.close()
    with (
        pytest.raises(StorageFullError, match="nothing was changed"),
        sqlite_database.begin() as tx,
    ):
        tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        note(tx, "small")
        note(tx, "big", "x" * 1_000_000)
    assert keys(sqlite_database) == []


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None,
    reason="only root can mount a small disk",
)
def test_on_a_full_disk_writes_are_refused_and_reads_go_on(tmp_path: Path, sqlite_url: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        shutil.copy(sqlite_url.removeprefix("sqlite:///"), disk / "governance.db")
        database = Database(f"sqlite:///{disk / 'governance.db'}")
        with database.begin() as tx:
            note(tx, "before")
        with pytest.raises(StorageFullError):
            for number in range(2000):
                with database.begin() as tx:
                    note(tx, f"n{number}", "x" * 5000)
        written = keys(database)
        assert "before" in written
        with pytest.raises(StorageFullError), database.begin() as tx:
            note(tx, "big", "x" * 1_000_000)
        assert keys(database) == written
        database.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_damaged_file_is_an_integrity_error(tmp_path: Path) -> None:
    path = tmp_path / "governance.db"
    path.write_bytes(b"not a database at all " * 1000)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(IntegrityError, match="restore it from a backup"):
        keys(database)


def test_a_path_that_cannot_be_a_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(DatabaseUnavailableError):
        keys(Database(f"sqlite:///{tmp_path / 'folder.db'}"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailableError):
        Database(f"sqlite:///{tmp_path / 'file' / 'governance.db'}")


def test_sqlite_acknowledges_only_what_survives_a_power_cut(sqlite_database: Database) -> None:
    with sqlite_database.begin() as tx:
        settings = {
            name: tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_many_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from governance.store.database import Database\n"
        "from governance.store.migrate import ensure_schema, current\n"
        "database = Database(sys.argv[1]); ensure_schema(database); print(current(database))"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{tmp_path / 'new.db'}"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [process.communicate(timeout=60)[0].strip() for process in started]
    assert answers == [head()] * 4


def test_a_programming_mistake_is_not_dressed_up(database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)syntax") as loud, database.begin() as tx:
        tx.execute(text("SELEC 1"))
    assert not isinstance(loud.value, GovernanceError | sqlite3.Error)
