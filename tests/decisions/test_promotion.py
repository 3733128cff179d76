"""`promote_to_production`: one transaction or nothing, on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from governance import Governance
from governance.decisions import activation, promoting
from governance.errors import (
    ArtifactIntegrityError,
    ArtifactMissingError,
    ArtifactUnloadableError,
    ConflictError,
    DatabaseUnavailableError,
    GateFailedError,
    IdempotencyConflictError,
    IllegalTransitionError,
    InvalidInputError,
    ReasonRequiredError,
    StaleGenerationError,
)
from governance.history.notices import list_notices
from governance.store.schema import activations, decisions, idempotency_keys, model_registry
from governance.values import ModelVersion, Stage, Verdict
from tests.decisions.eligible import meanwhile
from tests.model_bytes import KILLER, model_bytes
from tests.versions import NAME, actions, champion, head, registered, validated

AT = datetime(2018, 1, 2, tzinfo=UTC)


class Crash(BaseException):
    """Stands for the end of the process."""


def _force(gov: Governance, version: ModelVersion | str, **given: Any) -> Any:
    return gov.promotion.promote_to_production(
        version, **{"by": "eve", "force": True, "reason": "initial", **given}
    )


def _counts(gov: Governance) -> tuple[int, ...]:
    with gov.database.read() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (decisions, activations, idempotency_keys)
        )


# -- what a forced promotion is -------------------------------------------------------------------


def test_a_forced_promotion_is_everything_at_once(gov: Governance) -> None:
    first, second = champion(gov, 1), validated(gov, 2)
    before = head(gov)
    decision = _force(gov, second, reason="the old one is wrong", approved_by="max", at=AT)
    assert gov.registry.resolve(first).stage is Stage.RETIRED
    assert gov.registry.resolve(second).stage is Stage.PRODUCTION
    assert gov.registry.generation(NAME) == 2
    assert actions(gov, after=before) == ["promotion.decided", "stage.changed", "stage.changed"]
    live = gov.promotion.history(NAME)[-1]
    assert (live["generation"], live["version_id"], live["forced"]) == (2, second.id, True)
    assert (live["by"], live["reason"], live["effective_at"]) == ("eve", "the old one is wrong", AT)
    assert (decision.generation, decision.at, decision.approved_by) == (2, AT, "max")


def test_a_forced_promotion_is_never_recorded_as_passed(gov: Governance) -> None:
    decision = _force(gov, validated(gov))
    assert decision.forced and not decision.eligible and not decision
    assert decision.verdict is not Verdict.PASS
    assert decision.id is not None
    with gov.database.read() as connection:
        row = connection.execute(select(decisions)).one()
    assert (row.forced, row.eligible, row.verdict) == (True, False, "insufficient")


def test_the_chain_covers_the_decision(gov: Governance) -> None:
    before = head(gov)
    decision = _force(gov, validated(gov))
    entry = next(e for e in gov.audit.entries(after=before) if e.action == "promotion.decided")
    assert entry.details["decision"] == decision.id
    assert entry.details["verdict_hash"] == decision.verdict_hash
    assert gov.audit.verify()


def test_without_force_missing_evidence_is_a_stored_refusal(gov: Governance) -> None:
    version = gov.registry.transition(validated(gov), "staging", "eve", "trial")
    with pytest.raises(GateFailedError, match="insufficient") as refusal:
        gov.promotion.promote_to_production(version, by="eve")
    decision: Any = refusal.value.decision
    assert decision.id is not None and decision.verdict is Verdict.INSUFFICIENT
    assert decision.generation is None and not decision
    checks = {check.gate: check.result for check in decision.checks}
    assert checks.pop("integrity") is checks.pop("lifecycle") is Verdict.PASS
    assert checks.pop("load") is Verdict.PASS  # moved by hand, so it was probed for this
    assert checks["shadow.sessions"] is Verdict.INSUFFICIENT
    assert set(checks.values()) == {Verdict.INSUFFICIENT}
    assert gov.registry.resolve(version).stage is Stage.STAGING
    assert _counts(gov) == (1, 0, 0)
    entry = gov.audit.entries(action="promotion.decided")[-1]
    assert (entry.details["eligible"], entry.details["verdict"]) == (False, "insufficient")


# -- what force does not skip ---------------------------------------------------------------------


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_force_needs_a_reason(sqlite_gov: Governance, reason: str | None) -> None:
    version = validated(sqlite_gov)
    with pytest.raises(ReasonRequiredError):
        _force(sqlite_gov, version, reason=reason)
    assert _counts(sqlite_gov) == (0, 0, 0)


@pytest.mark.parametrize("stage", ["draft", "trained", "retired", "failed", "production"])
def test_force_starts_from_validated_or_staging_only(sqlite_gov: Governance, stage: str) -> None:
    if stage == "draft":
        version = sqlite_gov.registry.register_model(
            NAME, model_type="x", stage="draft", created_by="ann"
        )
    elif stage == "production":
        version = champion(sqlite_gov)
    else:
        version = registered(sqlite_gov)
        if stage != "trained":
            sqlite_gov.registry.transition(version, stage, "ann", "so")
    before = _counts(sqlite_gov)
    with pytest.raises(IllegalTransitionError, match="validated or staging"):
        _force(sqlite_gov, version)
    assert _counts(sqlite_gov) == before


def test_force_from_staging_is_allowed(sqlite_gov: Governance) -> None:
    version = sqlite_gov.registry.transition(validated(sqlite_gov), "staging", "eve", "trial")
    assert _force(sqlite_gov, version).generation == 1


def _change_bytes(gov: Governance, version: ModelVersion) -> None:
    (gov.settings.home / version.artifact_path / "model.txt").write_bytes(model_bytes(9))


def _lose(gov: Governance, version: ModelVersion) -> None:
    shutil.rmtree(gov.settings.home / version.artifact_path)


@pytest.mark.parametrize(
    ("damage", "error"),
    [(_change_bytes, ArtifactIntegrityError), (_lose, ArtifactMissingError)],
)
def test_integrity_is_never_skipped_and_production_stays(
    gov: Governance,
    damage: Callable[[Governance, ModelVersion], None],
    error: type[Exception],
) -> None:
    live, version = champion(gov, 1), validated(gov, 2)
    damage(gov, version)
    before = head(gov)
    for _ in range(2):
        with pytest.raises(error, match="restore"):
            _force(gov, version)
    assert gov.registry.get_production_model(NAME) == live
    assert actions(gov, after=before) == ["promotion.refused_bytes"] * 2
    with gov.database.read() as connection:
        told = [one for one in list_notices(connection) if one["severity"] == "critical"]
    assert [one["version_id"] for one in told] == [version.id]


def test_refused_bytes_are_refused_where_that_cannot_be_recorded(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = validated(sqlite_gov)
    _lose(sqlite_gov, version)

    def away() -> Any:
        raise DatabaseUnavailableError("the database is locked; repeat the call")

    monkeypatch.setattr(sqlite_gov.database, "begin", away)
    with pytest.raises(ArtifactMissingError, match="restore"):
        _force(sqlite_gov, version)


# -- generations ----------------------------------------------------------------------------------


def test_a_stale_generation_is_refused_and_says_where_the_model_stands(gov: Governance) -> None:
    first, second = champion(gov, 1), validated(gov, 2)
    with pytest.raises(StaleGenerationError) as refusal:
        _force(gov, second, expected_generation=0)
    assert (refusal.value.generation, refusal.value.version) == (1, first.version)
    assert _force(gov, second, expected_generation=1).generation == 2


@pytest.mark.parametrize("wrong", [True, "1", 1.0])
def test_a_generation_is_a_whole_number(sqlite_gov: Governance, wrong: Any) -> None:
    with pytest.raises(InvalidInputError, match="whole number"):
        _force(sqlite_gov, validated(sqlite_gov), expected_generation=wrong)


def test_a_version_that_moved_meanwhile_is_not_promoted(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read as validated, failed by somebody else while its bytes were hashed: nothing happens."""
    version = validated(sqlite_gov)
    meanwhile(
        sqlite_gov,
        monkeypatch,
        lambda: sqlite_gov.registry.transition(version, "failed", "ann", "wrong label"),
    )
    with pytest.raises(ConflictError, match="somebody else"):
        _force(sqlite_gov, version)
    assert sqlite_gov.registry.resolve(version).stage is Stage.FAILED
    assert _counts(sqlite_gov) == (0, 0, 0)


