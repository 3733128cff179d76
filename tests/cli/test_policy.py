"""`governance policy show|check`: what counts and who said so; mistakes with line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

POLICY = "models: {m: {promotion: {min_sharpe: 0.7, modes: {drift: observe}}}}\n"


@pytest.fixture
def policy(home: Path) -> Path:
    file = home / "config" / "promotion_policy.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(POLICY)
    return file


def test_show_lists_what_is_asked_and_explain_says_who_asks(
    run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_GOV_REQUIRED_HORIZONS", "5,15")
    said = run("policy", "show", "m")
    assert said.code == 0 and "not declared, so judged as trading" in said.err
    lines = [line.split() for line in said.out.splitlines() if line.strip()]
    assert ["min_live_sharpe", "0.7"] in lines
    assert ["modes.drift", "observe"] in lines
    assert not [line for line in lines if line[0] == "require_approval"]
    explained = run("policy", "show", "m", "--explain", "--set", "max_drawdown=0.04")
    lines = [line.split() for line in explained.out.splitlines() if line.strip()]
    assert ["min_live_sharpe", "0.7", "model"] in lines
    assert ["max_drawdown_threshold", "0.04", "request"] in lines
    assert ["min_shadow_days", "3", "default"] in lines
    assert ["require_approval", "no", "default"] in lines
    assert ["required_horizons", "[5,15]", "environment", "MODEL_GOV_REQUIRED_HORIZONS"] in lines


def test_show_says_which_of_a_request_s_values_ask_less(run: Run, policy: Path) -> None:
    options = ("--set", "min_sharpe=0.5", "--set", "modes={shadow: observe}")
    said = run("policy", "show", "m", *options, "-o", "json")
    assert said.json["loosened"] == ["min_live_sharpe", "modes.shadow"]
    assert said.json["limits"]["min_live_sharpe"] == 0.5
    assert said.json["origins"]["min_live_sharpe"] == "request"
    assert (said.json["kind"], said.json["mode"]) == ("trading", "enforce")
    assert "needs an approver and a reason" in run("policy", "show", "m", *options).err
    stricter = run("policy", "show", "m", "--set", "min_sharpe=0.9", "-o", "json")
    assert stricter.json["loosened"] == []
    assert stricter.json["limits_digest"] != said.json["limits_digest"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("min_sharp=1", "min_live_sharpe"),
        ("min_sharpe", "KEY=VALUE"),
        ("=1", "KEY=VALUE"),
        ("min_sharpe=.nan", "no number"),
        ("min_sharpe=high", "min_sharpe"),
        ("approvers=[a", "no YAML"),
    ],
)
def test_a_change_that_cannot_be_taken_is_a_usage_error(
    run: Run, policy: Path, change: str, says: str
) -> None:
    said = run("policy", "show", "m", "--set", change)
    assert said.code == 2 and says in said.err and not said.out
    twice = run("policy", "show", "m", "--set", "min_sharpe=1", "--set", "min_sharpe=2")
    assert twice.code == 2 and "twice" in twice.err


def test_show_says_that_the_file_is_broken_and_what_counts_meanwhile(
    run: Run, policy: Path
) -> None:
    assert run("policy", "show", "m").code == 0
    policy.write_text(
        "mode: sleep  # a longer file than before, by far, so that it is read again\n"
    )
    said = run("policy", "show", "m", "-o", "json")
    assert said.code == 0
    assert f"{policy}:1:7" in said.json["problem"] and f"{policy}:1:7" in said.err
    assert said.json["limits"]["min_live_sharpe"] == 0.7


def test_check_says_every_mistake_with_its_place(run: Run, policy: Path, tmp_path: Path) -> None:
    assert run("policy", "check", "-o", "json").json == {
        "file": str(policy),
        "mode": "enforce",
        "models": ["m"],
        "may_force": [],
    }
    other = tmp_path / "other.yaml"
    other.write_text("mood: enforce\nmodels: {m: {promotion: {max_drift_psi: -1}}}\n")
    said = run("policy", "check", str(other))
    assert said.code == 2 and not said.out
    assert f"{other}:1:1: unknown key 'mood'; did you mean 'mode'?" in said.err
    assert f"{other}:2:41: models.m.promotion.max_drift_psi" in said.err
    assert run("policy", "check", str(tmp_path / "none.yaml")).code == 2


def test_a_model_name_that_cannot_be_is_refused(run: Run) -> None:
    assert run("policy", "show", "../m").code == 2
