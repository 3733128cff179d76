"""Eligibility, refusals, overrides and what follows a promotion that its gates let through."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from governance import Governance
from governance.errors import (
    ApprovalRequiredError,
    ApproverNotAllowedError,
    ArtifactUnloadableError,
    GateFailedError,
    IdempotencyConflictError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    ProbeUnavailableError,
    ReasonRequiredError,
)
from governance.history.notices import list_notices
from governance.policy.facts import LoadFact
from governance.policy.promotion.facts import OtherEvidence
from governance.store.schema import decisions, idempotency_keys
from governance.values import ModelVersion, Stage, Verdict
from tests.decisions.eligible import meanwhile, policy, probed, promoted, staged
from tests.model_bytes import model_bytes
from tests.versions import NAME, actions, champion, head, registered, validated

AT = datetime(2018, 1, 2, tzinfo=UTC)


def _stored(gov: Governance) -> int:
    with gov.database.read() as connection:
        return connection.execute(select(func.count()).select_from(decisions)).scalar_one()


def _result(decision: Any, gate: str) -> Any:
    return next(check for check in decision.checks if check.gate == gate)


# -- by the gates ---------------------------------------------------------------------------------


def test_what_passes_every_gate_is_promoted_and_nobody_forced_it(gov: Governance) -> None:
    policy(gov)
    first, second = champion(gov, 1), staged(gov, 2)
    before = head(gov)
    decision = gov.promotion.promote_to_production(second, by="eve", at=AT)
    assert decision and decision.eligible and not decision.forced and not decision.overridden
    assert decision.verdict is Verdict.PASS
    assert decision.policy_digest != decision.verdict_hash
    assert gov.registry.resolve(first).stage is Stage.RETIRED
    assert gov.registry.resolve(second).stage is Stage.PRODUCTION
    assert actions(gov, after=before)[0] == "promotion.decided"
    assert gov.promotion.decision(decision.id or "") == decision
    assert gov.promotion.decisions(NAME)[0] == decision
    assert gov.audit.verify()


def test_a_check_says_the_same_and_is_stored_nowhere(gov: Governance) -> None:
    policy(gov)
    version = staged(gov)
    gov.policy()  # reading a new policy file is an entry of its own
    before, stored = head(gov), _stored(gov)
    eligible, decision = gov.promotion.check_promotion_eligibility(version)
    assert eligible is True
    assert (decision.id, decision.generation, decision.recorded_at) == (None, None, None)
    assert (head(gov), _stored(gov)) == (before, stored)
    carried_out = gov.promotion.promote_to_production(version, by="eve", at=decision.at)
    assert carried_out.verdict_hash == decision.verdict_hash
    assert carried_out.checks == decision.checks


def test_without_a_policy_file_document_000s_criteria_are_asked(sqlite_gov: Governance) -> None:
    version = staged(sqlite_gov)
    eligible, decision = sqlite_gov.promotion.check_promotion_eligibility(version)
    assert not eligible
    asked = {check.gate: check.threshold for check in decision.checks}
    assert {name: asked[f"shadow.{name}"] for name in ("sessions", "days", "trades")} == {
        "sessions": 5,
        "days": 3,
        "trades": 10,
    }
    assert (asked["shadow.sharpe_ratio"], asked["shadow.max_drawdown"]) == (0.5, 0.05)
    assert (asked["shadow.turnover_ratio"], asked["shadow.drift_psi"]) == (1.5, 0.25)


def test_criteria_stand_in_for_the_shadow_part(sqlite_gov: Governance) -> None:
    version = staged(sqlite_gov)
    check = sqlite_gov.promotion.check_promotion_eligibility
    _, decision = check(version, criteria={"min_shadow_sessions": 10, "min_sharpe": 0.6})
    assert _result(decision, "shadow.sessions").threshold == 10
    assert _result(decision, "shadow.sharpe_ratio").threshold == 0.6
    assert _result(decision, "shadow.days").threshold == 3
    with pytest.raises(InvalidInputError, match="unknown"):
        check(version, criteria={"min_sessions": 1})


@pytest.mark.parametrize("stage", ["draft", "trained", "failed", "retired", "production"])
def test_a_check_of_any_stage_answers_and_a_promotion_refuses(
    sqlite_gov: Governance, stage: str
) -> None:
    policy(sqlite_gov)
    if stage == "draft":
        version = sqlite_gov.registry.register_model(
            NAME, model_type="x", stage="draft", created_by="ann"
        )
    elif stage == "production":
        version = champion(sqlite_gov)
    else:
        version = registered(sqlite_gov)
        if stage != "trained":
            version = sqlite_gov.registry.transition(version, stage, "ann", "so")
    eligible, decision = sqlite_gov.promotion.check_promotion_eligibility(version)
    assert not eligible
    assert _result(decision, "lifecycle").result is Verdict.FAIL
    with pytest.raises(IllegalTransitionError):
        sqlite_gov.promotion.promote_to_production(version, by="eve")


def test_a_validated_version_is_told_to_start_a_trial(sqlite_gov: Governance) -> None:
    policy(sqlite_gov)
    version = probed(sqlite_gov, validated(sqlite_gov))
    with pytest.raises(GateFailedError, match="start a shadow test") as refusal:
        sqlite_gov.promotion.promote_to_production(version, by="eve")
    assert sqlite_gov.promotion.decision(refusal.value.decision.id).verdict is Verdict.INSUFFICIENT  # type: ignore[attr-defined]


@pytest.mark.parametrize("damage", ["other bytes", "missing"])
def test_a_check_of_broken_bytes_fails_and_says_so(sqlite_gov: Governance, damage: str) -> None:
    policy(sqlite_gov)
    version = staged(sqlite_gov)
    folder = sqlite_gov.settings.home / version.artifact_path
    if damage == "missing":
        shutil.rmtree(folder)
    else:
        (folder / "model.txt").write_bytes(model_bytes(9))
    eligible, decision = sqlite_gov.promotion.check_promotion_eligibility(version)
    assert not eligible
    assert _result(decision, "integrity").result is Verdict.FAIL


def test_bytes_that_became_known_not_to_load_are_refused_within_the_transaction(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.decisions.eligible import meanwhile

    version = validated(sqlite_gov)
    meanwhile(sqlite_gov, monkeypatch, lambda: probed(sqlite_gov, version, loadable=False))
    with pytest.raises(ArtifactUnloadableError):
        sqlite_gov.promotion.promote_to_production(version, by="eve", force=True, reason="now")
    assert sqlite_gov.registry.generation(NAME) == 0


def test_bytes_that_nobody_parsed_are_parsed_for_the_promotion(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    cut = tmp_path / "model.txt"
    cut.write_bytes(model_bytes(1)[:600])
    version = sqlite_gov.registry.register_model(
        NAME, model_path=cut, model_type="lightgbm", created_by="ann"
    )
    sqlite_gov.registry.transition(version, "validated", "ann", "by hand")
    sqlite_gov.registry.transition(version, "staging", "ann", "by hand")
    with pytest.raises(ArtifactUnloadableError):
        sqlite_gov.promotion.promote_to_production(version, by="eve")
    with pytest.raises(ArtifactUnloadableError):  # known by now, so by force neither
        sqlite_gov.promotion.promote_to_production(version, by="eve", force=True, reason="now")
    assert sqlite_gov.registry.generation(NAME) == 0


def test_a_session_recorded_while_the_bytes_are_read_counts(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(gov, "max_error_rate: 0.1")
    version = staged(gov)
    gov.shadow.start_shadow_testing(version, by="ann")
    record = gov.shadow.update_shadow_metrics
    good = {"trade_count": 1, "error_rate": 0.0}
    record(version, good, session_id="one", at=AT - timedelta(hours=2))
    bad = {"trade_count": 9, "error_rate": 0.5}
    meanwhile(
        gov,
        monkeypatch,
        lambda: record(version, bad, session_id="two", at=AT - timedelta(hours=1)),
    )
    with pytest.raises(GateFailedError, match="error_rate 0.45"):
        gov.promotion.promote_to_production(version, by="eve", at=AT)
    _, decision = gov.promotion.check_promotion_eligibility(version, at=AT - timedelta(hours=2))
    assert _result(decision, "shadow.error_rate").observed == 0.0


def test_a_promotion_ends_the_trial(gov: Governance) -> None:
    policy(gov)
    version = staged(gov)
    gov.shadow.start_shadow_testing(version, by="ann")
    assert len(gov.shadow.list_shadow_models(NAME)) == 1
    gov.promotion.promote_to_production(version, by="eve")
    assert gov.shadow.list_shadow_models(NAME) == []


# -- a policy that observes -----------------------------------------------------------------------


def test_global_observation_blocks_nothing_but_integrity_load_and_lifecycle(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gov.settings.policy_path
    path.parent.mkdir(parents=True)
    path.write_text("mode: observe\n")
    version = staged(gov, 1)
    decision = gov.promotion.promote_to_production(version, by="eve")
    assert decision.eligible and not decision.forced
    shadow = [check for check in decision.checks if check.gate.startswith("shadow.")]
    assert len(shadow) == 7
    assert {check.mode for check in shadow} == {"observe"}
    assert {check.result for check in shadow} == {Verdict.INSUFFICIENT}
    unprobed = gov.registry.transition(validated(gov, 2), "staging", "ann", "trial")
    with monkeypatch.context() as patched:
        patched.setattr(gov._probing, "load_fact", unavailable)
        with pytest.raises(GateFailedError, match="never probed"):
            gov.promotion.promote_to_production(unprobed, by="eve")
        eligible, decision = gov.promotion.check_promotion_eligibility(unprobed)
        assert not eligible and decision.reasons == ("load: the artifact was never probed",)
    assert gov.promotion.check_promotion_eligibility(unprobed)[0]  # probed for this
    with pytest.raises(GateFailedError, match="has not run in staging"):
        gov.promotion.promote_to_production(probed(gov, validated(gov, 3)), by="eve")


def unavailable(*_: object, **__: object) -> LoadFact:
    raise ProbeUnavailableError("no process can be started now")


# -- force ----------------------------------------------------------------------------------------


def test_force_records_every_gate_that_it_overrode(gov: Governance) -> None:
    version = staged(gov)
    decision = gov.promotion.promote_to_production(
        version, by="eve", force=True, reason="the old one loses money"
    )
    assert decision.forced and not decision.eligible
    assert any(reason.startswith("shadow.sessions") for reason in decision.reasons)
    with gov.database.read() as connection:
        (notice,) = list_notices(connection)
    assert (notice["kind"], notice["severity"]) == ("force", "warning")
    assert notice["reason"] == "the old one loses money"
    assert tuple(notice["reasons"]) == decision.reasons


def test_a_forced_promotion_whose_gates_pass_is_still_forced(sqlite_gov: Governance) -> None:
    policy(sqlite_gov)
    decision = sqlite_gov.promotion.promote_to_production(
        staged(sqlite_gov), by="eve", force=True, reason="in a hurry"
    )
    assert decision.forced and decision.eligible


# -- overrides ------------------------------------------------------------------------------------


def test_a_request_may_ask_more_by_itself(gov: Governance) -> None:
    policy(gov)
    version = staged(gov)
    with pytest.raises(GateFailedError, match="no shadow session") as refusal:
        gov.promotion.promote_to_production(version, by="eve", overrides={"min_shadow_sessions": 1})
    decision: Any = refusal.value.decision
    assert not decision.overridden
    assert decision.policy["request"] == {"min_shadow_sessions": 1}
    assert decision.policy["limits"]["min_shadow_sessions"] == 1


LESS = {"min_shadow_sessions": 0, "min_shadow_days": None}


def _asking(gov: Governance) -> ModelVersion:
    policy(gov, "min_shadow_sessions: 5", "min_shadow_days: 2", "approvers: [max, ann, eve]")
    path = gov.settings.policy_path
    path.write_text(path.read_text().replace("    min_shadow_sessions: null\n", "", 1))
    path.write_text(path.read_text().replace("    min_shadow_days: null\n", "", 1))
    return staged(gov)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, ReasonRequiredError),
        ({"approved_by": "max"}, ReasonRequiredError),
        ({"approved_by": "max", "reason": "  "}, ReasonRequiredError),
        ({"reason": "known outage"}, ApprovalRequiredError),
        ({"reason": "known outage", "approved_by": "ann"}, ApproverNotAllowedError),
        ({"reason": "known outage", "approved_by": "ANN "}, ApproverNotAllowedError),
        ({"reason": "known outage", "approved_by": "tim"}, ApproverNotAllowedError),
    ],
)
def test_asking_less_needs_one_who_may_approve_and_a_reason(
    sqlite_gov: Governance, given: dict[str, Any], error: type[Exception]
) -> None:
    version = _asking(sqlite_gov)
    stored = _stored(sqlite_gov)
    wishes: tuple[dict[str, Any], ...] = (
        LESS,
        {**LESS, "creator_may_approve": True, "approvers": []},
    )
    for less in wishes:
        with pytest.raises(error):
            sqlite_gov.promotion.promote_to_production(version, by="eve", overrides=less, **given)
    assert _stored(sqlite_gov) == stored
    assert sqlite_gov.registry.resolve(version).stage is Stage.STAGING


def test_asking_less_with_an_approver_and_a_reason_is_marked_for_ever(gov: Governance) -> None:
    version = _asking(gov)
    decision = gov.promotion.promote_to_production(
        version,
        by="eve",
        overrides={"min_shadow_sessions": None, "min_shadow_days": None},
        approved_by="max",
        reason="known outage",
    )
    assert decision.overridden and decision.eligible and not decision.forced
    assert gov.promotion.decision(decision.id or "").overridden
    entry = gov.audit.entries(action="promotion.decided")[-1]
    assert (entry.details["overridden"], entry.details["approved_by"]) == (True, "max")
    assert gov.audit.verify()


def test_a_check_may_ask_less_since_it_decides_nothing(sqlite_gov: Governance) -> None:
    version = _asking(sqlite_gov)
    eligible, decision = sqlite_gov.promotion.check_promotion_eligibility(
        version, overrides={"min_shadow_sessions": None, "min_shadow_days": None}
    )
    assert eligible and decision.overridden


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_shadow_session": 1},
        {"min_shadow_sessions": "1"},
        {"min_shadow_sessions": -1},
        {"min_live_sharpe": float("nan")},
        {"modes": {"integrity": "observe"}},
        {"modes": {"lifecycle": "observe"}},
        [("min_shadow_sessions", 1)],
        "min_shadow_sessions",
        {"min_shadow_sessions": object},
    ],
    ids=str,
)
def test_overrides_that_cannot_be_taken_are_refused_and_nothing_is_stored(
    sqlite_gov: Governance, wrong: Any
) -> None:
    policy(sqlite_gov)
    version = staged(sqlite_gov)
    stored = _stored(sqlite_gov)
    with pytest.raises(InvalidInputError):
        sqlite_gov.promotion.promote_to_production(version, by="eve", overrides=wrong)
    with pytest.raises(InvalidInputError):
        sqlite_gov.promotion.check_promotion_eligibility(version, overrides=wrong)
    assert _stored(sqlite_gov) == stored


def test_overrides_belong_to_the_arguments_of_a_key(sqlite_gov: Governance) -> None:
    policy(sqlite_gov)
    version = staged(sqlite_gov)
    promote = sqlite_gov.promotion.promote_to_production
    first = promote(version, by="eve", idempotency_key="k", overrides={"min_soak_hours": None})
    assert promote(version, by="eve", idempotency_key="k", overrides={"min_soak_hours": None}).id
    with pytest.raises(IdempotencyConflictError):
        promote(version, by="eve", idempotency_key="k", overrides={"min_soak_hours": 0.0})
    with pytest.raises(IdempotencyConflictError):
        promote(version, by="eve", idempotency_key="k")
    assert first.generation == sqlite_gov.registry.generation(NAME)


# -- a broken policy file -------------------------------------------------------------------------


def test_a_broken_policy_file_leaves_the_last_one_in_force(sqlite_gov: Governance) -> None:
    policy(sqlite_gov, "max_avg_latency_ms: 10")
    version = staged(sqlite_gov)
    assert not sqlite_gov.promotion.check_promotion_eligibility(version)[0]
    sqlite_gov.settings.policy_path.write_text("defaults: [")
    _, decision = sqlite_gov.promotion.check_promotion_eligibility(version)
    assert _result(decision, "shadow.avg_latency_ms").threshold == 10


def test_a_policy_that_was_never_valid_asks_what_document_000_asks(sqlite_gov: Governance) -> None:
    version = staged(sqlite_gov)
    policy(sqlite_gov, "min_live_sharp: 1")
    with pytest.raises(GateFailedError, match="no shadow session was recorded") as refused:
        sqlite_gov.promotion.promote_to_production(version, by="eve")
    decision: Any = refused.value.decision
    assert _result(decision, "shadow.sessions").threshold == 5


# -- bad arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("by", ""),
        ("by", "a\nb"),
        ("by", None),
        ("approved_by", " "),
        ("approved_by", 7),
        ("reason", "x" * 2001),
        ("reason", "\x00"),
        ("reason", 7),
        ("force", "yes"),
        ("force", None),
        ("expected_generation", "0"),
        ("expected_generation", True),
        ("idempotency_key", ""),
        ("idempotency_key", "a b"),
        ("idempotency_key", "k" * 256),
        ("at", datetime(2018, 1, 1)),
        ("at", "2018-01-01"),
        ("approval_id", 7),
        ("approval_id", "nothing"),
        ("ref", "nonsense"),
        ("ref", None),
        ("ref", "momentum:9.9.9"),
    ],
)
def test_an_argument_that_cannot_be_right_is_refused_and_changes_nothing(
    sqlite_gov: Governance, name: str, wrong: Any
) -> None:
    policy(sqlite_gov)
    version = staged(sqlite_gov)
    given: dict[str, Any] = {"ref": version, "by": "eve", "reason": "so", name: wrong}
    with pytest.raises((InvalidInputError, NotFoundError)):
        sqlite_gov.promotion.promote_to_production(given.pop("ref"), **given)
    assert sqlite_gov.registry.resolve(version).stage is Stage.STAGING
    with sqlite_gov.database.read() as connection:
        assert connection.execute(select(idempotency_keys)).all() == []


# -- further evidence -----------------------------------------------------------------------------


def test_evidence_that_a_policy_names_is_asked_of_its_provider(sqlite_gov: Governance) -> None:
    policy(sqlite_gov, "required_evidence: [fairness]")
    version = staged(sqlite_gov)
    check = sqlite_gov.promotion.check_promotion_eligibility
    assert _result(check(version)[1], "evidence.fairness").result is Verdict.INSUFFICIENT
    asked: list[Any] = []

    def fairness(_: Any, of: ModelVersion, at: datetime) -> OtherEvidence:
        asked.append((of.id, at))
        return OtherEvidence(result=Verdict.PASS, observed=0.9, threshold=0.8, reason="fair")

    sqlite_gov.evidence_providers["fairness"] = fairness
    eligible, decision = check(version, at=AT)
    assert eligible and asked == [(version.id, AT)]
    assert _result(decision, "evidence.fairness").observed == 0.9
    sqlite_gov.evidence_providers["fairness"] = lambda *_: "pass"  # type: ignore[assignment]
    with pytest.raises(InvalidInputError, match="OtherEvidence"):
        check(version)


# -- what follows ---------------------------------------------------------------------------------


def test_a_promotion_is_told_once(gov: Governance) -> None:
    policy(gov)
    promoted(gov, 1)
    second = staged(gov, 2)
    for _ in range(2):
        decision = gov.promotion.promote_to_production(second, by="eve", idempotency_key="k")
    with gov.database.read() as connection:
        notices = list_notices(connection)
    assert [notice["kind"] for notice in notices] == ["promotion", "promotion"]
    assert notices[0]["decision_id"] == decision.id
    assert notices[0]["generation"] == 2
    assert "1.0.0 was before" in notices[0]["headline"]


def test_a_refusal_is_not_told(sqlite_gov: Governance) -> None:
    with pytest.raises(GateFailedError):
        sqlite_gov.promotion.promote_to_production(staged(sqlite_gov), by="eve")
    with sqlite_gov.database.read() as connection:
        assert list_notices(connection) == []


def test_the_active_path_is_that_of_the_version_in_production(gov: Governance) -> None:
    policy(gov)
    path_of = gov.promotion.get_active_model_path
    assert path_of(NAME) is None
    first = promoted(gov, 1)
    own = gov.settings.home / first.artifact_path
    link = gov.settings.home / "active" / f"{NAME}_active"
    assert path_of(NAME) == link  # the files follow the decision
    assert link.resolve() == own.resolve()
    second = promoted(gov, 2)
    assert path_of(NAME) == link
    link.unlink()
    link.symlink_to(own.resolve())
    assert path_of(NAME) == gov.settings.home / second.artifact_path  # a link that is behind
    link.unlink()
    assert path_of(NAME) == gov.settings.home / second.artifact_path
    gov.files.reconcile()
    assert path_of(NAME) == link
    link.unlink()
    link.symlink_to(link)
    assert path_of(NAME) == gov.settings.home / second.artifact_path


@pytest.mark.parametrize("name", ["../etc", "", None, "Momentum"])
def test_the_active_path_of_what_is_no_name_is_refused(sqlite_gov: Governance, name: Any) -> None:
    with pytest.raises(InvalidInputError):
        sqlite_gov.promotion.get_active_model_path(name)


def test_a_back_dated_promotion_is_effective_then(gov: Governance) -> None:
    policy(gov)
    promoted(gov, 1)
    second = staged(gov, 2)
    decision = gov.promotion.promote_to_production(second, by="eve", at=AT - timedelta(days=9000))
    assert decision.generation == 2
    live = gov.registry.get_production_model(NAME, at=AT - timedelta(days=8999))
    assert live is not None and live.id == second.id
