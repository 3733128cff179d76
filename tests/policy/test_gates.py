"""The gates of a validation: what lacks evidence is INSUFFICIENT, and a NaN never passes.

The gates of a promotion are found and run in ``promotion/test_every_gate.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInputError
from governance.policy.facts import LoadFact, MetricLimit, ValidationFacts, finite
from governance.policy.gates.load_probe import check_load
from governance.policy.gates.metric_limit import check_metric
from governance.policy.gates.provenance import check_provenance
from governance.policy.verdict import GateResult
from governance.values import Verdict

HASH = "0" * 64
BOTH = MetricLimit(metric="auc", split="test", min=0.5, max=0.9)


@pytest.mark.parametrize(
    "results",
    [
        (check_load(None),),
        check_metric(BOTH, {}),
        (check_provenance("dataset_hash", {}),),
    ],
)
def test_a_gate_without_evidence_is_insufficient_and_says_so(
    results: tuple[GateResult, ...],
) -> None:
    assert results
    for result in results:
        assert result.result is Verdict.INSUFFICIENT
        assert result.observed is None and result.reason


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.floats() | st.none(), numbers, numbers)
def test_a_metric_passes_exactly_when_it_is_finite_and_within(
    value: float | None, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    limit = MetricLimit(metric="m", split="s", min=low, max=high)
    results = check_metric(limit, {"s": {"m": value}})
    assert [result.gate for result in results] == ["s.m.min", "s.m.max"]
    if value is None or not math.isfinite(value):
        assert {result.result for result in results} == {Verdict.INSUFFICIENT}
        assert all(result.observed is None for result in results)
    else:
        assert (results[0].result is Verdict.PASS) == (value >= low)
        assert (results[1].result is Verdict.PASS) == (value <= high)
        assert all(result.result is not Verdict.INSUFFICIENT for result in results)


def test_the_limit_itself_is_allowed() -> None:
    at_min, at_max = (
        check_metric(BOTH, {"test": {"auc": 0.5}}),
        check_metric(BOTH, {"test": {"auc": 0.9}}),
    )
    assert {result.result for result in (*at_min, *at_max)} == {Verdict.PASS}


@pytest.mark.parametrize(
    "metrics",
    [
        {"train": {"auc": 0.7}},
        {"test": {}},
        {"test": {"accuracy": 0.7}},
        {"test": {"auc": None}},
        {"test": {"auc": math.nan}},
        {"test": {"auc": -math.inf}},
        {"test": {"auc": "0.7"}},
        {"test": {"auc": True}},
    ],
)
def test_a_metric_of_another_split_or_of_no_number_is_no_evidence(
    metrics: Mapping[str, Mapping[str, Any]],
) -> None:
    assert {r.result for r in check_metric(BOTH, metrics)} == {Verdict.INSUFFICIENT}


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (HASH, Verdict.PASS),
        (None, Verdict.INSUFFICIENT),
        ("", Verdict.INSUFFICIENT),
        ("unknown", Verdict.FAIL),
        (HASH + "\n", Verdict.FAIL),
        (HASH.replace("0", "G"), Verdict.FAIL),
    ],
)
def test_provenance_is_a_hash_or_does_not_pass(value: str | None, verdict: Verdict) -> None:
    assert check_provenance("dataset_hash", {"dataset_hash": value}).result is verdict


def test_an_artifact_that_does_not_load_fails_with_the_probe_s_reason() -> None:
    result = check_load(LoadFact(loadable=False, code="killed", reason="SIGSEGV while parsing"))
    assert (result.result, result.observed) == (Verdict.FAIL, "killed")
    assert result.reason == "SIGSEGV while parsing"


@pytest.mark.parametrize(
    "limit", [{}, {"min": math.nan}, {"max": math.inf}, {"min": 0.5, "mode": "warn"}]
)
def test_a_limit_that_asks_nothing_or_no_number_is_refused(limit: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        MetricLimit(metric="auc", split="test", **limit)


@given(
    st.dictionaries(
        st.text(max_size=5), st.dictionaries(st.text(max_size=5), st.floats() | st.none())
    ),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.none()),
    st.none() | st.builds(LoadFact, loadable=st.booleans(), code=st.text(), reason=st.text()),
)
def test_facts_survive_being_stored(
    metrics: dict[str, dict[str, float | None]],
    provenance: dict[str, str | None],
    load: LoadFact | None,
) -> None:
    facts = ValidationFacts(load=load, provenance=provenance, metrics=metrics)
    assert ValidationFacts.from_json(facts.as_json()) == facts


@pytest.mark.parametrize("value", [math.nan, math.inf, True, None, "1", [1], 10**400, 1j, object()])
def test_what_is_no_finite_number_is_none(value: object) -> None:
    assert finite(value) is None
