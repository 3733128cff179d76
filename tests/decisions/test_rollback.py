"""`rollback_model`: the right version, one transaction, nothing needed but database and bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from governance import Governance
from governance.decisions import activation, rollback, rollback_target
from governance.errors import (
    ArtifactIntegrityError,
    ArtifactUnloadableError,
    ConflictError,
    IdempotencyConflictError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    NothingToRollBackError,
    ProbeUnavailableError,
    ReasonRequiredError,
    StaleGenerationError,
    StorageUnavailableError,
)
from governance.policy.rollback import RollbackFacts, decide_rollback
from governance.registry.load_verdicts import record_verdict
from governance.registry.probe import ProbeResult, libraries
from governance.store.alert_tables import alert_outbox
from governance.store.schema import activations, decisions, idempotency_keys, load_verdicts
from governance.values import ModelVersion, Stage, Verdict
from tests.decisions.history import corrupt, lose, promoted, told
from tests.versions import NAME, actions, head, validated

AT = datetime(2018, 1, 2, tzinfo=UTC)


class Crash(BaseException):
    """Stands for the end of the process."""


def _back(gov: Governance, **given: Any) -> Any:
    return gov.promotion.rollback_model(NAME, **{"by": "max", "reason": "it is wrong", **given})


def _live(gov: Governance) -> str | None:
    found = gov.registry.get_production_model(NAME)
    return None if found is None else found.id


def _state(gov: Governance) -> tuple[Any, ...]:
    with gov.database.read() as connection:
        rows = tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (decisions, activations, idempotency_keys, alert_outbox)
        )
    return (*rows, head(gov), _live(gov))


# -- one transaction ------------------------------------------------------------------------------


def test_a_rollback_is_everything_at_once(gov: Governance) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    before = head(gov)
    decision = _back(gov, at=AT)
    assert (decision.version_id, decision.generation, decision.at) == (first.id, 3, AT)
    assert decision.operation == "rollback" and decision.eligible and not decision.forced
    assert gov.registry.resolve(first).stage is Stage.PRODUCTION
    assert gov.registry.resolve(second).stage is Stage.RETIRED
    assert actions(gov, after=before) == ["rollback.decided", "stage.changed", "stage.changed"]
    row = gov.promotion.history(NAME)[-1]
    assert (row["operation"], row["version_id"], row["effective_at"]) == ("rollback", first.id, AT)
    assert (row["by"], row["reason"]) == ("max", "it is wrong")
    (notice,) = told(gov)
    assert (notice["kind"], notice["generation"], notice["by"]) == ("rollback", 3, "max")
    assert "from 1.0.1 to 1.0.0" in notice["headline"] and notice["reason"] == "it is wrong"


def test_the_decision_says_what_was_looked_at_and_why_it_was_chosen(gov: Governance) -> None:
    promoted(gov, 1)
    promoted(gov, 2, forced=True)
    promoted(gov, 3)
    decision = _back(gov)
    checks = {check.gate: (check.result, check.observed, check.mode) for check in decision.checks}
    assert checks == {
        "target": (Verdict.PASS, "1.0.0", "enforce"),
        "integrity": (Verdict.PASS, decision.facts["target"]["digest"][:12], "enforce"),
        "load": (Verdict.PASS, "loadable", "enforce"),
        "passed_over.1.0.1": (Verdict.FAIL, "forced", "observe"),
    }
    facts = RollbackFacts.from_json(decision.facts)
    assert decide_rollback(facts).verdict_hash == decision.verdict_hash
    assert facts.left is not None and facts.left.version == "1.0.2"


@pytest.mark.parametrize("step", ["store_decision", "set_stage", "activate"])
def test_a_rollback_that_ends_in_the_switch_leaves_nothing(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    _ends_half_way(gov, monkeypatch, activation, step)


@pytest.mark.parametrize("step", ["record_notice", "remember"])
def test_a_rollback_that_ends_after_the_switch_leaves_nothing(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    _ends_half_way(gov, monkeypatch, rollback, step)


def _ends_half_way(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    first, _ = promoted(gov, 1), promoted(gov, 2)
    before = _state(gov)
    real = getattr(module, step)

    def crash(*arguments: Any, **named: Any) -> Any:
        real(*arguments, **named)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(module, step, crash)
        with pytest.raises(Crash):
            _back(gov, idempotency_key="k")
    assert _state(gov) == before
    assert _back(gov, idempotency_key="k").version_id == first.id


# -- which version --------------------------------------------------------------------------------


def test_a_version_that_was_rolled_back_from_is_no_target_by_itself(gov: Governance) -> None:
    first, second, third = (promoted(gov, seed) for seed in (1, 2, 3))
    assert _back(gov).version_id == second.id
    assert _back(gov).version_id == first.id
    with pytest.raises(NothingToRollBackError, match=r"1\.0\.2: it was rolled back from"):
        _back(gov)
    assert _live(gov) == first.id
    assert _back(gov, to_version="1.0.2").version_id == third.id
    fourth = promoted(gov, 4)
    with pytest.raises(NothingToRollBackError):
        _back(gov)
    assert _live(gov) == fourth.id


def test_the_choice_goes_by_the_latest_activation_not_by_the_number(gov: Governance) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    _back(gov, to_version=first)
    promoted(gov, 3)
    decision = _back(gov)
    assert decision.version_id == first.id
    assert decision.facts["target"]["generation"] == 3
    assert gov.registry.resolve(second).stage is Stage.RETIRED


def test_a_forced_version_is_a_target_by_name_only_and_stays_a_forced_one(gov: Governance) -> None:
    forced = promoted(gov, 1, forced=True)
    promoted(gov, 2)
    with pytest.raises(NothingToRollBackError, match="by force"):
        _back(gov)
    decision = _back(gov, to_version="1.0.0")
    assert decision.version_id == forced.id and not decision.forced
    promoted(gov, 3)
    with pytest.raises(NothingToRollBackError, match="by force"):
        _back(gov)


def test_with_nothing_earlier_there_is_nothing_to_roll_back(gov: Governance) -> None:
    with pytest.raises(NotFoundError):
        _back(gov)
    validated(gov, 1)
    with pytest.raises(NothingToRollBackError, match="none was in production before"):
        _back(gov)
    live = promoted(gov, 2)
    before = _state(gov)
    with pytest.raises(NothingToRollBackError) as refusal:
        _back(gov, idempotency_key="k")
    assert (refusal.value.code, refusal.value.status) == ("nothing_to_roll_back", 409)
    assert _state(gov) == before and _live(gov) == live.id


@pytest.mark.parametrize("damage", [corrupt, lose], ids=["corrupt", "lost"])
def test_a_broken_candidate_is_passed_over_and_the_record_says_why(
    gov: Governance, damage: Callable[[Governance, ModelVersion], None]
) -> None:
    first, second, _ = (promoted(gov, seed) for seed in (1, 2, 3))
    damage(gov, second)
    decision = _back(gov)
    assert decision.version_id == first.id
    (passed_over,) = (check for check in decision.checks if check.gate.startswith("passed_over"))
    assert passed_over.gate == "passed_over.1.0.1"
    assert passed_over.observed in ("artifact_integrity", "artifact_missing")
    assert "restore" in passed_over.reason
    assert gov.registry.resolve(second).stage is Stage.RETIRED  # nobody asked to judge it


def test_a_candidate_that_does_not_load_is_passed_over(gov: Governance) -> None:
    first, second, _ = (promoted(gov, seed) for seed in (1, 2, 3))
    said = ProbeResult(
        loadable=False, code="crashed", reason="SIGSEGV", duration_ms=1.0, libraries=libraries()
    )
    with gov.database.begin() as tx:
        record_verdict(tx, second.digest, said)
    decision = _back(gov)
    assert decision.version_id == first.id
    assert decision.checks[-1].observed == "crashed" and decision.checks[-1].reason == "SIGSEGV"


def test_a_target_without_a_verdict_is_probed_before_the_switch(gov: Governance) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    with gov.database.begin() as tx:
        tx.execute(load_verdicts.delete())
    assert _back(gov).version_id == first.id
    with gov.database.read() as connection:
        (kept,) = connection.execute(select(load_verdicts.c.digest, load_verdicts.c.loadable))
    assert tuple(kept) == (first.digest, True)
    assert gov.registry.resolve(second).stage is Stage.RETIRED


def test_where_no_probe_can_run_a_verdict_of_other_libraries_counts_and_is_named(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    gov = sqlite_gov
    first, _ = promoted(gov, 1), promoted(gov, 2)

    def unavailable(*_: Any, **__: Any) -> Any:
        raise ProbeUnavailableError("no process can be started; try again later")

    monkeypatch.setattr(gov._probing, "load_fact", unavailable)
    decision = _back(gov)
    assert decision.version_id == first.id
    load = next(check for check in decision.checks if check.gate == "load")
    assert load.result is Verdict.PASS and "no probe could run here" in load.reason
    with gov.database.begin() as tx:
        tx.execute(load_verdicts.delete())
    promoted(gov, 3)
    with gov.database.begin() as tx:
        tx.execute(load_verdicts.delete())
    before = _state(gov)
    with pytest.raises(ProbeUnavailableError):
        _back(gov)
    with pytest.raises(ProbeUnavailableError):
        _back(gov, to_version="1.0.0")
    assert _state(gov) == before


# -- by name --------------------------------------------------------------------------------------


def test_a_name_is_a_number_an_id_a_reference_or_a_version(gov: Governance) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    for target, name in (
        (first, first.version),
        (second, second.id),
        (first, first.ref),
        (second, second),
    ):
        assert _back(gov, to_version=name).version_id == target.id
    assert _back(gov, to_version="1.0.0").checks[0].reason == "asked for by name"


def test_only_what_was_in_production_and_is_retired_may_be_named(gov: Governance) -> None:
    promoted(gov, 1)
    withdrawn = gov.registry.transition(validated(gov, 2), "retired", "ann", "no use")
    candidate = validated(gov, 3)
    live = promoted(gov, 4)
    other = promoted(gov, 5, name="other")
    before = _state(gov)
    with pytest.raises(IllegalTransitionError, match="never in production"):
        _back(gov, to_version=withdrawn)
    for not_retired in (candidate, live):
        with pytest.raises(IllegalTransitionError, match="may start from retired"):
            _back(gov, to_version=not_retired)
    with pytest.raises(NotFoundError):
        _back(gov, to_version="9.9.9")
    with pytest.raises(InvalidInputError, match="no version of 'momentum'"):
        _back(gov, to_version=other)
    with pytest.raises(InvalidInputError):
        _back(gov, to_version="latest")
    assert _state(gov) == before


@pytest.mark.parametrize("damage", [corrupt, lose], ids=["corrupt", "lost"])
def test_a_named_target_that_is_broken_is_refused_and_production_stays(
    gov: Governance, damage: Callable[[Governance, ModelVersion], None]
) -> None:
    first, _ = promoted(gov, 1), promoted(gov, 2)
    damage(gov, first)
    before = _state(gov)
    with pytest.raises(ArtifactIntegrityError, match="restore"):
        _back(gov, to_version=first)
    assert _state(gov) == before


def test_a_named_target_of_which_a_probe_said_no_is_refused(sqlite_gov: Governance) -> None:
    gov = sqlite_gov
    first, _ = promoted(gov, 1), promoted(gov, 2)
    said = ProbeResult(
        loadable=False, code="crashed", reason="SIGABRT", duration_ms=1.0, libraries=libraries()
    )
    with gov.database.begin() as tx:
        record_verdict(tx, first.digest, said)
    with pytest.raises(ArtifactUnloadableError, match="SIGABRT"):
        _back(gov, to_version=first)
    assert gov.registry.generation(NAME) == 2


# -- what it does not need ------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [corrupt, lose], ids=["corrupt", "lost"])
def test_the_version_that_is_left_need_not_be_readable(
    gov: Governance, damage: Callable[[Governance, ModelVersion], None]
) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    damage(gov, second)
    assert _back(gov).version_id == first.id


def test_a_broken_policy_and_a_broken_configuration_stop_no_rollback(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with Governance.open(database=database_url, home=home) as gov:
        first, second = promoted(gov, 1), promoted(gov, 2)
    for variable in ("GOVERNANCE_POLICY", "GOVERNANCE_CONFIG"):
        broken = tmp_path / f"{variable}.yaml"
        broken.write_bytes(b"models: {x: [\x00 &a *a")
        monkeypatch.setenv(variable, str(broken))
    with Governance.open(database=database_url, home=home) as gov:
        assert _back(gov).version_id == first.id
        assert gov.registry.resolve(second).stage is Stage.RETIRED
        (notice,) = told(gov)
        assert notice["kind"] == "rollback" and notice["told"] == {}
        assert gov.audit.verify()


def test_a_policy_that_is_away_stops_no_rollback(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with Governance.open(database=database_url, home=home) as gov:
        first, _ = promoted(gov, 1), promoted(gov, 2)
    monkeypatch.setenv("GOVERNANCE_POLICY", str(tmp_path / "gone.yaml"))
    monkeypatch.setenv(
        "GOVERNANCE_SMTP_URL", "smtp://127.0.0.1:1?from=a@example.com&starttls=false"
    )
    with Governance.open(database=database_url, home=home) as gov:
        assert _back(gov).version_id == first.id


def test_a_share_that_is_away_refuses_and_changes_nothing(gov: Governance) -> None:
    promoted(gov, 1), promoted(gov, 2)
    before = _state(gov)
    shutil.move(gov.settings.home / "models", gov.settings.home / "elsewhere")
    for given in ({}, {"to_version": "1.0.0"}):
        with pytest.raises(StorageUnavailableError, match="mount"):
            _back(gov, **given)
    assert _state(gov) == before
    shutil.move(gov.settings.home / "elsewhere", gov.settings.home / "models")
    assert _back(gov).generation == 3


# -- callers --------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_decision_whatever_came_after(gov: Governance) -> None:
    promoted(gov, 1), promoted(gov, 2)
    first = _back(gov, idempotency_key="k")
    promoted(gov, 3)
    before = _state(gov)
    assert _back(gov, idempotency_key="k") == first
    assert _state(gov) == before


def test_the_same_key_with_other_arguments_is_a_conflict(gov: Governance) -> None:
    promoted(gov, 1), promoted(gov, 2)
    _back(gov, idempotency_key="k")
    for changed in (
        {"reason": "another"},
        {"by": "eve"},
        {"at": AT},
        {"to_version": "1.0.0"},
        {"expected_generation": 2},
    ):
        with pytest.raises(IdempotencyConflictError):
            _back(gov, idempotency_key="k", **changed)
    assert gov.registry.generation(NAME) == 3


def test_a_stale_caller_is_refused_before_anything_is_looked_at(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(gov, 1)
    live = promoted(gov, 2)
    monkeypatch.setattr(rollback_target.RollbackTargets, "load_fact", None)
    with pytest.raises(StaleGenerationError) as refusal:
        _back(gov, expected_generation=1, idempotency_key="k")
    assert (refusal.value.generation, refusal.value.version) == (2, live.version)
    monkeypatch.undo()
    assert _back(gov, expected_generation=2, idempotency_key="k2").generation == 3


@pytest.mark.parametrize("early", [True, False], ids=["before the look", "after the look"])
@pytest.mark.parametrize("expected", [None, 3])
def test_a_switch_between_call_and_act_is_noticed(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, early: bool, expected: int | None
) -> None:
    """A second rollback must not go one further than its caller saw."""
    first, second, _ = (promoted(gov, seed) for seed in (1, 2, 3))
    real = rollback_target.RollbackTargets.automatic

    def meanwhile(self: Any, name: str, **given: Any) -> Any:
        found = None if early else real(self, name, **given)
        monkeypatch.undo()
        _back(gov, reason="somebody was quicker")
        return found or real(self, name, **given)

    monkeypatch.setattr(rollback_target.RollbackTargets, "automatic", meanwhile)
    with pytest.raises(StaleGenerationError) as refusal:
        _back(gov, expected_generation=expected)
    assert refusal.value.generation == 4
    assert _live(gov) == second.id and gov.registry.resolve(first).stage is Stage.RETIRED


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"reason": " "}, ReasonRequiredError),
        ({"reason": None}, InvalidInputError),
        ({"by": ""}, InvalidInputError),
        ({"expected_generation": True}, InvalidInputError),
        ({"expected_generation": "2"}, InvalidInputError),
        ({"at": datetime(2018, 1, 2)}, InvalidInputError),
        ({"idempotency_key": ""}, InvalidInputError),
    ],
)
def test_arguments_that_can_never_be_right_are_refused(
    sqlite_gov: Governance, given: dict[str, Any], error: type[Exception]
) -> None:
    promoted(sqlite_gov, 1), promoted(sqlite_gov, 2)
    before = _state(sqlite_gov)
    with pytest.raises(error):
        _back(sqlite_gov, **given)
    assert _state(sqlite_gov) == before


@pytest.mark.parametrize("to", [None, "1.0.0"])
def test_who_comes_late_hears_of_the_switch_not_that_there_is_nothing_left(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, to: str | None
) -> None:
    promoted(gov, 1), promoted(gov, 2)
    real = rollback.Rollback._choose

    def meanwhile(self: Any, *given: Any) -> Any:
        monkeypatch.undo()
        _back(gov, reason="somebody was quicker")
        return real(self, *given)

    monkeypatch.setattr(rollback.Rollback, "_choose", meanwhile)
    with pytest.raises(StaleGenerationError) as refusal:
        _back(gov, to_version=to, expected_generation=2)
    assert refusal.value.generation == 3


@pytest.mark.parametrize("to", [None, "1.0.0"])
def test_the_same_key_at_the_same_time_gives_the_same_decision(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, to: str | None
) -> None:
    promoted(gov, 1), promoted(gov, 2)
    real = rollback.Rollback._choose
    twin: list[Any] = []

    def meanwhile(self: Any, *given: Any) -> Any:
        monkeypatch.undo()
        twin.append(_back(gov, to_version=to, idempotency_key="k"))
        return real(self, *given)

    monkeypatch.setattr(rollback.Rollback, "_choose", meanwhile)
    assert _back(gov, to_version=to, idempotency_key="k") == twin[0]
    assert gov.registry.generation(NAME) == 3


def test_time_is_the_callers_and_order_is_the_generation(gov: Governance) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    _back(gov, at=AT)  # long before the promotions
    assert gov.registry.get_production_model(NAME) == gov.registry.resolve(first)
    found = gov.registry.get_production_model(NAME, at=AT)
    assert found is not None and found.id == first.id
    assert gov.registry.resolve(second).stage is Stage.RETIRED
    with pytest.raises(ConflictError):
        gov.registry.deactivate_model(first, "eve", "it is live")
