"""Records that no longer say what the audit log says: each column, by whoever owns the file.

The log itself stays as it was written, so that its chain is faultless; only ``verify`` comparing
the records with it can tell.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from governance import Governance
from governance.errors import AuditChainError, GateFailedError
from governance.history.audit import AuditLog
from governance.history.audit_rows import all_rows
from governance.history.chain import Head, walk
from governance.history.cross_check import decision_difference
from governance.policy.facts import MetricLimit
from governance.policy.verdict import GateResult, verdict_hash
from governance.store.database import Database
from governance.store.schema import activations, decisions
from governance.values import Stage, Verdict, parse_time
from tests.versions import actions, champion, registered, validated

FIRST, SECOND = "alpha", "beta"


def _live(gov: Governance) -> None:
    """Drafts, passes, failures, missing evidence, refusals, forced promotions of two models."""
    gov.registry.register_model(FIRST, model_type="lightgbm", stage="draft", created_by="zoë")
    limit = (MetricLimit(metric="auc", split="test", min=0.6),)
    for seed, auc in enumerate((0.7, 0.5, None)):
        version = registered(gov, seed, name=FIRST, metrics={"test": {"auc": auc}})
        gov.validate(version, by='eve "to":"production"', limits=limit)
    with pytest.raises(GateFailedError):
        gov.promotion.promote_to_production(f"{FIRST}@validated", by="ann", approved_by="bob")
    gov.promotion.promote_to_production(
        f"{FIRST}@validated",
        by="ann",
        force=True,
        reason='moved {"to":"production"}',
        at=parse_time("0044-03-15T12:00:00Z"),
    )
    for seed in (4, 5):
        champion(gov, seed, name=SECOND)
        champion(gov, seed + 10, name=FIRST)
    gov.registry.transition(validated(gov, 30, name=FIRST), "staging", "ann", "to look at")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("honest") / "home"
    with Governance.open(home=home) as gov:
        _live(gov)
    return home / "governance.db"


@pytest.fixture
def file(honest: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The database in the hands of somebody who dropped the triggers."""
    path = tmp_path / "governance.db"
    shutil.copy(honest, path)
    opened = sqlite3.connect(path, isolation_level=None)
    for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
        opened.execute(f"DROP TRIGGER {name}")
    yield opened
    opened.close()


def _verify(file: sqlite3.Connection) -> int:
    path = file.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()[0]
    database = Database(f"sqlite:///{path}")
    try:
        with database.read() as connection:  # nothing of this is a fault of the chain
            head = Head()
            for rows in all_rows(connection):
                head = walk(rows, head)
        return AuditLog(database).verify().entries
    finally:
        database.close()


def _found(file: sqlite3.Connection) -> tuple[int, str]:
    with pytest.raises(AuditChainError) as broken:
        _verify(file)
    return broken.value.seq, broken.value.message


def test_an_untouched_database_agrees_with_its_log(gov: Governance) -> None:
    _live(gov)
    seen = set(actions(gov))
    assert {"version.drafted", "validation.decided", "promotion.decided"} <= seen
    stages = {
        version.stage for name in (FIRST, SECOND) for version in gov.registry.list_models(name)
    }
    assert stages == set(Stage) - {Stage.VALIDATED}
    with gov.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM activations")).scalar_one() == 5
    assert gov.audit.verify().entries == len(actions(gov))


_OTHER: dict[str, Any] = {
    "seq": 999,
    "eligible": "NOT eligible",
    "forced": "NOT forced",
    "at": "'2013-02-01T00:00:00.000000Z'",
    "effective_at": "'2013-02-01T00:00:00.000000Z'",
    "recorded_at": "'2013-02-01T00:00:00.000000Z'",
    "generation": 7,
    "model_name": f"'{SECOND}'",
    "checks": "replace(checks, '\"pass\"', '\"fail\"')",
    "facts": "replace(facts, ':', ': ')",
    "policy": "'{}'",
}


@pytest.mark.parametrize("column", decisions.columns.keys())
def test_an_edit_of_any_column_of_a_decision_is_found(
    file: sqlite3.Connection, column: str
) -> None:
    row = "action = 'promotion.decided' AND model_name = 'alpha'"
    (seq,) = file.execute(f"SELECT max(seq) FROM audit_log WHERE {row}").fetchone()
    value = _OTHER.get(column, "'x'")
    file.execute(f"UPDATE decisions SET {column} = {value} WHERE seq = {seq}")
    assert _found(file)[0] == seq


