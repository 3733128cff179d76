"""The last valid policy stays in force; every broken content is told once; changes are kept."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from governance import Governance
from governance.config.policy_file import PolicyFile
from governance.decisions.policy_in_force import PolicyInForce
from governance.errors import ConfigError, DatabaseUnavailableError, InvalidInputError
from governance.history.notices import list_notices
from governance.settings import Settings
from governance.store.database import Database
from governance.store.promotion_tables import policy_files
from governance.store.schema import audit_log
from governance.values import Kind

FIRST, SECOND, BROKEN = "mode: enforce\n", "mode: observe\n", "mode: watch\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "config"
    folder.mkdir(parents=True)
    return folder / "promotion_policy.yaml"


Open = Callable[..., PolicyInForce]


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Open:
    """A process of its own, as far as memory goes."""

    def call(environment: dict[str, str] | None = None, **settings: Any) -> PolicyInForce:
        settings.setdefault("home", tmp_path / "home")
        return PolicyInForce(
            database, Settings(**settings), environment or {}, channels=lambda: ("email",)
        )

    return call


def write(file: Path, text: str) -> None:
    """As an editor saves: another file in its place, so that a quick second edit is seen."""
    other = file.with_suffix(".new")
    other.write_text(text)
    os.replace(other, file)


def kept(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(policy_files.c.content).order_by(policy_files.c.seq)))


def entries(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(audit_log.c.action).order_by(audit_log.c.seq)))


def notices(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        return list_notices(connection)


def test_without_a_file_the_defaults_count_and_nothing_is_written(
    database: Database, opened: Open
) -> None:
    policy = opened()
    assert policy() == PolicyFile()
    assert policy.problem is None
    assert (kept(database), entries(database)) == ([], [])


def test_a_valid_file_is_taken_and_kept_once(database: Database, opened: Open, file: Path) -> None:
    write(file, FIRST)
    assert opened()().mode == opened()().mode == "enforce"
    policy = opened()
    write(file, SECOND)
    assert policy().mode == policy().mode == "observe"
    write(file, FIRST)
    assert policy().mode == "enforce"
    assert kept(database) == [FIRST, SECOND, FIRST]
    assert entries(database) == ["policy.taken"] * 3


def test_a_broken_file_leaves_the_last_valid_one_in_force_and_is_told_once(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, SECOND)
    policy = opened()
    assert policy().mode == "observe"
    write(file, BROKEN)
    for one in (policy, policy, opened(), opened()):
        assert one().mode == "observe"
        assert f"{file}:1:7: mode" in str(one.problem)
    (notice,) = notices(database)
    assert (notice["kind"], notice["severity"], notice["model"]) == ("policy", "warning", "")
    assert f"{file}:1:7" in notice["reasons"][0]
    assert notice["told"] == {"pending": 1}
    assert entries(database) == ["policy.taken", "policy.refused"]


def test_another_mistake_is_told_again_and_a_mended_file_counts_at_once(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, SECOND)
    policy = opened()
    assert policy.problem is None
    for text in (BROKEN, BROKEN + "# still\n", BROKEN, ""):
        write(file, text)
        assert policy().mode == "observe"
    assert len(notices(database)) == 3
    write(file, FIRST)
    assert policy().mode == "enforce"
    assert policy.problem is None
    assert entries(database) == ["policy.taken", *["policy.refused"] * 3, "policy.taken"]


def test_a_process_that_starts_with_a_broken_file_takes_the_newest_that_was_kept(
    opened: Open, file: Path
) -> None:
    for text in (FIRST, SECOND):
        write(file, text)
        opened()()
    write(file, BROKEN)
    assert opened()().mode == "observe"


def test_a_broken_file_before_any_valid_one_is_an_error_and_told_once(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, BROKEN)
    policy = opened()
    for one in (policy, policy, opened()):
        with pytest.raises(ConfigError, match="1:7"):
            one()
    assert len(notices(database)) == 1
    write(file, FIRST)
    assert policy().mode == "enforce"


def test_a_named_file_that_is_missing_is_a_broken_one(
    database: Database, opened: Open, file: Path
) -> None:
    with pytest.raises(ConfigError, match="GOVERNANCE_POLICY"):
        opened(policy=file)()
    write(file, SECOND)
    named = opened(policy=file)
    assert named().mode == "observe"
    file.unlink()
    assert named().mode == opened(policy=file)().mode == "observe"
    assert "does not exist" in str(named.problem)
    assert entries(database) == ["policy.refused", "policy.taken"]


def test_a_file_that_goes_leaves_the_defaults_and_an_entry(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, SECOND)
    policy = opened()
    policy()
    file.unlink()
    assert policy() == opened()() == PolicyFile()
    assert kept(database) == [SECOND, ""]
    write(file, BROKEN)
    assert opened()() == PolicyFile()


def test_a_database_that_cannot_be_written_keeps_no_policy_from_counting(
    database: Database,
    opened: Open,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    logged: pytest.LogCaptureFixture,
) -> None:
    write(file, SECOND)
    policy = opened()

    def away() -> Any:
        raise DatabaseUnavailableError("the database is locked; repeat the call")

    with monkeypatch.context() as patch, logged.at_level(logging.WARNING):
        patch.setattr(database, "begin", away)
        assert policy().mode == "observe"
    assert "was not recorded" in logged.text
    assert policy().mode == "observe"
    assert kept(database) == [SECOND]


def test_inside_a_write_transaction_it_is_read_and_recorded_later(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, SECOND)
    policy = opened()
    with database.begin():
        assert policy().mode == "observe"
    assert kept(database) == []
    policy()
    assert kept(database) == [SECOND]


def test_layers_come_from_file_environment_and_request(opened: Open, file: Path) -> None:
    write(
        file,
        "defaults: {promotion: {max_drift_psi: 0.2, approval_hours: 24}}\n"
        "kinds: {trading: {min_sharpe: 0.6, max_drift_psi: 0.3}}\n"
        "models: {m: {promotion: {min_sharpe: 0.7}}}\n",
    )
    policy = opened({"MODEL_GOV_REQUIRED_TARGETS": "reject"})
    said = policy.promotion("m", Kind.TRADING, {"min_trade_count": 99})
    keys = {
        "approval_hours": "default",
        "max_drift_psi": "kind",
        "min_live_sharpe": "model",
        "required_targets": "environment",
        "min_trade_count": "request",
        "min_shadow_days": "default",
    }
    assert {key: said.origins[key] for key in keys} == keys
    other = policy.promotion("other", Kind.CLASSIFIER)
    assert (other.limits.max_drift_psi, other.limits.min_live_sharpe) == (0.2, None)
    with pytest.raises(InvalidInputError, match=r"^request: .*min_live_sharpe"):
        policy.promotion("m", Kind.TRADING, {"min_sharp": 1})


def test_only_who_is_named_may_force(opened: Open, file: Path) -> None:
    assert not opened().may_force("ann")
    write(file, "force: {allowed: [ann]}")
    policy = opened()
    assert policy.may_force("ann")
    assert not policy.may_force("Ann") and not policy.may_force("")


def test_drift_and_decisions_ask_the_same_policy(gov: Governance) -> None:
    path = gov.settings.policy_path
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, "models: {m: {drift: {calm_days: 5}, promotion: {min_sharpe: 2}}}")
    assert gov.policy().drift("m").calm_days == 5
    assert gov.policy.promotion("m", Kind.TRADING).limits.min_live_sharpe == 2
    assert gov.audit.verify()
