"""Layers: the later stands over the earlier, every value says who said it, mistakes are named."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import PromotionCriteria
from governance.config.metric_names import METRICS
from governance.errors import InvalidInputError
from governance.policy.promotion.effective import (
    ENVIRONMENT,
    effective_limits,
    environment_values,
)
from governance.policy.promotion.limits import (
    DEFAULTS,
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    PromotionLimits,
)
from governance.values import Kind

LAYERS = ("default", "kind", "model", "environment", "request")
DOCUMENT_004 = {
    "MODEL_GOV_REQUIRED_TARGETS": "reject, break",
    "MODEL_GOV_REQUIRED_HORIZONS": "5,15,60",
    "MODEL_GOV_MIN_TRAINED_END_DELTA_MS": "0",
    "MODEL_GOV_MAX_MFE_REGRESSION_BPS": "1.5",
    "MODEL_GOV_MAX_MAE_WORSENING_BPS": "2",
    "MODEL_GOV_ALLOW_FEATURE_VERSION_CHANGE": "false",
}

values = st.fixed_dictionaries(
    {},
    optional={
        "min_shadow_sessions": st.integers(0, 99) | st.none(),
        "max_drift_psi": st.floats(0, 9) | st.none(),
        "required_targets": st.lists(st.sampled_from(["a", "b"])),
        "require_approval": st.booleans(),
        "max_drift_severity": st.sampled_from([None, "normal", "severe"]),
    },
)


@given(st.sampled_from(Kind), st.lists(values, min_size=5, max_size=5))
def test_the_last_layer_that_says_a_key_says_its_value_and_is_its_origin(
    kind: Kind, given_: list[dict[str, Any]]
) -> None:
    layers = list(zip(LAYERS, given_, strict=True))
    said = effective_limits(kind, layers)
    plain = said.limits.as_json()
    nothing = PromotionLimits.from_json(dict(DEFAULTS[kind])).as_json()
    for key in PromotionLimits.model_fields:
        saying = [(name, layer[key]) for name, layer in layers if key in layer]
        origin, value = saying[-1] if saying else ("default", nothing[key])
        assert (said.origins[key], plain[key]) == (origin, value)


def test_without_any_layer_document_000_s_criteria_count_and_nothing_else() -> None:
    limits = effective_limits(Kind.TRADING, []).limits
    criteria = PromotionCriteria()
    assert criteria.applied_to(PromotionLimits()) == limits
    assert {
        key: value
        for key, value in limits.as_json().items()
        if value != PromotionLimits().as_json()[key]
    } == {
        "min_shadow_sessions": 5,
        "min_shadow_days": 3,
        "min_trade_count": 10,
        "max_turnover_ratio": 1.5,
        "min_live_sharpe": 0.5,
        "max_drawdown_threshold": 0.05,
        "max_drift_psi": 0.25,
    }


def test_document_001_s_words_mean_document_000_s() -> None:
    said = effective_limits(Kind.TRADING, [("request", {"min_sharpe": 0.7, "max_drawdown": 0.04})])
    assert (said.limits.min_live_sharpe, said.limits.max_drawdown_threshold) == (0.7, 0.04)
    assert said.origins["min_live_sharpe"] == said.origins["max_drawdown_threshold"] == "request"
    assert "min_sharpe" not in said.limits.as_json()


def test_modes_are_laid_over_gate_by_gate() -> None:
    said = effective_limits(
        Kind.TRADING,
        [
            ("kind", {"modes": {"drift": "observe", "shadow": "observe"}}),
            ("model", {"modes": {"drift": "enforce"}}),
        ],
    )
    assert (said.limits.mode_of("drift.psi"), said.limits.mode_of("shadow.days")) == (
        "enforce",
        "observe",
    )
    assert (said.origins["modes.drift"], said.origins["modes.shadow"]) == ("model", "kind")


def test_a_policy_that_observes_enforces_nothing_but_what_a_request_asks() -> None:
    layers = [("model", {"modes": {"drift": "enforce"}})]
    said = effective_limits(Kind.TRADING, layers, mode="observe")
    assert set(said.limits.modes.values()) == {"observe"}
    assert said.origins["modes.drift"] == "mode: observe"
    assert said.limits.mode_of("integrity") == said.limits.mode_of("approval") == "enforce"
    asked = effective_limits(
        Kind.TRADING, [*layers, ("request", {"modes": {"shadow": "enforce"}})], mode="observe"
    )
    assert asked.limits.mode_of("shadow.days") == "enforce"
    assert asked.limits.mode_of("drift.psi") == "observe"


WRONG: list[tuple[dict[Any, Any], str]] = [
    ({"min_sharp": 1}, "min_live_sharpe"),
    ({"min_sharpe": 1, "min_live_sharpe": 1}, "'min_sharpe' and 'min_live_sharpe' mean the same"),
    ({"max_drawdown": 0.1, "max_drawdown_threshold": 0.1}, "mean the same; keep one"),
    ({"max_drift_psi": math.nan}, "max_drift_psi: Input should be a finite number"),
    ({"max_drift_psi": math.inf}, "max_drift_psi: Input should be a finite number"),
    ({"max_drift_psi": "0.2"}, "max_drift_psi"),
    ({"max_drift_psi": -0.1}, "max_drift_psi"),
    ({"max_drift_psi": True}, "max_drift_psi"),
    ({"min_shadow_sessions": 2.5}, "min_shadow_sessions"),
    ({"min_shadow_sessions": -1}, "min_shadow_sessions"),
    ({"max_false_promotion": 0}, "max_false_promotion"),
    ({"max_drift_severity": "insufficient"}, "max_drift_severity"),
    ({"required_targets": "reject"}, "required_targets"),
    ({"modes": {"integrity": "observe"}}, "integrity"),
    ({"modes": {"drift": "off"}}, "drift"),
    ({"not_worse": [{"metric": "mine"}]}, "better"),
    ({"metrics": [{"metric": "auc", "split": "test", "min": 2, "max": 1}]}, "min is above max"),
    ({"metrics": [{"metric": "auc", "split": "test"}]}, "min, max or both"),
    ({"approvers": [object()]}, "plain JSON"),
    ({1: 2}, "unknown key"),
]


@pytest.mark.parametrize(("given_", "named"), WRONG)
def test_a_wrong_value_is_refused_with_its_key_and_layer(
    given_: dict[Any, Any], named: str
) -> None:
    with pytest.raises(InvalidInputError, match="^request: ") as refused:
        effective_limits(Kind.TRADING, [("request", given_)])
    assert named in refused.value.message


def test_a_layer_that_is_no_mapping_is_refused() -> None:
    wrong: Any = [("min_sharpe", 1)]
    with pytest.raises(InvalidInputError, match="mapping"):
        effective_limits(Kind.TRADING, [("request", wrong)])


def test_document_004_s_variables_are_a_layer() -> None:
    found = environment_values(DOCUMENT_004 | {"MODEL_GOV_FORCE_PROMOTE": "1", "HOME": "x"})
    said = effective_limits(Kind.TRADING, [("environment", found)])
    assert said.limits.required_targets == ("reject", "break")
    assert said.limits.required_horizons == (5, 15, 60)
    assert said.limits.min_trained_end_delta_ms == 0
    assert said.limits.max_mfe_regression_bps == 1.5
    assert said.limits.max_mae_worsening_bps == 2
    assert said.limits.allow_feature_version_change is False
    assert set(DOCUMENT_004) == set(ENVIRONMENT)
    assert {said.origins[key] for key, _ in ENVIRONMENT.values()} == {"environment"}
    assert environment_values(dict.fromkeys(DOCUMENT_004, " ")) == {}


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MODEL_GOV_REQUIRED_HORIZONS", "5,soon"),
        ("MODEL_GOV_REQUIRED_HORIZONS", "0"),
        ("MODEL_GOV_REQUIRED_TARGETS", "../x"),
        ("MODEL_GOV_MIN_TRAINED_END_DELTA_MS", "1.5"),
        ("MODEL_GOV_MAX_MFE_REGRESSION_BPS", "nan"),
        ("MODEL_GOV_MAX_MAE_WORSENING_BPS", "-1"),
        ("MODEL_GOV_ALLOW_FEATURE_VERSION_CHANGE", "maybe"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(variable: str, text: str) -> None:
    with pytest.raises(InvalidInputError, match=variable):
        environment_values({variable: text})


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("MODEL_GOV_MAX_MFE_REGRESION_BPS", "did you mean MODEL_GOV_MAX_MFE_REGRESSION_BPS"),
        ("model_gov_required_targets", "did you mean MODEL_GOV_REQUIRED_TARGETS"),
        ("MODEL_GOV_FORCE", "did you mean MODEL_GOV_FORCE_PROMOTE"),
        ("MODEL_GOV_Q", "known are"),
    ],
)
def test_a_misspelt_variable_is_refused_and_not_passed_over(variable: str, hint: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{variable} is no variable .*{hint}"):
        environment_values({**DOCUMENT_004, variable: "0.1"})
    assert environment_values({variable: ""}) == {}


def test_criteria_are_document_000_s_class() -> None:
    assert PromotionCriteria.of({"min_sharpe": 1, "max_drawdown": 0.1}) == PromotionCriteria(
        min_live_sharpe=1, max_drawdown_threshold=0.1
    )
    own = PromotionCriteria(min_shadow_sessions=10)
    assert PromotionCriteria.of(own) is own
    asked = own.applied_to(PromotionLimits(max_error_rate=0.1, require_approval=True))
    assert (asked.min_shadow_sessions, asked.max_error_rate, asked.require_approval) == (
        10,
        0.1,
        True,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_shadow_sessions": -1},
        {"min_live_sharpe": math.nan},
        {"max_drift_psi": None},
        {"max_drift_psi": "0.2"},
        {"min_trade_count": 1.5},
        {"psi": 1},
        {"min_sharpe": 1, "min_live_sharpe": 1},
    ],
)
def test_criteria_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        PromotionCriteria.of(wrong)


def test_the_directions_of_metrics_are_those_of_the_product() -> None:
    known = {name: metric.better for name, metric in METRICS.items()}
    assert {name for name, better in known.items() if better == "higher"} == HIGHER_IS_BETTER
    assert {name for name, better in known.items() if better == "lower"} == LOWER_IS_BETTER


def test_criteria_that_mean_the_same_are_both_named() -> None:
    with pytest.raises(InvalidInputError, match="'min_sharpe' and 'min_live_sharpe' mean the same"):
        PromotionCriteria.of({"min_sharpe": 1, "min_live_sharpe": 1})