@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "CAST(reason AS BLOB)", "NULL", "''"])
def test_what_is_no_text_any_more_is_an_edit(file: sqlite3.Connection, value: str) -> None:
    (seq,) = file.execute("SELECT max(seq) FROM decisions").fetchone()
    file.execute(f"UPDATE decisions SET reason = {value} WHERE seq = {seq}")
    assert _found(file) == (seq, _found(file)[1])
    assert "another reason" in _found(file)[1]


def test_an_edit_that_computes_the_verdict_hash_anew_is_found(file: sqlite3.Connection) -> None:
    seq, checks, policy, facts = file.execute(
        "SELECT seq, checks, policy, facts FROM decisions WHERE verdict = 'fail'"
    ).fetchone()
    kind = [GateResult(**{**c, "result": Verdict.PASS}) for c in json.loads(checks)]
    forged = verdict_hash(kind, policy=json.loads(policy), facts=json.loads(facts))
    file.execute(
        "UPDATE decisions SET checks = ?, verdict_hash = ? WHERE seq = ?",
        (json.dumps([check.as_json() for check in kind]), forged, seq),
    )
    assert _found(file)[0] == seq


@pytest.mark.parametrize("column", activations.columns.keys())
def test_an_edit_of_any_column_of_an_activation_is_found(
    file: sqlite3.Connection, column: str
) -> None:
    (seq,) = file.execute(
        "SELECT seq FROM audit_log WHERE action = 'stage.changed' AND model_name = 'alpha' "
        "AND json_extract(details, '$.generation') = 2"
    ).fetchone()
    value = _OTHER.get(column, "'x'")
    file.execute("PRAGMA foreign_keys=OFF")
    where = "model_name = 'alpha' AND generation = 2"
    if column == "model_name":  # its generation is taken there
        value = "'gamma'"
    file.execute(f"UPDATE activations SET {column} = {value} WHERE {where}")
    assert _found(file)[0] == seq


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_a_deleted_activation_is_found(file: sqlite3.Connection, generation: int) -> None:
    where = f"model_name = 'alpha' AND generation = {generation}"
    file.execute(f"DELETE FROM activations WHERE {where}")
    assert f"generation {generation} is missing" in _found(file)[1]


@pytest.mark.parametrize("which", ["min", "max"])
def test_a_deleted_decision_is_found(file: sqlite3.Connection, which: str) -> None:
    (seq,) = file.execute(f"SELECT {which}(seq) FROM decisions").fetchone()
    file.execute(f"DELETE FROM decisions WHERE seq = {seq}")
    assert _found(file) == (seq, _found(file)[1])
    assert "the decision is missing" in _found(file)[1]


@pytest.mark.parametrize("seq", [0, 1, 9999, "'x'"])
def test_a_decision_of_which_no_entry_speaks_is_found(
    file: sqlite3.Connection, seq: object
) -> None:
    others = ", ".join(
        column.name for column in decisions.columns if column.name not in ("id", "seq")
    )
    file.execute(
        f"INSERT INTO decisions (id, seq, {others}) "
        f"SELECT 'forged', {seq}, {others} FROM decisions ORDER BY seq LIMIT 1"
    )
    assert "no entry speaks" in _found(file)[1]


@pytest.mark.parametrize(
    ("model", "generation"),
    [("alpha", 0), ("alpha", 4), ("beta", 3), ("aaa", 1), ("zzz", 1), ("alpha", "'x'")],
)
def test_an_activation_of_which_no_entry_speaks_is_found(
    file: sqlite3.Connection, model: str, generation: object
) -> None:
    file.execute("PRAGMA foreign_keys=OFF")
    others = ", ".join(activations.columns.keys()[2:])
    file.execute(
        f"INSERT INTO activations (model_name, generation, {others}) "
        f"SELECT '{model}', {generation}, {others} FROM activations LIMIT 1"
    )
    assert "no entry speaks of the activation" in _found(file)[1]


def test_an_empty_log_beside_a_registry_is_found(file: sqlite3.Connection) -> None:
    for table in ("audit_log", "decisions", "activations"):
        file.execute(f"DELETE FROM {table}")
    seq, message = _found(file)
    assert seq == 1 and "log is empty" in message
    file.execute("PRAGMA foreign_keys=OFF")
    file.execute("DELETE FROM model_registry")
    assert _verify(file) == 0


