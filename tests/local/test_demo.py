"""The demo's own parts; the whole of it runs with `make demo`."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from governance.config import load_config
from governance.decisions.record import Decision
from governance.policy.verdict import GateResult
from governance.settings import Settings
from governance.values import Kind, ModelVersion, Stage, Verdict, parse_time
from governance.wiring import Governance
from local import demo, here
from local.airflow_rest import failure
from local.here import CONFIG
from local.retrain_demo import DEMO_FILE, activate_first, demo_conf
from local.tables import TABLE_WIDTH, Outcome, gates_text, shown

NOW = datetime(2026, 1, 1, tzinfo=UTC)

VERSION = ModelVersion(
    id="0123456789ab",
    name="momentum",
    version="1.0.0",
    stage=Stage.VALIDATED,
    model_type="lightgbm",
    kind=Kind.TRADING,
    digest="0" * 64,
    artifact_path="models/momentum",
    format="lightgbm-text",
    size_bytes=1,
    created_by="ada",
    created_at=NOW,
    registered_at=NOW,
    metrics={"train": {"auc": 0.9}, "out_of_sample": {"auc": 0.4881, "sharpe": None}},
)

CHECKS = (
    GateResult(
        gate="load", result=Verdict.PASS, observed="loads", threshold=None, reason="it loads"
    ),
    GateResult(
        gate="out_of_sample.auc.min",
        result=Verdict.FAIL,
        observed=0.4881,
        threshold=0.52,
        reason="0.4881 is below 0.52",
    ),
)

DECISION = Decision(
    id="1" * 32,
    operation="validation",
    model="momentum",
    version_id=VERSION.id,
    version="1.0.0",
    verdict=Verdict.FAIL,
    eligible=False,
    forced=False,
    checks=CHECKS,
    facts={},
    policy={},
    policy_digest="2" * 64,
    verdict_hash="3" * 64,
    by="ada",
    at=NOW,
)


def rendered(outcomes: list[Outcome], width: int = 160) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(shown(outcomes, width=console.width))
    return console.export_text()


def test_an_unknown_scene_is_refused_with_what_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["shadow-of-a-doubt"]) == 2
    said = capsys.readouterr().out
    assert all(scene in said for scene in (*demo.SCENES, "all"))


def test_an_empty_wish_for_a_scene_is_none_and_a_port_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "0")
    assert demo.main([""]) == 1
    said = capsys.readouterr().out
    assert said.startswith("PORT=0 is no port") and "stopped" not in said


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"trainer": {"function": "governance.training.trainers.lightgbm:trian"}}, "trian"),
        ({"source": {"function": "no_such_module:rows"}}, "no_such_module"),
        ({"kind": "clasifier"}, "kind"),
        (None, "no model is declared"),
    ],
)
def test_a_mistake_in_the_configuration_is_told_before_anything_starts(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    part: dict[str, Any] | None,
    named: str,
) -> None:
    declared = yaml.safe_load((CONFIG / "governance.yaml").read_text())
    if part is None:
        declared["models"] = {}
    else:
        declared["models"]["momentum"].update(part)
    config = tmp_path / "config"
    config.mkdir()
    (config / "governance.yaml").write_text(yaml.safe_dump(declared))
    shutil.copy(CONFIG / "promotion_policy.yaml", config)
    monkeypatch.setattr(here, "ROOT", tmp_path)
    monkeypatch.setattr(here, "CONFIG", config)
    monkeypatch.setattr(here, "HOME", tmp_path / "home")
    assert demo.main(["retrain"]) == 2
    said = capsys.readouterr().out
    assert named in said.replace("\n", "")
    assert not said.startswith("ConfigError") and "stopped" not in said
    assert not list((tmp_path / ".airflow").glob("airflow.db*"))


def test_every_declared_model_has_a_demo_time_before_its_data_ends() -> None:
    conf = demo_conf(DEMO_FILE)
    assert set(conf) == set(load_config(CONFIG / "governance.yaml").models)
    for entry in conf.values():
        assert parse_time(entry["at"]) < datetime(2019, 1, 1, tzinfo=UTC)


def test_the_table_shows_figures_gates_and_reasons() -> None:
    text = rendered([Outcome("momentum", False, VERSION, DECISION, "auc is below 0.52")])
    for part in ("momentum", "1.0.0", "0123456789ab", "validated", "auc is below 0.52"):
        assert part in text
    assert "on out_of_sample:" in text and "0.4881" in text
    assert "0.9" not in text  # figures on the training rows say nothing


@pytest.mark.parametrize("width", [40, 80, TABLE_WIDTH - 1])
def test_a_narrow_terminal_gets_a_block_per_model_with_whole_figures(width: int) -> None:
    lines = rendered([Outcome("momentum", True, VERSION, DECISION, "why not")], width).splitlines()
    header = "momentum  1.0.0  0123456789ab  validated"
    assert header in [line.strip() for line in lines]
    figures = next(line.split() for line in lines if "sharpe" in line)
    assert figures == ["auc", "0.4881", "sharpe", "none"]  # in two columns
    assert any("✗ auc 0.4881 ≥ 0.52" in line for line in lines)
    assert "why not" in "".join(lines) and not any("│" in line for line in lines)
    assert max(map(len, lines)) <= width


def test_a_failed_gate_shows_observed_beside_asked() -> None:
    text = gates_text(DECISION).plain
    assert "✗ auc 0.4881 ≥ 0.52" in text
    assert "✓ load" in text


def test_a_missing_figure_is_shown_as_missing() -> None:
    missing = replace(CHECKS[1], observed=None, result=Verdict.INSUFFICIENT)
    assert "? auc none" in gates_text(replace(DECISION, checks=(missing,))).plain
    assert "none" in rendered([Outcome("momentum", True, VERSION, None, "")])


def test_a_run_without_version_still_has_a_row() -> None:
    for width in (80, 160):
        text = rendered([Outcome("m", False, None, None, "check_data failed")], width)
        assert "check_data failed" in text


def test_a_log_is_reduced_to_its_errors_and_else_to_its_end() -> None:
    noise = [{"event": "::group::Log message source details"}, {"event": "::endgroup::"}]
    detail = [{"exc_type": "DataQualityError", "exc_value": "too few rows", "frames": []}]
    failed = {"event": "Task failed with exception", "level": "error", "error_detail": detail}
    info = [{"event": f"line {number}", "level": "info"} for number in range(30)]
    assert failure([*noise, *info, failed, *info]) == "DataQualityError: too few rows"
    told = failure([*noise, {"event": "killed", "level": "critical"}, *info])
    assert told == "killed"
    assert failure([*noise, *info, *noise]).splitlines() == [f"line {n}" for n in range(18, 30)]
    assert failure(["plain text", "::group::x"]) == "plain text"
    assert failure([]) == ""


def test_only_the_first_version_is_forced_into_production(tmp_path: Path) -> None:
    with Governance.open(settings=Settings.load(home=tmp_path)) as gov:
        versions = []
        for number in range(2):
            file = tmp_path / f"{number}.txt"
            file.write_bytes(TREES + b"\n" * number)
            made = gov.registry.register_model(
                "m", model_path=file, model_type="lightgbm", created_by="ada"
            )
            versions.append(gov.registry.transition(made, "validated", by="ada", reason="test"))
        first, second = versions
        since = datetime(2013, 2, 1, 5, tzinfo=UTC)
        assert "initial" in activate_first(gov, first, None, at=since)
        assert "earlier run" in activate_first(gov, first, None)
        assert "1.0.0 stays in production" in activate_first(gov, second, None)
        champion = gov.registry.get_production_model("m")
        assert champion is not None and champion.id == first.id
        assert gov.registry.generation("m") == 1
        replayed = gov.registry.get_production_model("m", at=since)
        assert replayed is not None and replayed.id == first.id
        assert gov.registry.get_production_model("m", at=since - timedelta(hours=1)) is None


TREES = b"tree\nversion=v4\nnum_class=1\nend of trees\n"
