"""docs/how-to/roll-back.md, typed to the letter on a model with three versions behind it."""

from __future__ import annotations

import json
from pathlib import Path

from governance import Governance
from tests.decisions.history import corrupt, promoted
from tests.docs.pages import ROOT, commands_of
from tests.docs.reader import Reader
from tests.versions import NAME

PAGE = "how-to/roll-back.md"


def test_the_page_goes_back_forward_and_proves_it(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "governance.yaml").write_text("models: {}\n")
    with Governance.open(home=tmp_path / "home") as gov:
        for seed in (1, 2, 3):
            promoted(gov, seed)
        history, back, forward, health, drill, drill_json = Reader(tmp_path).succeeds(
            commands_of(PAGE)
        )
        assert history.count("promotion") == 3
        assert "momentum:1.0.1 is in production (generation 4)" in back
        assert "momentum:1.0.2 is in production (generation 5)" in forward
        assert "asked for by name" in forward
        assert "healthy" in health
        # 1.0.1 was left by a rollback, so the first version is the target.
        assert "1.0.0" in drill and "ok" in drill
        (found,) = json.loads(drill_json)["items"]
        assert found["passed"] and found["target"] == "1.0.0"
        live = gov.registry.get_production_model(NAME)
        assert live is not None
        corrupt(gov, live)
        (said,) = Reader(tmp_path).types(["governance health check"])
        assert said.code == 5 and "1.0.0 took over" in said.text


def test_the_codes_of_the_page_are_those_of_the_product() -> None:
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    errors = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    for code in ("nothing_to_roll_back", "stale_generation", "storage_full", "storage_unavailable"):
        assert f"`{code}`" in page and f"`{code}`" in errors
