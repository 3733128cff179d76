"""docs/how-to/govern-an-external-trainer.md, done to the letter on a trainer's folder."""

from __future__ import annotations

import re
from pathlib import Path

from governance.decisions.manifests.judging import DEFAULTS
from governance.policy.promotion.effective import ENVIRONMENT
from tests.decisions.manifests.trainer import train
from tests.docs.pages import ROOT, commands_of
from tests.docs.reader import Reader

PAGE = "how-to/govern-an-external-trainer.md"


def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    models = tmp_path / "data" / "models"
    models.mkdir(parents=True)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "governance.yaml").write_text("models: {}\n")
    status, evaluate, force, back, named, imported = commands_of(PAGE)
    reader = Reader(tmp_path)
    train(models, "v010")
    first, shown = reader.succeeds([evaluate, status])
    assert "bundle.members" in first
    assert "v010" in shown
    train(models, "v011", feature_version="v4")
    assert (tmp_path / "data" / "pivot_events.sqlite").exists()
    variable, _, rest = force.partition(" ")
    name, _, value = variable.partition("=")
    Reader(tmp_path, {name: value}).succeeds([rest])
    reader.succeeds([back])
    train(models, "v012")
    reader.succeeds([evaluate, named])
    assert "v010" in reader.succeeds([status])[0]
    assert "pivot_rf" in reader.succeeds([imported])[0]


def test_the_table_names_every_variable_with_its_default() -> None:
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r"`(MODEL_GOV_[A-Z_]+)`", page))
    assert named == set(ENVIRONMENT)
    for default in ("reject,break", "5,15,60", "`0`", "`false`", "`1.5`", "`2.0`"):
        assert default in page
    assert {key for key, _ in ENVIRONMENT.values()} == set(DEFAULTS)
