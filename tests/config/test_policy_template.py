"""The template that `init` writes says the defaults, all of them; the demo's file adds its own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import yaml

from governance.config import load_config
from governance.config.policy_file import PolicyFile, parse_policy
from governance.policy.drift.limits import DriftLimits
from governance.policy.promotion.effective import effective_limits
from governance.policy.promotion.limits import DEFAULTS, PromotionLimits
from governance.values import Kind

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "promotion_policy.yaml"


TEMPLATE = files("governance.config").joinpath("promotion_policy.yaml").read_text()
FORCE = "# Who may force"


def test_the_demos_file_is_the_template_but_for_its_people_and_models() -> None:
    shipped = SHIPPED.read_text()
    assert shipped.partition(FORCE)[0] == TEMPLATE.partition(FORCE)[0]
    policy = parse_policy(shipped.encode())
    assert set(policy.models) <= set(load_config(SHIPPED.with_name("governance.yaml")).models)
    assert policy.force.allowed


def test_the_template_means_what_a_missing_file_means() -> None:
    assert parse_policy(TEMPLATE.encode()) == PolicyFile()


def test_every_drift_limit_is_written_out_with_its_default() -> None:
    written = yaml.safe_load(SHIPPED.read_text())["defaults"]["drift"]
    assert written == DriftLimits().as_json()


def test_every_key_of_a_promotion_is_written_out_with_its_default() -> None:
    written = yaml.safe_load(SHIPPED.read_text())
    for_all = written["defaults"]["promotion"]
    by_kind = written["kinds"]
    asked = {key for kind in Kind for key in DEFAULTS[kind]}
    assert set(for_all) == set(PromotionLimits.model_fields) - asked
    for kind in Kind:
        assert set(by_kind[kind]) == set(DEFAULTS[kind])
        layers = [("default", for_all), ("kind", by_kind[kind])]
        assert effective_limits(kind, layers).limits == effective_limits(kind, []).limits


def test_whoever_deletes_a_kind_gets_its_defaults() -> None:
    """What stands for all kinds says nothing of what a kind asks by itself."""
    policy = parse_policy(SHIPPED.read_bytes())
    for kind in Kind:
        (for_all, _) = policy.promotion_layers("m", kind)
        assert effective_limits(kind, [for_all]).limits == effective_limits(kind, []).limits


def test_a_bundle_that_the_demo_declares_has_gates_of_its_own() -> None:
    """What it is declared to hold is what it must hold, and nothing else is asked in vain."""
    declared = load_config(SHIPPED.with_name("governance.yaml")).models
    policy = parse_policy(SHIPPED.read_bytes())
    bundles = {name: model for name, model in declared.items() if model.bundle is not None}
    assert set(bundles) == {"pivot"}
    for name, model in bundles.items():
        assert model.bundle is not None
        layers = policy.promotion_layers(name, model.kind)
        limits = effective_limits(model.kind, layers).limits
        assert limits.required_targets == model.bundle.targets
        assert limits.required_horizons == model.bundle.horizons
        assert limits.max_mfe_regression_bps is not None
        assert limits.max_mae_worsening_bps is not None
        assert limits.min_trained_end_delta_ms == 0
        assert limits.allow_feature_version_change is False
        assert (limits.max_drift_severity is None) == (model.drift is None)
