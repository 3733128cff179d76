"""`governance manifest`: document 004's command line, its variables and its exit codes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.decisions.manifests.trainer import JANUARY, stats, train


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def test_evaluate_status_and_rollback_as_document_004_calls_them(
    run: Run, models: Path, tmp_path: Path
) -> None:
    base = ("manifest", "--models-dir", str(models), "--ops-db", str(tmp_path / "ops.sqlite"))
    for version in ("v010", "v011"):
        train(models, version)
        said = run(*base, "evaluate", "--output", "json")
        assert said.code == 0, said.err
        assert said.json["active_version"] == version
    shown = run(*base, "evaluate")
    assert shown.code == 0
    assert "no_change" in shown.err
    back = run(*base, "rollback", "--to-version", "v010", "--reason", "v011 loses money")
    assert back.code == 0, back.err
    assert "active: v010 (generation 3)" in back.err
    status = run(*base, "status", "-o", "json")
    assert status.json["active_version"] == "v010"
    assert status.json["state"]["previous_active_version"] == "v011"
    assert "v010" in run(*base, "status").out
    with closing(sqlite3.connect(tmp_path / "ops.sqlite")) as connection:
        query = "SELECT value FROM ops_status WHERE key = 'model_governance_last_action'"
        assert connection.execute(query).fetchone() == ("rollback",)


def test_a_refused_candidate_ends_with_the_code_of_a_failed_gate(run: Run, models: Path) -> None:
    base = ("manifest", "--models-dir", str(models))
    train(models, "v010", thresholds={"reject": {"5": 2.0}})
    said = run(*base, "evaluate")
    assert said.code == 3
    assert "bundle.thresholds" in said.out
    assert "error [gate_failed]" in said.err
    train(models, "v011", thresholds=None)
    assert run(*base, "evaluate").code == 4  # insufficient evidence
    assert run(*base, "rollback").code == 3
    assert run("manifest", "--models-dir", str(models / "none"), "status").code == 1


def test_the_variable_forces_with_a_reason_only(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = ("manifest", "--models-dir", str(models))
    train(models, "v010")
    run(*base, "evaluate")
    train(models, "v011", feature_version="v4")
    monkeypatch.setenv("MODEL_GOV_FORCE_PROMOTE", "1")
    refused = run(*base, "evaluate")
    assert refused.code != 0
    assert "needs a reason" in refused.err
    done = run(*base, "evaluate", "--reason", "features were renamed", "-o", "json")
    assert done.json["forced"] is True
    audit = run("audit", "list", "-o", "json").json["items"]
    assert any(entry["action"] == "manifest.promoted" for entry in audit)


def test_force_takes_no_manifest_without_model_files_and_is_not_advised_again(
    run: Run, models: Path
) -> None:
    (models / "manifest_latest.json").write_text('{"version": "v99", "models": []}')
    evaluate = ("manifest", "--models-dir", str(models), "evaluate")
    said = run(*evaluate, "--force-promote", "--reason", "it must be")
    assert said.code in (3, 4) and "v99 names no model file" in said.err
    assert "--force-promote" not in said.err and "--force-promote" in run(*evaluate).err
    assert not (models / "manifest_active.json").exists()


def test_a_misspelt_variable_is_refused_before_any_gate_is_asked(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(models, "v010")
    monkeypatch.setenv("MODEL_GOV_MAX_MFE_REGRESION_BPS", "0.1")
    refused = run("manifest", "--models-dir", str(models), "evaluate")
    assert refused.code == 2
    assert "did you mean MODEL_GOV_MAX_MFE_REGRESSION_BPS?" in refused.err
    assert not (models / "manifest_active.json").exists()
    assert run("manifest", "--models-dir", str(models), "status").code == 0


@pytest.mark.parametrize(
    ("variable", "value", "gate"),
    [
        ("MODEL_GOV_REQUIRED_HORIZONS", "5,15", "bundle.horizons"),
        ("MODEL_GOV_REQUIRED_TARGETS", "reject", "bundle.targets"),
        ("MODEL_GOV_ALLOW_FEATURE_VERSION_CHANGE", "false", "feature_version"),
        ("MODEL_GOV_MIN_TRAINED_END_DELTA_MS", "-1000", "freshness"),
        ("MODEL_GOV_MAX_MFE_REGRESSION_BPS", "3", "excursions.mfe"),
        ("MODEL_GOV_MAX_MAE_WORSENING_BPS", "3", "excursions.mae"),
    ],
)
def test_the_environment_says_what_is_asked(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, gate: str
) -> None:
    evaluate = ("manifest", "--models-dir", str(models), "evaluate", "-o", "json")
    train(models, "v010")
    run(*evaluate)
    few = {"reject": {"5": "rf_reject_5m_v010.bin", "15": "rf_reject_15m_v010.bin"}}
    ended = int(JANUARY.timestamp() * 1000) - 500
    train(models, "v011", models=few, trained_end_ts=ended, stats=stats(9.5, -10.5))

    def result() -> str | None:
        checks = run(*evaluate).json["checks"]
        return next((check["result"] for check in checks if check["gate"] == gate), None)

    before = result()
    monkeypatch.setenv(variable, value)
    assert (before, result()) == (
        ("pass", "pass") if gate == "feature_version" else ("fail", "pass")
    )


def test_options_that_make_no_sense_are_refused(run: Run, models: Path) -> None:
    base = ("manifest", "--models-dir", str(models), "evaluate")
    train(models, "v010")
    assert "whole numbers" in run(*base, "--required-horizons", "5,x").err
    assert run(*base, "--max-mfe-regression-bps", "nan").code != 0
    assert run(*base, "--max-mae-worsening-bps", "-1").code != 0


def test_a_foreign_manifest_is_brought_into_the_registry(run: Run, models: Path) -> None:
    train(models, "v010")
    assert run("registry", "import", "pivot_rf", "--models-dir", str(models)).code == 1
    said = run("registry", "import", "pivot_rf", "--models-dir", str(models), "--candidate")
    assert said.code == 0, said.err
    assert "governance validate pivot_rf:1.0.0" in said.err
    listed = run("registry", "list", "-o", "json").json["items"]
    assert [item["version"] for item in listed] == ["1.0.0"]
