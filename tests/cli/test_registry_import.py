"""`governance registry import` says which kind a foreign model got, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.decisions.manifests.trainer import train

DECLARED = Path(__file__).parents[1] / "dags" / "governance.yaml"


def test_the_kind_is_told_with_its_reason(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    train(models, "v010")
    how = ("--models-dir", str(models), "--candidate")
    said = run("registry", "import", "tiny", *how)
    assert said.code == 0, said.err
    assert "its kind is trading: governance.yaml does not declare the model" in said.err
    monkeypatch.setenv("GOVERNANCE_CONFIG", str(DECLARED))
    again = run("registry", "import", "tiny", *how, "-o", "json")
    assert again.json["kind"] == "trading" and "a version keeps its kind" in again.err
    train(models, "v011")
    other = run("registry", "import", "tiny", *how, "-o", "json")
    assert other.json["kind"] != "trading"
    assert f"its kind is {other.json['kind']}: governance.yaml declares it" in other.err
