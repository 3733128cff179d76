"""The policy file that is shipped says the defaults, all of them, and is what `init` writes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import yaml

from governance.config.policy_file import PolicyFile, parse_policy
from governance.policy.drift.limits import DriftLimits
from governance.policy.promotion.effective import effective_limits
from governance.policy.promotion.limits import DEFAULTS, PromotionLimits
from governance.values import Kind

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "promotion_policy.yaml"


def test_the_shipped_file_and_the_template_of_init_are_the_same_bytes() -> None:
    template = files("governance.config").joinpath("promotion_policy.yaml").read_bytes()
    assert SHIPPED.read_bytes() == template


def test_the_shipped_policy_means_what_a_missing_file_means() -> None:
    assert parse_policy(SHIPPED.read_bytes()) == PolicyFile()


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
