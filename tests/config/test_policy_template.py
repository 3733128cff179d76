"""The policy file that is shipped says the defaults, all of them, and is what `init` writes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import yaml

from governance.config.policy_file import PolicyFile, parse_policy
from governance.policy.drift.limits import DriftLimits

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "promotion_policy.yaml"


def test_the_shipped_file_and_the_template_of_init_are_the_same_bytes() -> None:
    template = files("governance.config").joinpath("promotion_policy.yaml").read_bytes()
    assert SHIPPED.read_bytes() == template


def test_the_shipped_policy_means_what_a_missing_file_means() -> None:
    assert parse_policy(SHIPPED.read_bytes()) == PolicyFile()


def test_every_drift_limit_is_written_out_with_its_default() -> None:
    written = yaml.safe_load(SHIPPED.read_text())["defaults"]["drift"]
    assert written == DriftLimits().as_json()
