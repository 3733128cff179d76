"""Refusals are on record, and nobody fills the log with them."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from governance import Governance
from governance.access import denials
from governance.access.denials import PER_IDENTITY, record_denial
from governance.access.roles import Identity
from governance.history.audit import AuditLog
from governance.store.database import Database, database_time

WHY = "it takes operator there"


def _entries(database: Database) -> list[tuple[str, str, str, str]]:
    return [
        (one.actor, one.details["right"], one.model, one.details["reason"])
        for one in AuditLog(database).entries(action="access.denied", limit=1000)
    ]


def _a_minute_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "database_time", lambda tx: database_time(tx) + denials.WINDOW)


def test_the_same_refusal_is_on_record_once_a_minute(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert record_denial(database, "ann", "models.register", "momentum", WHY)
    for _ in range(3):
        assert not record_denial(database, "ann", "models.register", "momentum", WHY)
    assert record_denial(database, "max", "models.register", "momentum", WHY)
    assert record_denial(database, "ann", "models.read", "momentum", WHY)
    assert record_denial(database, "ann", "models.register", "pivot", WHY)
    assert record_denial(database, "ann", "models.register", None, WHY)
    expected = [
        ("ann", "models.register", "momentum", WHY),
        ("max", "models.register", "momentum", WHY),
        ("ann", "models.read", "momentum", WHY),
        ("ann", "models.register", "pivot", WHY),
        ("ann", "models.register", "", WHY),
    ]
    assert _entries(database) == expected
    _a_minute_passes(monkeypatch)
    assert record_denial(database, "ann", "models.register", "momentum", WHY)
    assert _entries(database) == [*expected, expected[0]]
    assert AuditLog(database).verify().entries == 6


def test_whoever_knocks_at_every_door_fills_no_log(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [
        record_denial(sqlite_database, "eve", "models.read", f"m{n}", WHY)
        for n in range(PER_IDENTITY + 20)
    ]
    assert written == [True] * PER_IDENTITY + [False] * 20
    assert record_denial(sqlite_database, "ann", "models.read", "m1", WHY)  # nobody hides others
    _a_minute_passes(monkeypatch)
    assert record_denial(sqlite_database, "eve", "models.read", "m1", WHY)


def test_many_names_together_fill_no_log(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "TOGETHER", 5)
    written = [record_denial(sqlite_database, f"eve{n}", "models.read", "m", WHY) for n in range(8)]
    assert written == [True] * 5 + [False] * 3


def test_racing_refusals_leave_one_entry(database: Database) -> None:
    answers: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(record_denial(database, "ann", "models.read", "m", WHY))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 5 + [True]
    assert len(_entries(database)) == 1


@pytest.mark.parametrize(
    ("name", "action", "model", "reason", "kept"),
    [
        (None, "docs.read", None, WHY, ("anonymous", "docs.read", "", WHY)),
        ("a\nb", "docs.read", "../etc", WHY, ("anonymous", "docs.read", "", WHY)),
        ("ann", "x" * 65, "M" * 100, WHY, ("ann", "withheld: invalid_input", "", WHY)),
        ("ann", "a", "m", "\x00", ("ann", "a", "m", "withheld: invalid_input")),
        (
            "ann",
            "a",
            "m",
            "password=hunter2",
            ("ann", "a", "m", "withheld: secret_in_metadata"),
        ),
    ],
    ids=range(5),
)
def test_whatever_was_sent_the_record_holds_what_it_can(
    sqlite_database: Database,
    name: str | None,
    action: str,
    model: str | None,
    reason: str,
    kept: tuple[str, str, str, str],
) -> None:
    assert record_denial(sqlite_database, name, action, model, reason)
    assert _entries(sqlite_database) == [kept]
    assert not record_denial(sqlite_database, name, action, model, reason)


def test_a_refusal_stands_where_its_record_cannot(
    sqlite_database: Database, logged: pytest.LogCaptureFixture
) -> None:
    holder = Database(f"sqlite:///{sqlite_database.path}")
    sqlite_database.close()
    hurried = Database(f"sqlite:///{sqlite_database.path}", lock_timeout=0.05)
    with holder.begin() as tx:
        tx.execute(text("SELECT 1"))
        assert not record_denial(hurried, "ann", "models.read", "momentum", WHY)
    assert "not on record" in logged.text
    assert record_denial(hurried, "ann", "models.read", "momentum", WHY)
    holder.close()
    hurried.close()


def test_the_desk_passes_on_who_it_was(sqlite_gov: Governance) -> None:
    ann = Identity(name="ann", grants=(), kind="airflow")
    sqlite_gov.access.denied(ann, "models.read", "momentum", reason=WHY)
    sqlite_gov.access.denied(None, "models.read", "momentum", reason=WHY)
    assert [one[0] for one in _entries(sqlite_gov.database)] == ["ann", "anonymous"]
