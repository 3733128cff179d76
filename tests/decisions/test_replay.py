"""Stored decisions judged again: the same hash, or a refusal that says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from governance import Governance
from governance.canonical import canonical_json
from governance.decisions.record import Decision
from governance.decisions.replay import JUDGES, replay, replayed
from governance.errors import GateFailedError, IntegrityError, NotFoundError, ReplayMismatchError
from governance.policy.facts import MetricLimit
from governance.policy.verdict import Judgement, verdict_hash
from governance.values import ModelVersion, Verdict
from tests.decisions.eligible import policy, promoted, staged
from tests.versions import NAME, champion, registered


def _lived(gov: Governance) -> list[Decision]:
    """Validations of all verdicts, refusals, promotions, force, rollback and failover."""
    policy(gov)
    for seed, auc in enumerate((0.7, 0.5, None)):
        version = registered(gov, seed, name="other", metrics={"test": {"auc": auc}})
        gov.validate(version, by="ann", limits=[MetricLimit(metric="auc", split="test", min=0.6)])
    first = promoted(gov, 11)
    second = promoted(gov, 12)
    with pytest.raises(GateFailedError):
        gov.promotion.promote_to_production(
            staged(gov, 13), by="eve", overrides={"min_shadow_sessions": 3, "min_soak_hours": 1}
        )
    champion(gov, 14)
    gov.promotion.rollback_model(NAME, by="eve", reason="wrong", to_version=first)
    live = gov.registry.get_production_model(NAME)
    assert live is not None and live.id == first.id
    (gov.settings.home / first.artifact_path / "model.txt").write_bytes(b"tree\n")
    gov.health.check(NAME)
    assert gov.registry.resolve(first).stage == "failed"
    assert second.name == NAME
    return gov.promotion.decisions(limit=100)


def test_every_decision_gives_its_verdict_hash_again(gov: Governance) -> None:
    stored = _lived(gov)
    assert {decision.operation for decision in stored} == set(JUDGES)
    for decision in stored:
        found = gov.promotion.replay(decision.id or "")
        assert found and found.same and found.replayable, found
        assert found.verdict_hash == decision.verdict_hash
        assert (found.verdict, found.checks) == (decision.verdict, decision.checks)
    assert [one.same for one in gov.promotion.replay_all()] == [True] * len(stored)
    assert gov.audit.verify()


def test_a_replay_needs_nothing_but_the_record(sqlite_gov: Governance) -> None:
    """Another policy, another configuration, other evidence: the past stays as it was."""
    policy(sqlite_gov)
    version = promoted(sqlite_gov)
    decision = sqlite_gov.promotion.decisions(NAME)[0]
    policy(sqlite_gov, "min_shadow_sessions: 50")
    sqlite_gov.validation.log_metric(version, "auc", 0.1)
    (sqlite_gov.settings.home / version.artifact_path / "model.txt").unlink()
    assert sqlite_gov.promotion.replay(decision.id or "").same


def _changed(gov: Governance, decision: Decision, **columns: Any) -> None:
    """By whoever owns the database file."""
    with gov.database.begin() as tx:
        tx.execute(text("DROP TRIGGER decisions_no_update"))
        for column, value in columns.items():
            tx.execute(
                text(f"UPDATE decisions SET {column} = :value WHERE id = :id"),
                {"value": value, "id": decision.id},
            )


def _edited(document: Any, path: str, value: Any) -> str:
    whole = json.loads(canonical_json(document))
    inner = whole
    *parents, last = path.split(".")
    for parent in parents:
        inner = inner[parent]
    assert last in inner
    inner[last] = value
    return canonical_json(whole)


@pytest.mark.parametrize(
    ("column", "path", "value"),
    [
        ("facts", "intact", False),
        ("facts", "stage", "validated"),
        ("facts", "candidate.created_by", "eve"),
        ("facts", "candidate", {}),
        ("facts", "shadow", {"sessions": 9}),
        ("policy", "limits.min_shadow_sessions", 9),
        ("policy", "limits", {"unknown": 1}),
        ("policy", "request", {"min_shadow_sessions": 0}),
        ("policy", "format", "promotion-0"),
    ],
)
def test_a_record_that_was_changed_does_not_replay(
    sqlite_gov: Governance, column: str, path: str, value: Any
) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov)
    decision = sqlite_gov.promotion.decisions(NAME)[0]
    _changed(sqlite_gov, decision, **{column: _edited(getattr(decision, column), path, value)})
    with pytest.raises(ReplayMismatchError, match="audit verify"):
        sqlite_gov.promotion.replay(decision.id or "")
    assert [one.same for one in sqlite_gov.promotion.replay_all()] == [False]


@pytest.mark.parametrize("column", ["checks", "eligible"])
def test_checks_and_eligibility_are_compared_though_the_hash_stays(
    sqlite_gov: Governance, column: str
) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov)
    decision = sqlite_gov.promotion.decisions(NAME)[0]
    checks = [{**check.as_json(), "reason": "it was fine"} for check in decision.checks]
    other = {"checks": canonical_json(checks), "eligible": False}
    _changed(sqlite_gov, decision, **{column: other[column]})
    with pytest.raises(ReplayMismatchError, match="audit verify"):
        sqlite_gov.promotion.replay(decision.id or "")
    assert [one.same for one in sqlite_gov.promotion.replay_all()] == [False]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("checks", "[1]"),
        ("checks", '[{"gate":"x"}]'),
        ("checks", "{"),
        ("verdict", "maybe"),
        ("at", "garbage"),
        ("at", "2026-01-01T00:00:00"),
        ("policy", "[]"),
        ("policy", '{"format":"promotion-1"}'),
    ],
)
def test_a_row_that_is_no_decision_any_more_is_named_and_stops_nothing(
    sqlite_gov: Governance, column: str, value: str
) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov, 1)
    promoted(sqlite_gov, 2)
    other, bad = (one.id for one in sqlite_gov.promotion.decisions(NAME, operation="promotion"))
    _changed(sqlite_gov, sqlite_gov.promotion.decision(bad or ""), **{column: value})
    if value != '{"format":"promotion-1"}':  # that one is a decision, of another policy
        with pytest.raises(IntegrityError, match=f"{bad}.*audit verify.*backup"):
            sqlite_gov.promotion.decisions(NAME)
    with pytest.raises(IntegrityError, match="audit verify"):
        sqlite_gov.promotion.replay(bad or "")
    found = {one.decision.id: one for one in sqlite_gov.promotion.replay_all()}
    assert found[other].same and not found[bad].same and not found[bad].replayable
    assert found[bad].as_json()["id"] == bad and found[bad].reason
    tried = sqlite_gov.promotion.backtest_policy(sqlite_gov.settings.policy_path)
    assert tried.judged == 1 and "audit verify" in tried.not_replayable[bad or ""]


def test_a_forger_who_computes_the_hash_anew_is_not_believed(sqlite_gov: Governance) -> None:
    """The refusal becomes a pass in checks, verdict and hash; the frozen facts contradict it."""
    version = staged(sqlite_gov)
    with pytest.raises(GateFailedError):
        sqlite_gov.promotion.promote_to_production(version, by="eve")
    decision = sqlite_gov.promotion.decisions(NAME)[0]
    passed = [{**check.as_json(), "result": "pass"} for check in decision.checks]
    forged = sqlite_gov.promotion.decision(decision.id or "")
    checks = [type(c)(**{**c.as_json(), "result": Verdict.PASS}) for c in forged.checks]
    computed = verdict_hash(checks, policy=decision.policy, facts=decision.facts)
    _changed(
        sqlite_gov,
        decision,
        checks=canonical_json(passed),
        verdict="pass",
        eligible=True,
        verdict_hash=computed,
    )
    with pytest.raises(ReplayMismatchError):
        sqlite_gov.promotion.replay(decision.id or "")


def _first_release(decision: Decision) -> Decision:
    """As the first release stored a forced promotion."""
    from dataclasses import replace

    facts = {"stage": "validated", "digest": "0" * 64, "intact": True, "load": None}
    asked = {"min_shadow_sessions": 5}
    return replace(
        decision,
        facts=facts,
        policy=asked,
        verdict_hash=verdict_hash(decision.checks, policy=asked, facts=facts),
    )


def test_decisions_of_the_first_release_are_named_not_replayed(sqlite_gov: Governance) -> None:
    champion(sqlite_gov)
    old = _first_release(sqlite_gov.promotion.decisions(NAME)[0])
    found = replay(old)
    assert found.same and not found.replayable
    assert "first release" in found.reason
    assert found.as_json()["replayable"] is False


def test_an_unknown_operation_is_named_and_its_texts_still_hash(sqlite_gov: Governance) -> None:
    from dataclasses import replace

    champion(sqlite_gov)
    decision = replace(sqlite_gov.promotion.decisions(NAME)[0], operation="demotion")
    found = replayed(decision)
    assert found.same and not found.replayable and "demotion" in found.reason
    assert not replayed(replace(decision, facts={})).same


@pytest.mark.parametrize("wrong", ["", "nothing", None, 7])
def test_a_decision_that_is_not_there(sqlite_gov: Governance, wrong: Any) -> None:
    with pytest.raises(NotFoundError, match="decision list"):
        sqlite_gov.promotion.replay(wrong)


def test_a_gate_that_judges_otherwise_now_is_seen(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov)
    decision = sqlite_gov.promotion.decisions(NAME)[0]

    def otherwise(facts: Any, limits: Any, *, record: Any) -> Judgement:
        return Judgement.of([], policy={}, facts={})

    monkeypatch.setattr("governance.decisions.replay.decide_promotion", otherwise)
    found = replayed(decision)
    assert not found.same and found.verdict is Verdict.INSUFFICIENT


def test_versions_keep_their_name(sqlite_gov: Governance) -> None:
    policy(sqlite_gov)
    version: ModelVersion = promoted(sqlite_gov)
    found = sqlite_gov.promotion.replay(sqlite_gov.promotion.decisions(NAME)[0].id or "")
    assert found.as_json()["version"] == version.version