def test_a_tail_cut_behind_which_decisions_remain_is_found(file: sqlite3.Connection) -> None:
    (seq,) = file.execute("SELECT max(seq) FROM decisions").fetchone()
    file.execute(f"DELETE FROM audit_log WHERE seq >= {seq}")
    assert _found(file)[0] == seq


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("promotion.decided", {"decision": "x"}),
        ("stage.changed", {"to": "production", "generation": 2}),
        ("stage.changed", {"to": "production", "generation": "y"}),
        ("stage.changed", {"to": "production"}),
    ],
    ids=str,
)
def test_an_entry_without_its_record_is_found(
    sqlite_gov: Governance, action: str, details: dict[str, Any]
) -> None:
    champion(sqlite_gov)
    with sqlite_gov.database.begin() as tx:
        seq = sqlite_gov.audit.append(
            tx, actor="eve", action=action, model="momentum", details=details
        )
    with pytest.raises(AuditChainError, match="is missing") as broken:
        sqlite_gov.audit.verify()
    assert broken.value.seq == seq


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("activations", "effective_at = 'infinity'"),
        ("activations", "effective_at = effective_at + interval '1 microsecond'"),
        ("activations", "forced = NOT forced"),
        ("decisions", "at = '20000-01-01'"),
        ("decisions", "reason = reason || ' '"),
    ],
)
def test_on_postgresql_an_edit_is_found_too(
    postgres_url: str, tmp_path: Path, table: str, change: str
) -> None:
    with Governance.open(database=postgres_url, home=tmp_path / "home") as gov:
        champion(gov)
        assert gov.audit.verify()
        with gov.database.begin() as tx:
            tx.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
            tx.execute(text(f"UPDATE {table} SET {change}"))
        with pytest.raises(AuditChainError, match=f"has another {change.partition(' ')[0]}"):
            gov.audit.verify()


def _failed_over_to_nothing(gov: Governance) -> None:
    version = champion(gov)
    (gov.settings.home / version.artifact_path / "model.txt").write_bytes(b"other bytes")
    gov.health.check(version.name)
    assert gov.registry.get_production_model(version.name) is None


def test_a_failover_to_nothing_is_covered(gov: Governance) -> None:
    _failed_over_to_nothing(gov)
    with gov.database.read() as connection:
        rows = connection.execute(activations.select().order_by(activations.c.generation)).all()
    assert [row.version_id is None for row in rows] == [False, True]
    assert gov.audit.verify()
    assert gov.promotion.history("momentum")[-1]["operation"] == "failover"


@pytest.mark.parametrize("column", activations.columns.keys()[1:])
def test_an_edit_of_an_activation_of_nothing_is_found(sqlite_gov: Governance, column: str) -> None:
    _failed_over_to_nothing(sqlite_gov)
    with sqlite_gov.database.begin() as tx:
        tx.execute(text("DROP TRIGGER activations_no_update"))
        value = _OTHER.get(column, "'x'")
        tx.execute(text(f"UPDATE activations SET {column} = {value} WHERE generation = 2"))
    with pytest.raises(AuditChainError):
        sqlite_gov.audit.verify()


def test_entries_of_the_first_release_say_neither_overridden_nor_approved(honest: Path) -> None:
    file = sqlite3.connect(honest)
    file.row_factory = sqlite3.Row
    row = dict(file.execute("SELECT * FROM decisions ORDER BY seq DESC LIMIT 1").fetchone())
    found = file.execute("SELECT * FROM audit_log WHERE seq = ?", (row["seq"],)).fetchone()
    file.close()
    entry = dict(found)
    details = json.loads(entry["details"])
    assert decision_difference(entry, details, row) is None
    old = {key: value for key, value in details.items() if key not in ("overridden", "approval")}
    assert len(old) == len(details) - 2
    assert decision_difference(entry, old, row) is None
    assert decision_difference(entry, old, {**row, "overridden": 1}) == "overridden"
    assert decision_difference(entry, old, {**row, "approval_id": "x"}) == "approval_id"
    assert decision_difference(entry, {**details, "overridden": True}, row) == "overridden"


def test_the_hash_of_the_stored_texts_is_the_hash_of_the_policy(honest: Path) -> None:
    """The comparison puts texts together; a replay computes it from values: one and the same."""
    file = sqlite3.connect(honest)
    file.row_factory = sqlite3.Row
    rows = [dict(row) for row in file.execute("SELECT * FROM decisions")]
    file.close()
    assert len(rows) > 5
    for row in rows:
        checks = [
            GateResult(**{**check, "result": Verdict(check["result"])})
            for check in json.loads(row["checks"])
        ]
        computed = verdict_hash(
            checks, policy=json.loads(row["policy"]), facts=json.loads(row["facts"])
        )
        entry = {
            "action": f"{row['operation']}.decided",
            "actor": row["decided_by"],
            **{name: row[name] for name in ("model_name", "version_id", "recorded_at")},
        }
        details = {**row, "decision": row["id"], "verdict_hash": computed}
        assert decision_difference(entry, details, row) is None
