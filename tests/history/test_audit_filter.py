"""Filters of the audit log: every mixture finds what fits, and SQLite takes the right index."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import literal_column, text

from governance.dashboard.reads import log as pages
from governance.errors import InvalidInputError
from governance.history import audit_filter
from governance.history.audit import AuditEntry, AuditLog
from governance.store.database import Database
from governance.store.schema import audit_log

MODELS, ACTIONS, ACTORS = ("", "momentum", "reach"), ("a.done", "b.done"), ("airflow", "ann", "Bob")


@pytest.fixture
def log(database: Database) -> AuditLog:
    """Frequent ones, rare ones, and pairs that never meet."""
    found = AuditLog(database)
    with database.begin() as tx:
        for number in range(60):
            found.append(
                tx,
                actor=ACTORS[0 if number % 20 else 1],
                action=ACTIONS[number % 3 == 0],
                model=MODELS[1 if number % 5 else 2],
            )
        found.append(tx, actor="Bob", action="b.done")
    return found


def fits(entry: AuditEntry, wanted: dict[str, str | None]) -> bool:
    return all(value is None or getattr(entry, name) == value for name, value in wanted.items())


@pytest.mark.parametrize("many", [3, audit_filter.MANY])
def test_every_mixture_finds_what_fits_in_both_orders(
    log: AuditLog, database: Database, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_filter, "MANY", many)
    everything = log.entries()
    assert len(everything) == 61
    mixtures = itertools.product((None, *MODELS), (None, *ACTIONS, "c"), (None, *ACTORS, "ANN"))
    for model, action, actor in mixtures:
        wanted = {"model": model, "action": action, "actor": actor}
        expected = [one.seq for one in everything if fits(one, wanted)]
        found = log.entries(model=model, action=action, actor=actor)
        assert [one.seq for one in found] == expected, wanted
        later = log.entries(model=model, action=action, actor=actor, after=30, limit=2)
        assert [one.seq for one in later] == [seq for seq in expected if seq > 30][:2], wanted
        if model == "":
            continue  # on the pages an empty word asks for nothing
        asked = {name: value or "" for name, value in wanted.items()}
        with database.read() as connection:
            newest = pages.latest(connection, **asked, before=40, limit=3)
        assert [one["seq"] for one in newest] == [seq for seq in expected if seq < 40][:-4:-1]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"actor": "ann"}, "actor"),
        ({"model": "momentum"}, "model_name"),
        ({"action": "a.done", "actor": "ann"}, "actor"),
        ({"model": "momentum", "action": "a.done", "actor": "ann"}, "actor"),
        ({"model": "nobodys", "action": "a.done", "actor": "airflow"}, "model_name"),
        ({"model": "momentum", "action": "none.such"}, "action"),
        ({"model": "reach", "action": "a.done"}, "model_name"),
        ({"model": "momentum", "action": "b.done"}, "action"),
    ],
)
def test_sqlite_looks_through_the_index_of_the_rarest(
    sqlite_database: Database, wanted: dict[str, str | None], index: str
) -> None:
    found = AuditLog(sqlite_database)
    with sqlite_database.begin() as tx:
        for number in range(60):
            found.append(
                tx,
                actor="ann" if number == 7 else "airflow",
                action="b.done" if number % 9 == 1 else "a.done",
                model="momentum" if number % 9 else "reach",
            )
    with sqlite_database.read() as connection:
        query = audit_filter.fitting(connection, wanted, audit_log.c.seq < literal_column("50"))
        said = str(
            query.order_by(audit_log.c.seq.desc()).compile(
                connection, compile_kwargs={"literal_binds": True}
            )
        )
        plan = " ".join(str(row) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {said}")))
    assert f"USING INDEX ix_audit_log_{index}_seq ({index}=? AND seq<?)" in plan
    assert "TEMP B-TREE" not in plan  # a page is read in the order of the index, and then no more


@pytest.mark.parametrize("actor", ["a\0b", "\ud800", 7])
def test_a_person_who_cannot_be_asked_for_is_refused(database: Database, actor: Any) -> None:
    with pytest.raises(InvalidInputError, match="actor must be a name"):
        AuditLog(database).entries(actor=actor)
    assert AuditLog(database).entries(actor=" ") == []
