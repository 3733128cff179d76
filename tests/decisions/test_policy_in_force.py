"""The last valid policy stays in force; a mistake, or a file that goes, is told once; changes are
kept.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select

from governance import Governance
from governance.config.policy_file import PolicyFile
from governance.decisions.policy_in_force import PolicyInForce
from governance.errors import ConfigError, DatabaseUnavailableError, InvalidInputError
from governance.history.notices import list_notices
from governance.policy.promotion.limits import TRADING, PromotionLimits
from governance.settings import Settings
from governance.store.database import Database
from governance.store.promotion_tables import policy_files
from governance.store.schema import audit_log
from governance.values import Kind
from tests.versions import registered

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
    for text in (BROKEN, BROKEN + "# still\n", BROKEN, "~"):
        write(file, text)
        assert policy().mode == "observe"
    assert len(notices(database)) == 3
    write(file, FIRST)
    assert policy().mode == "enforce"
    assert policy.problem is None
    assert entries(database) == ["policy.taken", *["policy.refused"] * 3, "policy.taken"]
    write(file, BROKEN)  # after another valid file it is news
    assert policy().mode == opened()().mode == "enforce"
    assert len(notices(database)) == 4


def test_a_process_that_starts_with_a_broken_file_takes_the_newest_that_was_kept(
    opened: Open, file: Path
) -> None:
    for text in (FIRST, SECOND):
        write(file, text)
        opened()()
    write(file, BROKEN)
    assert opened()().mode == "observe"


def test_a_broken_first_file_leaves_the_defaults_in_force_and_says_so(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, BROKEN)
    policy = opened()
    for one in (policy, policy, opened()):
        assert one() == PolicyFile()
        assert f"{file}:1:7" in str(one.problem)
        assert one.headline.endswith("no valid one was there before, so the defaults count")
        assert not one.may_force("ann")
    (notice,) = notices(database)
    assert notice["headline"] == policy.headline
    assert (notice["severity"], entries(database)) == ("critical", ["policy.refused"])
    assert policy.promotion("m", Kind.TRADING).limits == PromotionLimits(**TRADING)
    write(file, SECOND)
    assert policy().mode == "observe"
    write(file, BROKEN)  # another thing to say of the same mistake
    assert policy().mode == "observe"
    assert [notice["severity"] for notice in notices(database)] == ["warning", "critical"]


def test_a_kept_policy_that_cannot_be_read_today_is_no_reason_for_the_defaults(
    database: Database, opened: Open, file: Path
) -> None:
    row = {"digest": "0" * 64, "content": "rigour: high\n", "recorded_at": datetime.now(UTC)}
    with database.begin() as tx:
        tx.execute(insert(policy_files).values(row))
    write(file, BROKEN)
    for one in (opened(), opened()):
        with pytest.raises(ConfigError, match=r"(?s)1:7.*another release"):
            one()
    assert entries(database) == ["policy.refused"]
    write(file, SECOND)
    assert opened()().mode == "observe"


def test_a_named_file_that_is_missing_is_told(database: Database, opened: Open, file: Path) -> None:
    assert opened(policy=file)() == PolicyFile()
    assert opened(policy=file).problem == opened(policy=file).problem is not None
    write(file, SECOND)
    named = opened(policy=file)
    assert named().mode == "observe"
    file.unlink()
    assert named().mode == opened(policy=file)().mode == "observe"
    assert "GOVERNANCE_POLICY" in str(named.problem) and "does not exist" in str(named.problem)
    assert entries(database) == ["policy.refused", "policy.taken", "policy.gone"]


def test_a_file_that_goes_leaves_the_last_valid_one_in_force_and_is_told_once(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, SECOND)
    policy = opened()
    policy()
    for told in (1, 2):
        file.unlink()
        for one in (policy, opened(), policy, opened()):
            assert one().mode == "observe"
            assert str(file) in str(one.problem) and "put it back" in str(one.problem)
            assert one.headline == "the policy file is gone; the last valid one stays in force"
        assert len(notices(database)) == told
        write(file, SECOND)  # as it was
        assert policy().mode == "observe"
        assert policy.problem is None
    assert {(one["kind"], one["severity"]) for one in notices(database)} == {("policy", "warning")}
    assert entries(database) == ["policy.taken", *["policy.gone", "policy.taken"] * 2]
    assert kept(database) == [SECOND] * 5


def test_a_broken_file_in_place_of_one_that_went_changes_nothing(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, SECOND)
    opened()()
    file.unlink()
    assert opened()().mode == "observe"
    write(file, BROKEN)
    assert opened()().mode == "observe"
    assert entries(database) == ["policy.taken", "policy.gone", "policy.refused"]


@pytest.mark.parametrize("text", ["", "# we ask what everybody asks\n", "\n  \n"])
def test_an_empty_file_says_the_defaults_and_is_told(
    database: Database, opened: Open, file: Path, text: str
) -> None:
    write(file, text)
    assert opened()() == PolicyFile()
    assert notices(database) == []
    write(file, SECOND)
    policy = opened()
    assert policy().mode == "observe"
    write(file, text)
    assert policy() == opened()() == PolicyFile()
    assert policy.problem is None
    (notice,) = notices(database)
    assert notice["headline"] == "the policy file says nothing any more; the defaults count"
    file.unlink()
    assert policy() == opened()() == PolicyFile()
    assert entries(database)[-1] == "policy.gone"


def test_what_another_process_took_counts_when_the_file_breaks(opened: Open, file: Path) -> None:
    write(file, FIRST)
    policy = opened()
    policy()
    write(file, SECOND)
    opened()()
    write(file, BROKEN)
    assert policy().mode == opened()().mode == "observe"


def test_what_could_not_be_kept_counts_when_the_file_goes(
    database: Database, opened: Open, file: Path
) -> None:
    write(file, FIRST)
    opened()()
    policy = opened()
    with database.begin():
        write(file, SECOND)
        assert policy().mode == "observe"
        file.unlink()
        assert policy().mode == "observe"
    assert policy().mode == opened()().mode == "observe"
    assert kept(database) == [FIRST, SECOND]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_in_place_of_the_file_is_a_mistake_and_no_wait(opened: Open, file: Path) -> None:
    write(file, SECOND)
    opened()()
    file.unlink()
    os.mkfifo(file)
    policy = opened()
    assert policy().mode == "observe"
    assert "regular file" in str(policy.problem)


def test_a_link_is_followed_as_config_maps_need(opened: Open, file: Path, tmp_path: Path) -> None:
    for name, text in (("..1", FIRST), ("..2", SECOND)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy").write_text(text)
    data = tmp_path / "..data"
    data.symlink_to("..1")
    file.symlink_to(data / "policy")
    policy = opened()
    assert policy().mode == "enforce"
    data.unlink()
    data.symlink_to("..2")
    assert policy().mode == "observe"


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
    said = policy.promotion("m", Kind.TRADING, {"min_trade_count": 99}, bundle=True)
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


def test_document_004_s_variables_are_for_bundles_alone(
    database: Database, tmp_path: Path, opened: Open
) -> None:
    environment = {"MODEL_GOV_REQUIRED_TARGETS": "reject"}
    policy = PolicyInForce(
        database, Settings(home=tmp_path / "home"), environment, bundles=lambda name: name == "b"
    )
    for name, bundle, asked in (
        ("m", False, ()),
        ("m", True, ("reject",)),
        ("b", False, ("reject",)),
    ):
        limits = policy.promotion(name, Kind.CLASSIFIER, bundle=bundle).limits
        assert limits.required_targets == asked
    misspelt = opened({"MODEL_GOV_REQUIRED_TARGET": "reject"})
    assert misspelt.promotion("m", Kind.CLASSIFIER).limits.required_targets == ()
    with pytest.raises(InvalidInputError, match="did you mean MODEL_GOV_REQUIRED_TARGETS"):
        misspelt.promotion("m", Kind.CLASSIFIER, bundle=True)


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


@pytest.mark.parametrize("wrong", [math.nan, math.inf, np.float32("nan")], ids=str)
def test_an_override_that_is_no_number_is_not_answered_with_asking_nothing(
    sqlite_gov: Governance, wrong: Any
) -> None:
    version = registered(sqlite_gov)
    for overrides in (
        {"min_sharpe": wrong},
        {"not_worse": [{"metric": "auc", "tolerance": wrong}]},
    ):
        with pytest.raises(InvalidInputError, match="give a finite number") as refused:
            sqlite_gov.promotion.check_promotion_eligibility(version, overrides=overrides)
        assert next(iter(overrides)) in refused.value.message
        assert "None" not in refused.value.message
