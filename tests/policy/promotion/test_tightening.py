"""Asking more never turns a refusal into a pass, and ``loosened`` knows which way is more.

For every key of the limits a chain of values, from the one that asks least to the one that asks
most. A key without a chain fails here, one without a direction, too.
"""

from __future__ import annotations

import itertools
import random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from governance.policy.promotion import decide
from governance.policy.promotion.decide import decide_promotion
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import GateName, PromotionLimits
from governance.policy.promotion.loosening import DIRECTIONS, loosened
from governance.policy.verdict import combine
from governance.values import Kind, Stage, Verdict
from tests.policy.promotion.cases import STRICT, Path, leaves, put, strong, strong_json

AUC = {"metric": "auc", "split": "out_of_sample"}
CHAINS: dict[str, list[Any]] = {
    "min_shadow_sessions": [None, 0, 5, 6],
    "min_shadow_days": [None, 3, 4],
    "min_trade_count": [None, 10, 11],
    "max_turnover_ratio": [None, 1.5, 1.4],
    "min_live_sharpe": [None, -1.0, 0.5, 0.6],
    "max_drawdown_threshold": [None, 0.05, 0.04],
    "max_drift_psi": [None, 0.25, 0.2],
    "max_avg_latency_ms": [None, 50.0, 40.0],
    "max_error_rate": [None, 0.01, 0.0],
    "require_validation": [False, True],
    "metrics": [
        [],
        [{**AUC, "min": 0.5}],
        [{**AUC, "min": 0.6, "max": 0.8}],
        [{**AUC, "min": 0.71, "max": 0.8}, {"metric": "rmse", "split": "test", "max": 1}],
    ],
    "not_worse": [
        [],
        [{"metric": "auc", "tolerance": 0.1}],
        [{"metric": "auc", "tolerance": 0.0}, {"metric": "rmse"}],
    ],
    "max_drift_severity": [None, "severe", "moderate", "normal"],
    "max_drift_age_hours": [100.0, 48.0, 24.0],
    "min_soak_hours": [None, 24.0, 48.0],
    "min_trained_end_delta_ms": [None, 0, 10**9],
    "allow_feature_version_change": [True, False],
    "required_targets": [[], ["reject"], ["reject", "break"], ["reject", "break", "bounce"]],
    "required_horizons": [[], [5], [5, 15], [5, 15, 60]],
    "max_mfe_regression_bps": [None, 2.0, 0.0],
    "max_mae_worsening_bps": [None, 2.0, 0.0],
    "required_provenance": [[], ["dataset_hash"], ["dataset_hash", "feature_graph_hash"]],
    "max_false_promotion": [None, 0.5, 0.01],
    "required_evidence": [[], ["fairness"], ["fairness", "experiment"]],
    "require_approval": [False, True],
    "approvers": [[], ["bob", "eve"], ["eve"]],
    "creator_may_approve": [True, False],
    "approval_hours": [72.0, 24.0],
}
MODES = [{"drift": "observe", "shadow": "observe"}, {"drift": "observe"}, {}]

chains = st.fixed_dictionaries(
    {key: st.integers(0, len(chain) - 1) for key, chain in CHAINS.items()}
)


def limits(places: dict[str, int], modes: dict[str, str] | None = None) -> PromotionLimits:
    values = {key: CHAINS[key][place] for key, place in places.items()}
    return PromotionLimits.from_json({**values, "modes": modes or {}})


CHANGES: list[tuple[Path, Any]] = [
    (path, value)
    for path, now in leaves(strong_json())
    for value in ((None, 0, 1, 100) if isinstance(now, int | float) else (None,))
]


@st.composite
def facts(draw: st.DrawFn) -> PromotionFacts:
    """Strong facts with some of them changed."""
    data = strong_json(draw(st.sampled_from(Kind)))
    for path, value in draw(st.lists(st.sampled_from(CHANGES), max_size=4)):
        data = put(data, path, value)
    data["stage"] = draw(st.sampled_from(["staging"] * 8 + [stage.value for stage in Stage]))
    if draw(st.integers(0, 5)) == 0:
        data |= {"champion": None, "ever_active": draw(st.booleans())}
    try:
        return PromotionFacts.from_json(data)
    except ValidationError:
        return strong()


def test_every_key_has_a_direction_and_a_chain() -> None:
    keys = set(PromotionLimits.model_fields) - {"modes"}
    assert set(DIRECTIONS) == keys, "a new key needs a direction in loosening.DIRECTIONS"
    assert set(CHAINS) == keys, "a new key needs a chain here"


@pytest.mark.parametrize("key", CHAINS)
def test_each_step_down_a_chain_is_loosening_and_each_step_up_is_not(key: str) -> None:
    for less, more in itertools.combinations(CHAINS[key], 2):
        low, high = (PromotionLimits.from_json({key: value}) for value in (less, more))
        assert loosened(high, low) == (key,)
        assert loosened(low, high) == ()
        assert loosened(high, high) == loosened(low, low) == ()