def test_a_promotion_overtaken_by_another_is_stale_without_naming_a_generation(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = validated(gov, 1), validated(gov, 2)
    meanwhile(gov, monkeypatch, lambda: _force(gov, quick))
    with pytest.raises(StaleGenerationError) as refusal:
        _force(gov, slow)
    assert (refusal.value.generation, refusal.value.version) == (1, quick.version)
    live = gov.registry.get_production_model(NAME)
    assert live is not None and live.id == quick.id
    assert gov.registry.generation(NAME) == 1


# -- the same key again ---------------------------------------------------------------------------


def test_the_same_key_gives_the_same_decision_and_does_nothing_more(gov: Governance) -> None:
    version = validated(gov)
    first = _force(gov, version, idempotency_key="dag:run:promote:0")
    before = head(gov)
    again = _force(gov, version, idempotency_key="dag:run:promote:0")
    assert again == first
    assert again.id == first.id and again.generation == 1
    assert head(gov) == before


def test_the_same_key_replays_where_its_reference_means_nothing_any_more(gov: Governance) -> None:
    ref = f"{validated(gov).name}@validated"
    first = _force(gov, ref, idempotency_key="k")
    assert _force(gov, ref, idempotency_key="k") == first


def test_the_same_key_takes_every_way_to_name_the_same_version(gov: Governance) -> None:
    version = validated(gov)
    first = _force(gov, version.ref, idempotency_key="k")
    assert _force(gov, version, idempotency_key="k") == first
    assert _force(gov, version.id, idempotency_key="k") == first


def test_bytes_that_are_known_not_to_load_are_not_promoted_by_force_either(
    gov: Governance, tmp_path: Path
) -> None:
    path = tmp_path / "killer.txt"
    path.write_bytes(KILLER)
    version = gov.registry.register_model(
        "momentum", model_path=path, model_type="lightgbm", created_by="ann"
    )
    with pytest.raises(ArtifactUnloadableError):
        gov.registry.load_model(version)
    gov.registry.transition(version, "validated", "ann", "looked at it")
    with pytest.raises(ArtifactUnloadableError):
        _force(gov, version)
    assert gov.registry.get_production_model("momentum") is None


def test_the_same_key_replays_after_the_world_moved_on(gov: Governance) -> None:
    version = validated(gov, 1)
    first = _force(gov, version, idempotency_key="k", expected_generation=0)
    champion(gov, 2)
    assert _force(gov, version, idempotency_key="k", expected_generation=0).id == first.id
    assert gov.registry.resolve(version).stage is Stage.RETIRED


def test_the_same_key_with_other_arguments_is_a_conflict(gov: Governance) -> None:
    version, other = validated(gov, 1), validated(gov, 2)
    _force(gov, version, idempotency_key="k")
    for changed in (
        {"reason": "another"},
        {"by": "max"},
        {"approved_by": "max"},
        {"at": AT},
        {"expected_generation": 1},
        {"force": False},
    ):
        with pytest.raises(IdempotencyConflictError):
            _force(gov, version, idempotency_key="k", **changed)
    with pytest.raises(IdempotencyConflictError):
        _force(gov, other, idempotency_key="k")
    assert gov.registry.generation(NAME) == 1


def test_a_refusal_is_replayed_too(gov: Governance) -> None:
    version = gov.registry.transition(validated(gov), "staging", "eve", "trial")
    found = []
    for _ in range(2):
        with pytest.raises(GateFailedError) as refusal:
            gov.promotion.promote_to_production(version, by="eve", idempotency_key="k")
        found.append(refusal.value.decision)
    assert found[0] == found[1]
    assert _counts(gov) == (1, 0, 1)


def test_a_stale_call_does_not_use_up_its_key(gov: Governance) -> None:
    version = validated(gov)
    with pytest.raises(StaleGenerationError):
        _force(gov, version, idempotency_key="k", expected_generation=5)
    assert _force(gov, version, idempotency_key="k").generation == 1


# -- all or nothing -------------------------------------------------------------------------------

STEPS = [
    (activation, "store_decision"),
    (activation, "set_stage"),
    (activation, "activate"),
    (promoting, "end_trial"),
    (promoting, "record_notice"),
    (promoting, "remember"),
]


@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
@pytest.mark.parametrize("before_step", [True, False], ids=["before", "after"])
def test_a_promotion_that_ends_half_way_leaves_nothing(
    gov: Governance,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    step: str,
    before_step: bool,
) -> None:
    live, version = champion(gov, 1), validated(gov, 2)
    before, counts = head(gov), _counts(gov)
    real = getattr(module, step)

    def crash(*arguments: Any, **named: Any) -> Any:
        if not before_step:
            real(*arguments, **named)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(module, step, crash)
        with pytest.raises(Crash):
            _force(gov, version, idempotency_key="k")
    assert (head(gov), _counts(gov)) == (before, counts)
    assert gov.registry.get_production_model(NAME) == live
    assert gov.registry.generation(NAME) == 1
    assert gov.registry.resolve(version).stage is Stage.VALIDATED
    assert _force(gov, version, idempotency_key="k").generation == 2


def _files(gov: Governance) -> dict[str, bytes]:
    home = gov.settings.home
    return {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_no_file_tells_of_a_promotion_before_it_is_committed(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    gov = sqlite_gov
    champion(gov, 1)
    gov.files.catch_up()
    version = validated(gov, 2)
    gov.files.catch_up()
    before = _files(gov)
    assert any(name.endswith("manifest_active.json") for name in before)

    def crash(*_: Any, **__: Any) -> None:
        raise Crash  # the last write before the commit

    with monkeypatch.context() as patched:
        patched.setattr(promoting, "remember", crash)
        with pytest.raises(Crash):
            _force(gov, version, idempotency_key="k")
    assert _files(gov) == before


def test_the_database_itself_refuses_a_second_production_version(gov: Governance) -> None:
    champion(gov, 1)
    second = validated(gov, 2)
    with pytest.raises(ConflictError), gov.database.begin() as tx:
        tx.execute(
            update(model_registry)
            .where(model_registry.c.id == second.id)
            .values(stage=Stage.PRODUCTION)
        )
    with pytest.raises(ConflictError), gov.database.begin() as tx:
        tx.execute(
            text("UPDATE model_registry SET stage = 'production' WHERE name = :name"),
            {"name": NAME},
        )
    assert [v.version for v in gov.registry.list_models(stage="production")] == ["1.0.0"]


def test_each_model_has_a_champion_of_its_own(gov: Governance) -> None:
    one, other = champion(gov, 1), champion(gov, 1, name="other")
    assert gov.registry.get_production_model(NAME) == one
    assert gov.registry.get_production_model("other") == other


# -- history --------------------------------------------------------------------------------------


def test_history_names_every_activation_oldest_first(gov: Governance) -> None:
    for seed in range(3):
        champion(gov, seed)
    rows = gov.promotion.history(NAME)
    assert [(row["generation"], row["version"]) for row in rows] == [
        (1, "1.0.0"),
        (2, "1.0.1"),
        (3, "1.0.2"),
    ]
    assert {row["operation"] for row in rows} == {"promotion"}
    assert gov.promotion.history("unknown") == []
