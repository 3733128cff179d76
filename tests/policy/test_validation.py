"""Laws of verdicts, and the rules of validation."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.canonical import canonical_json
from governance.policy.facts import LoadFact, MetricLimit, ValidationFacts
from governance.policy.validation import (
    PROVENANCE_HASHES,
    ValidationPolicy,
    decide_validation,
)
from governance.policy.verdict import GateResult, combine
from governance.values import Verdict

LIMIT = MetricLimit(metric="auc", split="test", min=0.5)
POLICY = ValidationPolicy((LIMIT,))
GOOD: dict[str, Any] = {
    "load": LoadFact(loadable=True),
    "provenance": {name: "a" * 64 for name in PROVENANCE_HASHES},
    "metrics": {"test": {"auc": 0.7}},
}

results = st.builds(
    GateResult,
    gate=st.just("g"),
    result=st.sampled_from(Verdict),
    observed=st.none(),
    threshold=st.none(),
    reason=st.just("r"),
    mode=st.sampled_from(["enforce", "observe"]),
)


@given(st.lists(results), st.randoms())
def test_the_order_of_the_gates_changes_nothing(given_: list[GateResult], random_: Any) -> None:
    shuffled = random_.sample(given_, len(given_))
    assert combine(given_) is combine(shuffled)


@given(st.lists(results), results)
def test_no_further_gate_turns_a_refusal_into_a_pass(
    given_: list[GateResult], further: GateResult
) -> None:
    enforced = [result for result in given_ if result.mode == "enforce"]
    if enforced and combine(given_) is not Verdict.PASS:
        assert combine([*given_, further]) is not Verdict.PASS


@given(st.lists(results))
def test_a_pass_needs_a_gate_that_passed_and_none_that_did_not(given_: list[GateResult]) -> None:
    enforced = [result.result for result in given_ if result.mode == "enforce"]
    assert (combine(given_) is Verdict.PASS) == (set(enforced) == {Verdict.PASS})
    assert (combine(given_) is Verdict.FAIL) == (Verdict.FAIL in enforced)


@given(st.lists(results))
def test_observed_gates_decide_nothing(given_: list[GateResult]) -> None:
    assert combine(given_) is combine([r for r in given_ if r.mode == "enforce"])


def test_a_version_with_all_its_evidence_passes() -> None:
    decided = decide_validation(ValidationFacts(**GOOD), POLICY)
    assert decided.verdict is Verdict.PASS
    assert [check.gate for check in decided.checks] == [
        "load",
        *(f"provenance.{name}" for name in PROVENANCE_HASHES),
        "test.auc.min",
    ]


@pytest.mark.parametrize(
    ("change", "verdict", "gate"),
    [
        ({"load": None}, Verdict.INSUFFICIENT, "load"),
        ({"load": LoadFact(loadable=False)}, Verdict.FAIL, "load"),
        ({"provenance": {}}, Verdict.INSUFFICIENT, "provenance.dataset_hash"),
        ({"provenance": GOOD["provenance"] | {"dataset_hash": "x"}}, Verdict.FAIL,
         "provenance.dataset_hash"),
        ({"metrics": {}}, Verdict.INSUFFICIENT, "test.auc.min"),
        ({"metrics": {"test": {"auc": math.nan}}}, Verdict.INSUFFICIENT, "test.auc.min"),
        ({"metrics": {"test": {"auc": 0.49}}}, Verdict.FAIL, "test.auc.min"),
    ],
)  # fmt: skip
def test_each_rule_alone_refuses(change: dict[str, Any], verdict: Verdict, gate: str) -> None:
    decided = decide_validation(ValidationFacts(**GOOD | change), POLICY)
    assert decided.verdict is verdict
    [first] = [check for check in decided.checks if check.gate == gate]
    assert first.result is verdict


def test_every_rule_is_evaluated_even_after_a_failure() -> None:
    decided = decide_validation(ValidationFacts(load=LoadFact(loadable=False)), POLICY)
    assert decided.verdict is Verdict.FAIL
    assert len(decided.checks) == 1 + len(PROVENANCE_HASHES) + 1


def test_without_limits_the_record_says_that_nothing_was_asked() -> None:
    decided = decide_validation(ValidationFacts(load=GOOD["load"]), ValidationPolicy((), ()))
    assert decided.verdict is Verdict.PASS
    assert "no limits are declared" in decided.checks[-1].reason
    unloaded = decide_validation(ValidationFacts(), ValidationPolicy((), ()))
    assert unloaded.verdict is Verdict.INSUFFICIENT


def test_an_observed_limit_is_recorded_and_does_not_refuse() -> None:
    watched = MetricLimit(metric="auc", split="test", min=0.9, mode="observe")
    decided = decide_validation(ValidationFacts(**GOOD), ValidationPolicy((LIMIT, watched)))
    assert decided.verdict is Verdict.PASS
    assert (decided.checks[-1].result, decided.checks[-1].mode) == (Verdict.FAIL, "observe")


@given(st.floats() | st.none(), st.floats(0, 1))
def test_a_stored_decision_replays_to_the_same_hash(value: float | None, limit: float) -> None:
    facts = ValidationFacts(**GOOD | {"metrics": {"test": {"auc": value}}})
    policy = ValidationPolicy((MetricLimit(metric="auc", split="test", min=limit),))
    first = decide_validation(facts, policy)
    canonical_json([check.as_json() for check in first.checks])
    again = decide_validation(
        ValidationFacts.from_json(facts.as_json()), ValidationPolicy.from_json(policy.as_json())
    )
    assert again == first


def test_the_hash_covers_facts_policy_and_checks() -> None:
    base = decide_validation(ValidationFacts(**GOOD), POLICY)
    other_fact = ValidationFacts(**GOOD | {"metrics": {"test": {"auc": 0.7, "f1": 0.1}}})
    other_policy = ValidationPolicy((MetricLimit(metric="auc", split="test", min=0.51),))
    assert decide_validation(other_fact, POLICY).verdict_hash != base.verdict_hash
    changed = decide_validation(ValidationFacts(**GOOD), other_policy)
    assert changed.verdict_hash != base.verdict_hash
    assert changed.policy_digest != base.policy_digest
