"""`governance policy show|check`: what counts and who said so; mistakes with line and column."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from governance import Governance
from tests.cli.conftest import Run
from tests.versions import registered

SHIPPED = Path(__file__).parents[2] / "config"

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


def test_the_environment_asks_bundles_and_a_misspelt_name_is_told(
    run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVERNANCE_CONFIG", str(SHIPPED / "governance.yaml"))
    monkeypatch.setenv("MODEL_GOV_REQUIRED_HORIZONS", "5,15")
    lines = [line.split() for line in run("policy", "show", "pivot", "--explain").out.splitlines()]
    assert ["required_horizons", "[5,15]", "environment", "MODEL_GOV_REQUIRED_HORIZONS"] in lines
    other = run("policy", "show", "momentum", "--explain", "-o", "json").json
    assert other["origins"]["required_horizons"] == "default"
    monkeypatch.setenv("MODEL_GOV_REQUIRED_HORIZON", "5")
    wrong = run("policy", "show", "pivot")
    assert wrong.code == 2 and "did you mean MODEL_GOV_REQUIRED_HORIZONS?" in wrong.err
    told = run("policy", "show", "momentum", "--explain")
    assert told.code == 0 and "MODEL_GOV_REQUIRED_HORIZON is no variable" in told.err


def test_an_imported_bundle_is_asked_though_nobody_declares_it(
    run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Governance.open() as gov:
        empty: dict[str, Any] = {key: {} for key in ("members", "thresholds", "mfe_bps", "mae_bps")}
        bundle = {"targets": ["up"], "horizons": [5], **empty}
        registered(gov, name="imported", provenance={"bundle": bundle})
    monkeypatch.setenv("MODEL_GOV_REQUIRED_HORIZONS", "5,15")
    said = run("policy", "show", "imported", "-o", "json").json
    assert said["limits"]["required_horizons"] == [5, 15]


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
        ("min_sharpe=.nan", "write a finite one"),
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
    run: Run, policy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert run("policy", "show", "m").code == 0
    policy.write_text(
        "mode: sleep  # a longer file than before, by far, so that it is read again\n"
    )
    said = run("policy", "show", "m", "-o", "json")
    assert said.code == 0
    assert f"{policy}:1:7" in said.json["problem"]
    assert (said.err + caplog.text).count(f"{policy}:1:7") == 1  # the log goes to stderr, too
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


def test_check_reads_what_a_shell_pipes_in_and_no_other_pipe(
    run: Run, policy: Path, tmp_path: Path
) -> None:
    saved = os.dup(0)
    try:
        for name in ("-", "/dev/stdin", "/dev/fd/0"):
            reader, writer = os.pipe()
            os.write(writer, POLICY.encode())
            os.close(writer)
            os.dup2(reader, 0)
            os.close(reader)
            said = run("policy", "check", name, "-o", "json")
            assert said.code == 0 and said.json["models"] == ["m"], said.err
    finally:
        os.dup2(saved, 0)
        os.close(saved)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for command in ("check", "backtest"):
        refused = run("policy", command, str(pipe))
        assert refused.code == 2 and "give the path of a regular file" in refused.err


def test_show_says_that_the_file_is_gone_and_what_counts_meanwhile(run: Run, policy: Path) -> None:
    assert run("policy", "show", "m").code == 0
    policy.unlink()
    said = run("policy", "show", "m", "-o", "json")
    assert said.json["limits"]["min_live_sharpe"] == 0.7
    assert "is gone; the last valid one stays in force" in said.err
    assert str(policy) in said.json["problem"]


def test_doubled_words_are_refused_with_both_and_their_places(
    run: Run, policy: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("kinds:\n  trading:\n    min_sharpe: 1\n    min_live_sharpe: 2\n")
    said = run("policy", "check", str(other))
    both = "'min_sharpe' and 'min_live_sharpe' (line 4, column 5) mean the same; keep one"
    assert said.code == 2 and f"{other}:3:5: {both}" in said.err
    twice = run("policy", "show", "m", "--set", "min_sharpe=1", "--set", "min_live_sharpe=2")
    assert twice.code == 2 and "'min_sharpe' and 'min_live_sharpe' mean the same" in twice.err


def test_a_model_name_that_cannot_be_is_refused(run: Run) -> None:
    assert run("policy", "show", "../m").code == 2