# One key moves nothing here: it is read where a request is answered.
@pytest.mark.parametrize("key", sorted(set(CHAINS) - {"approval_hours"}))
def test_the_top_of_a_chain_refuses_what_its_foot_lets_pass(key: str) -> None:
    companions: dict[str, dict[str, Any]] = {
        "max_drift_age_hours": {"max_drift_severity": "severe"},
        "approvers": {"require_approval": True},
        "creator_may_approve": {"require_approval": True},
    }
    data = strong_json(Kind.REGRESSOR if key == "max_drift_psi" else Kind.TRADING)
    if key == "creator_may_approve":
        data["approval"] = {"approved_by": "ann"}
    if key == "max_false_promotion":
        data["paired"]["mean"] = 0.01
    if key == "require_approval":
        data["approval"] = {}
    if key == "require_validation":
        data["validation"] = None
    if key == "allow_feature_version_change":
        data["candidate"]["feature_version"] = "v4"
    if key == "max_mfe_regression_bps":
        data["candidate"]["bundle"]["mfe_bps"]["break:5"] = 11
    if key == "max_mae_worsening_bps":
        data["candidate"]["bundle"]["mae_bps"]["break:5"] = 9
    given = PromotionFacts.from_json(data)
    low, high = (
        decide_promotion(given, PromotionLimits.from_json({**companions.get(key, {}), key: value}))
        for value in (CHAINS[key][0], CHAINS[key][-1])
    )
    assert low.verdict is Verdict.PASS
    assert high.verdict is not Verdict.PASS


@given(facts(), chains, chains, st.sampled_from(MODES), st.sampled_from(MODES))
def test_tightening_never_turns_a_refusal_into_a_pass(
    given_: PromotionFacts,
    one: dict[str, int],
    other: dict[str, int],
    modes: dict[str, str],
    others_modes: dict[str, str],
) -> None:
    low = limits({key: min(one[key], other[key]) for key in one}, modes | others_modes)
    high = limits(
        {key: max(one[key], other[key]) for key in one},
        {gate: "observe" for gate in set(modes) & set(others_modes)},
    )
    assert loosened(low, high) == ()
    if decide_promotion(given_, low).verdict is not Verdict.PASS:
        assert decide_promotion(given_, high).verdict is not Verdict.PASS


@given(chains, chains)
def test_loosened_names_exactly_the_keys_that_go_down(
    before: dict[str, int], after: dict[str, int]
) -> None:
    down = tuple(key for key in DIRECTIONS if after[key] < before[key])
    assert loosened(limits(before), limits(after)) == down


@given(facts(), chains, chains)
def test_what_is_not_loosened_passes_nothing_that_was_refused(
    given_: PromotionFacts, one: dict[str, int], other: dict[str, int]
) -> None:
    before, after = limits(one), limits(other)
    if loosened(before, after) == () and decide_promotion(given_, after).verdict is Verdict.PASS:
        assert decide_promotion(given_, before).verdict is Verdict.PASS


@given(facts(), st.randoms())
def test_the_order_of_the_gates_changes_nothing(
    given_: PromotionFacts, random_: random.Random
) -> None:
    said = decide_promotion(given_, STRICT)
    shuffled = random_.sample(decide.GATES, len(decide.GATES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decide, "GATES", tuple(shuffled))
        again = decide_promotion(given_, STRICT)
    assert again.verdict is said.verdict
    assert set(again.checks) == set(said.checks)


@given(facts(), st.sets(st.sampled_from(get_args(GateName))))
def test_observed_gates_are_recorded_and_decide_nothing(
    given_: PromotionFacts, observed: set[Any]
) -> None:
    enforced = decide_promotion(given_, STRICT)
    modes = dict.fromkeys(observed, "observe")
    said = decide_promotion(given_, STRICT.model_copy(update={"modes": modes}))
    assert [(c.gate, c.result) for c in said.checks] == [
        (c.gate, c.result) for c in enforced.checks
    ]
    counted = [c for c in enforced.checks if c.gate.partition(".")[0] not in observed]
    assert said.verdict is combine(counted)
    assert {c.gate for c in said.checks if c.mode == "observe"} == {
        c.gate for c in enforced.checks if c not in counted
    }


def test_what_always_counts_cannot_be_observed() -> None:
    asked = {check.gate.partition(".")[0] for check in decide_promotion(strong(), STRICT).checks}
    assert asked - set(get_args(GateName)) == {"integrity", "load", "lifecycle", "approval"}
    for gate in ("integrity", "load", "lifecycle", "approval"):
        with pytest.raises(ValidationError):
            PromotionLimits.from_json({"modes": {gate: "observe"}})
