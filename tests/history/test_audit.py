"""The audit log on both databases: order, paging, what is refused, what ``verify`` sees."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from governance.errors import AuditChainError, InvalidInputError
from governance.history import audit_rows
from governance.history.audit import AuditLog
from governance.history.chain import GENESIS
from governance.store.database import Database


def fill(database: Database, entries: int, **given: Any) -> AuditLog:
    log = AuditLog(database)
    with database.begin() as tx:
        for number in range(entries):
            log.append(tx, **{"actor": "ann", "action": "x.done", "details": {"n": number}} | given)
    return log


def unlock(database: Database) -> None:
    """What somebody with the database file does first: drop the triggers."""
    with database.begin() as tx:
        if database.dialect == "sqlite":
            for change in ("update", "delete", "replace"):
                tx.execute(text(f"DROP TRIGGER audit_log_no_{change}"))
        else:
            tx.execute(text("DROP TRIGGER audit_log_append_only ON audit_log"))


def test_an_empty_log_is_intact_and_its_verification_is_true(database: Database) -> None:
    verification = AuditLog(database).verify()
    assert verification
    assert (verification.entries, verification.head) == (0, GENESIS)


def test_entries_are_numbered_without_gaps_and_linked(database: Database) -> None:
    log = fill(database, 3)
    entries = log.entries()
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.previous_hash for entry in entries] == [
        GENESIS, entries[0].hash, entries[1].hash
    ]  # fmt: skip
    assert log.verify().head == entries[-1].hash
    assert datetime.fromisoformat(entries[0].recorded_at).tzinfo is not None


def test_an_undone_transaction_leaves_no_entry_and_no_gap(database: Database) -> None:
    log = fill(database, 1)
    with pytest.raises(ZeroDivisionError), database.begin() as tx:
        log.append(tx, actor="ann", action="never.happened")
        _ = 1 / 0
    with database.begin() as tx:
        assert log.append(tx, actor="ann", action="happened") == 2
    assert log.verify().entries == 2


def test_racing_writers_make_one_chain(database: Database) -> None:
    log = AuditLog(database)
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for _ in range(10):
                with database.begin() as tx:
                    log.append(tx, actor=name, action="raced")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert log.verify().entries == 80


def test_entries_can_be_asked_for_by_model_and_action_and_paged(database: Database) -> None:
    log = AuditLog(database)
    with database.begin() as tx:
        for number in range(6):
            model = "even" if number % 2 == 0 else "odd"
            log.append(tx, actor="ann", action=f"a{number % 3}", model=model, version_id="0" * 12)
    assert [entry.seq for entry in log.entries(model="even")] == [1, 3, 5]
    assert [entry.seq for entry in log.entries(action="a0")] == [1, 4]
    assert [entry.seq for entry in log.entries(model="even", action="a0")] == [1]
    assert [entry.seq for entry in log.entries(after=2, limit=2)] == [3, 4]
    assert log.entries(model="nobody") == []


@pytest.mark.parametrize(
    "bad",
    [
        *({"limit": limit} for limit in (0, -1, 1001, "5", None, 5.0, True)),
        *({"after": after} for after in (-1, 2**63, 2**70, None, "x", 1.0, True)),
        *({name: text} for name in ("model", "action") for text in ("a\0", "\ud800", 3)),
    ],
    ids=ascii,
)
def test_a_page_that_cannot_be_asked_for_is_refused(
    database: Database, bad: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(bad))):
        AuditLog(database).entries(**bad)


def test_a_page_may_begin_behind_the_last_number_there_is(database: Database) -> None:
    assert fill(database, 1).entries(after=2**63 - 1) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"actor": ""},
        {"actor": "  "},
        {"action": ""},
        {"actor": None},
        {"actor": "x" * 256},
        {"actor": "an\nn"},
        {"actor": "an\0n"},
        {"actor": "\ud800"},
        {"model": "m" * 65},
        {"details": {"x": float("nan")}},
        {"details": {"x": "\ud800"}},
        {"details": {"x": b"bytes"}},
    ],
    ids=str,
)
def test_an_entry_that_could_not_be_stored_or_read_is_refused(
    database: Database, bad: dict[str, Any]
) -> None:
    log = AuditLog(database)
    with pytest.raises(InvalidInputError), database.begin() as tx:
        log.append(tx, **{"actor": "ann", "action": "x"} | bad)
    assert log.verify().entries == 0


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abé", max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=30)
@given(details=st.dictionaries(st.text("abcé", max_size=4), JSON, max_size=3))
def test_details_come_back_as_given_and_the_chain_holds(
    sqlite_database: Database, details: dict[str, Any]
) -> None:
    log = AuditLog(sqlite_database)
    with sqlite_database.begin() as tx:
        seq = log.append(tx, actor="zoë", action="x", details=details)
    assert dict(log.entries(after=seq - 1)[0].details) == details
    assert log.verify().entries == seq


CHANGES = {
    "actor": ("UPDATE audit_log SET actor = 'eve' WHERE seq = 7", 7),
    "time": ("UPDATE audit_log SET recorded_at = '2013-02-01T00:00:00.000000Z' WHERE seq = 7", 7),
    "details": ("UPDATE audit_log SET details = '{\"n\": 6}' WHERE seq = 7", 7),
    "hash": ("UPDATE audit_log SET hash = previous_hash WHERE seq = 7", 7),
    "first entry": ("DELETE FROM audit_log WHERE seq = 1", 1),
    "gap": ("DELETE FROM audit_log WHERE seq IN (7, 8)", 7),
    "number": ("UPDATE audit_log SET seq = 70 WHERE seq = 7", 7),
    "entry before all": (
        "INSERT INTO audit_log SELECT 0, recorded_at, actor, action, model_name, version_id, "
        "details, previous_hash, hash FROM audit_log WHERE seq = 1",
        1,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("chunk", [3, 10_000])
def test_verify_names_the_first_bad_entry(
    database: Database, change: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_rows, "_CHUNK", chunk)
    log = fill(database, 20)
    assert log.verify().entries == 20
    statement, bad = CHANGES[change]
    unlock(database)
    with database.begin() as tx:
        tx.execute(text(statement))
    with pytest.raises(AuditChainError, match="was changed") as broken:
        log.verify()
    assert broken.value.seq == bad


@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "x'ff'", "x'616e6e'", "17"])
@pytest.mark.parametrize("column", ["actor", "details", "hash"])
def test_on_sqlite_a_value_that_is_no_text_any_more_is_a_changed_entry(
    sqlite_database: Database, column: str, value: str
) -> None:
    log = fill(sqlite_database, 20)
    unlock(sqlite_database)
    with sqlite_database.begin() as tx:
        tx.execute(text(f"UPDATE audit_log SET {column} = {value} WHERE seq IN (12, 17)"))
    with pytest.raises(AuditChainError) as broken:
        log.verify()
    assert broken.value.seq == 12


def test_a_changed_entry_before_an_unreadable_one_is_named_first(sqlite_database: Database) -> None:
    log = fill(sqlite_database, 20)
    unlock(sqlite_database)
    with sqlite_database.begin() as tx:
        tx.execute(text("UPDATE audit_log SET actor = CAST(x'ff' AS TEXT) WHERE seq = 12"))
        tx.execute(text("UPDATE audit_log SET actor = 'eve' WHERE seq = 9"))
    with pytest.raises(AuditChainError) as broken:
        log.verify()
    assert broken.value.seq == 9


def test_details_that_are_no_json_any_more_are_not_shown(sqlite_database: Database) -> None:
    log = fill(sqlite_database, 3)
    unlock(sqlite_database)
    for value in ("{", "3"):
        with sqlite_database.begin() as tx:
            tx.execute(text(f"UPDATE audit_log SET details = '{value}' WHERE seq = 2"))
        with pytest.raises(AuditChainError) as broken:
            log.entries()
        assert broken.value.seq == 2


def test_progress_is_told_and_ends_at_the_number_of_entries(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_rows, "_CHUNK", 8)
    told: list[int] = []
    fill(database, 20).verify(progress=told.append)
    assert told == [8, 16, 20]


def test_entries_written_while_verifying_are_not_in_its_snapshot(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_rows, "_CHUNK", 5)
    log = fill(database, 20)

    def write(_: int) -> None:
        fill(database, 1)

    assert log.verify(progress=write).entries == 20
    assert log.verify().entries == 24
