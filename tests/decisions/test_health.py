"""`gov.health.check`: healthy champions stay, broken ones hand over once, silence judges nobody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from governance import Governance
from governance.decisions import activation, failover, rollback_target
from governance.errors import (
    IllegalTransitionError,
    NotFoundError,
    NothingToRollBackError,
    ProbeUnavailableError,
    StorageFullError,
    StorageUnavailableError,
)
from governance.policy.rollback import RollbackFacts, decide_rollback
from governance.registry import load_verdicts as verdicts_module
from governance.registry.load_verdicts import record_verdict
from governance.registry.probe import ProbeResult, libraries
from governance.store.schema import activations, decisions, load_verdicts
from governance.values import ModelVersion, Stage, Verdict
from tests.decisions.history import corrupt, lose, promoted, told
from tests.versions import NAME, actions, head, validated

AT = datetime(2018, 1, 2, 3, tzinfo=UTC)
DAMAGES = pytest.mark.parametrize("damage", [corrupt, lose], ids=["corrupt", "lost"])
Damage = Callable[[Governance, ModelVersion], None]


def _state(gov: Governance) -> tuple[int, ...]:
    with gov.database.read() as connection:
        rows = tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (decisions, activations)
        )
    return (*rows, head(gov))


def _unloadable(gov: Governance, version: ModelVersion) -> None:
    said = ProbeResult(
        loadable=False, code="crashed", reason="SIGSEGV", duration_ms=1.0, libraries=libraries()
    )
    with gov.database.begin() as tx:
        record_verdict(tx, version.digest, said)


# -- healthy --------------------------------------------------------------------------------------


def test_a_healthy_champion_is_read_and_nothing_is_written(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(gov, 1)
    live = promoted(gov, 2)
    validated(gov, 3, name="never-active")
    before = _state(gov)
    monkeypatch.setattr(verdicts_module, "probe", None)  # the stored verdict is enough
    (report,) = gov.health.check()
    assert (report.model, report.status, report.version) == (NAME, "healthy", live.version)
    assert report.decision is None and report.generation == 2
    assert _state(gov) == before and told(gov) == []


def test_a_change_that_keeps_size_and_time_is_found(gov: Governance) -> None:
    """The digest is taken each time; no stamp of the file is believed."""

    promoted(gov, 1)
    live = promoted(gov, 2)
    assert gov.health.check()[0].status == "healthy"
    path = gov.settings.home / live.artifact_path / "model.txt"
    stamp, data = path.stat(), bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert gov.health.check()[0].status == "corrupt"


def test_a_champion_that_was_never_probed_is_probed_once(gov: Governance) -> None:
    promoted(gov, 1)
    with gov.database.begin() as tx:
        tx.execute(load_verdicts.delete())
    assert gov.health.check()[0].status == "healthy"
    with gov.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(load_verdicts)) == 1


def test_a_model_without_a_champion_is_said_to_have_none(gov: Governance) -> None:
    validated(gov, 1)
    assert gov.health.check() == []
    (report,) = gov.health.check(NAME)
    assert (report.status, report.version, report.code) == ("none", None, "no_production_version")
    with pytest.raises(NotFoundError):
        gov.health.check("unknown")


# -- broken ---------------------------------------------------------------------------------------


@DAMAGES
def test_a_broken_champion_fails_and_the_target_takes_over_at_once(
    gov: Governance, damage: Damage
) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    untouched = promoted(gov, 5, name="other")
    damage(gov, second)
    before = head(gov)
    reports = {report.model: report for report in gov.health.check(at=AT)}
    assert reports["other"].status == "healthy"
    assert gov.registry.get_production_model("other") == untouched
    report = reports[NAME]
    assert (report.status, report.version, report.target) == ("corrupt", "1.0.1", "1.0.0")
    assert gov.registry.resolve(second).stage is Stage.FAILED
    assert gov.registry.resolve(first).stage is Stage.PRODUCTION
    assert actions(gov, after=before) == ["failover.decided", "stage.changed", "stage.changed"]
    row = gov.promotion.history(NAME)[-1]
    assert (row["operation"], row["generation"], row["effective_at"]) == ("failover", 3, AT)
    assert (row["by"], row["forced"]) == ("health", False)
    decision = report.decision
    assert decision is not None and decision.eligible and decision.version_id == first.id
    assert decision.checks[0].gate == "champion" and decision.checks[0].mode == "observe"
    facts = RollbackFacts.from_json(decision.facts)
    assert decide_rollback(facts).verdict_hash == decision.verdict_hash


@DAMAGES
def test_one_fault_is_told_once(gov: Governance, damage: Damage) -> None:
    promoted(gov, 1)
    damage(gov, promoted(gov, 2))
    for _ in range(3):
        gov.health.check()
    (notice,) = told(gov)
    assert (notice["kind"], notice["severity"]) == ("failover", "critical")
    assert "1.0.0 took over" in notice["headline"]
    assert gov.health.check()[0].status == "healthy"


def test_a_champion_known_not_to_load_fails_over(gov: Governance) -> None:
    promoted(gov, 1)
    _unloadable(gov, promoted(gov, 2))
    (report,) = gov.health.check()
    assert (report.status, report.target, report.reason) == ("unloadable", "1.0.0", "SIGSEGV")


def test_a_failover_takes_what_a_rollback_would(gov: Governance) -> None:
    target = promoted(gov, 1)
    _unloadable(gov, promoted(gov, 2))
    promoted(gov, 3, forced=True)
    corrupt(gov, promoted(gov, 4))
    corrupt(gov, promoted(gov, 5))
    (report,) = gov.health.check()
    assert report.decision is not None and report.decision.version_id == target.id
    passed_over = [c.observed for c in report.decision.checks if c.gate.startswith("passed_over")]
    assert passed_over == ["artifact_integrity", "forced", "crashed"]


def test_with_no_target_nothing_is_in_production_any_more(gov: Governance) -> None:
    live = promoted(gov, 1, forced=True)
    corrupt(gov, live)
    (report,) = gov.health.check(at=AT)
    assert (report.status, report.target, report.generation) == ("corrupt", None, 2)
    assert report.decision is not None and report.decision.verdict is Verdict.FAIL
    assert gov.registry.get_production_model(NAME) is None
    assert gov.registry.resolve(live).stage is Stage.FAILED
    row = gov.promotion.history(NAME)[-1]
    assert (row["operation"], row["version_id"]) == ("failover", None)
    (notice,) = told(gov)[:1]
    assert notice["severity"] == "critical" and "nothing is in production" in notice["headline"]
    before = _state(gov)
    (again,) = gov.health.check()
    assert again.status == "none" and _state(gov) == before
    assert gov.audit.verify()
    promoted(gov, 2)
    assert gov.health.check()[0].status == "healthy"
    assert gov.audit.verify()


def test_a_version_restored_after_such_a_failover_can_be_rolled_back_to(gov: Governance) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    folder = gov.settings.home / first.artifact_path
    shutil.copytree(folder, gov.settings.home / "backup")
    lose(gov, first)
    lose(gov, second)
    assert gov.health.check()[0].target is None
    shutil.copytree(gov.settings.home / "backup", folder)
    decision = gov.promotion.rollback_model(NAME, by="max", reason="restored")
    assert decision.version_id == first.id and decision.facts["left"] is None
    assert gov.health.check()[0].status == "healthy"
    assert gov.audit.verify()


def test_a_failed_version_comes_back_by_no_way(gov: Governance) -> None:
    live = promoted(gov, 1)
    path = gov.settings.home / live.artifact_path / "model.txt"
    whole = path.read_bytes()
    corrupt(gov, live)
    gov.health.check()
    path.write_bytes(whole)
    promoted(gov, 2)
    with pytest.raises(NothingToRollBackError, match=r"1\.0\.0: it failed"):
        gov.promotion.rollback_model(NAME, by="max", reason="repaired")
    with pytest.raises(IllegalTransitionError, match="failed -> production by rollback"):
        gov.promotion.rollback_model(NAME, to_version="1.0.0", by="max", reason="repaired")


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (activation, "store_decision"),
        (activation, "set_stage"),
        (activation, "activate"),
        (failover, "record_notice"),
    ],
)
def test_a_failover_that_ends_half_way_leaves_nothing_and_the_next_check_does_it(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    class Crash(BaseException):
        pass

    promoted(gov, 1)
    corrupt(gov, promoted(gov, 2))
    before = _state(gov)
    real = getattr(module, step)

    def crash(*arguments: Any, **named: Any) -> Any:
        real(*arguments, **named)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(module, step, crash)
        with pytest.raises(Crash):
            gov.health.check()
    assert _state(gov) == before and told(gov) == []
    assert gov.health.check()[0].target == "1.0.0"


def test_somebody_who_switches_meanwhile_is_not_overruled(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    corrupt(gov, second)
    real = rollback_target.RollbackTargets.automatic

    def meanwhile(self: Any, name: str, **given: Any) -> Any:
        found = real(self, name, **given)
        monkeypatch.undo()
        gov.promotion.rollback_model(NAME, by="max", reason="I saw it first")
        return found

    monkeypatch.setattr(rollback_target.RollbackTargets, "automatic", meanwhile)
    (report,) = gov.health.check()
    assert (report.status, report.version) == ("healthy", first.version)
    assert gov.registry.resolve(second).stage is Stage.RETIRED
    assert gov.registry.generation(NAME) == 3


# -- silence --------------------------------------------------------------------------------------


@pytest.mark.parametrize("leftover", [None, "models/registry_index.json"])
def test_a_share_that_is_away_fails_nobody_and_is_told_once_a_day(
    gov: Governance, leftover: str | None
) -> None:
    """Also where effects wrote their index into the empty place of the mount."""
    for name in ("a", "b", "c"):
        promoted(gov, 1, name=name)
        promoted(gov, 2, name=name)
    before = _state(gov)
    home = gov.settings.home
    shutil.move(home / "models", home / "elsewhere")
    if leftover:
        (home / leftover).parent.mkdir()
        (home / leftover).write_text("{}")
    for hour in (3, 4, 5):
        reports = gov.health.check(at=AT.replace(hour=hour))
        assert [report.status for report in reports] == ["unavailable"] * 3
    assert _state(gov) == before
    (notice,) = told(gov)
    assert (notice["severity"], notice["kind"]) == ("critical", "health")
    assert "3 models" in notice["headline"] and "a, b, c" in notice["reasons"][1]
    gov.health.check(at=AT.replace(day=3))
    assert len(told(gov)) == 2
    if leftover:
        shutil.rmtree(home / "models")
    shutil.move(home / "elsewhere", home / "models")
    assert {report.status for report in gov.health.check()} == {"healthy"}


def test_a_disk_that_does_not_answer_says_nothing_of_the_bytes(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(gov, 1)
    promoted(gov, 2)
    before = _state(gov)

    def broken(_: ModelVersion) -> None:
        raise StorageUnavailableError("cannot read model.txt: Input/output error; check the disk")

    monkeypatch.setattr(gov._probing, "check_integrity", broken)
    for _ in range(2):
        (report,) = gov.health.check(at=AT)
        assert report.status == "unavailable"
    assert _state(gov) == before
    (notice,) = told(gov)
    assert (notice["kind"], notice["severity"]) == ("health", "warning")


def test_a_probe_that_cannot_run_says_nothing_of_the_bytes(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(gov, 1)
    promoted(gov, 2)
    with gov.database.begin() as tx:
        tx.execute(load_verdicts.delete())
    before = _state(gov)

    def unavailable(*_: Any, **__: Any) -> Any:
        raise ProbeUnavailableError("no probe process can be started; try again later")

    for outcome in (unavailable, lambda *_, **__: None):  # the second: a timeout
        monkeypatch.setattr(gov._probing, "load_fact", outcome)
        assert gov.health.check(at=AT)[0].status == "unknown"
    assert _state(gov) == before and len(told(gov)) == 2


def test_where_nobody_can_say_who_takes_over_the_champion_stays_and_people_are_told(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(gov, 1)
    live = promoted(gov, 2)
    corrupt(gov, live)
    with gov.database.begin() as tx:
        tx.execute(load_verdicts.delete())
    before = _state(gov)

    def unavailable(*_: Any, **__: Any) -> Any:
        raise ProbeUnavailableError("no probe process can be started; try again later")

    monkeypatch.setattr(gov._probing, "load_fact", unavailable)
    (report,) = gov.health.check(at=AT)
    assert report.status == "corrupt" and report.decision is None
    assert "stays in production" in report.reason
    assert _state(gov) == before
    assert gov.registry.get_production_model(NAME) == live
    assert [notice["severity"] for notice in told(gov)] == ["critical"]
    monkeypatch.undo()
    assert gov.health.check()[0].target == "1.0.0"


def test_a_failover_that_finds_no_room_is_reported_and_the_others_are_looked_at(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(gov, 1)
    corrupt(gov, promoted(gov, 2))
    promoted(gov, 3, name="other")

    def full(*_: Any, **__: Any) -> Any:
        raise StorageFullError("no space left; nothing was changed")

    monkeypatch.setattr(failover, "record_notice", full)
    reports = {report.model: report for report in gov.health.check()}
    assert reports["other"].status == "healthy"
    assert reports[NAME].status == "corrupt" and reports[NAME].decision is None
    assert "no space left" in reports[NAME].reason
    assert gov.registry.generation(NAME) == 2
