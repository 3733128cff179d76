"""`governance config check` names file and model of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

CONFIG = Path(__file__).parents[2] / "config" / "governance.yaml"


@pytest.mark.parametrize(
    ("model", "right", "wrong", "named"),
    [
        ("momentum", "sp500:bars", "sp500:rabs", "rabs"),
        ("momentum", "dependencies: [high, low]", "dependencies: [hi, low]", "day_range"),
        ("momentum", "feature_logic:day_range", "feature_logic:day_ranch", "day_ranch"),
        ("arrival_delay", "flights:departures", "flights:partures", "drift.live"),
    ],
    ids=["function", "dependency", "logic", "live data"],
)
def test_what_cannot_be_used_is_named_with_its_file_and_model(
    run: Run, tmp_path: Path, model: str, right: str, wrong: str, named: str
) -> None:
    path = tmp_path / "governance.yaml"
    assert right in CONFIG.read_text()
    path.write_text(CONFIG.read_text().replace(right, wrong))
    said = run("config", "check", str(path))
    assert (said.code, said.out) == (2, "")
    shown = said.err.replace("\n", "")
    assert str(path) in shown and f"models.{model}" in shown and named in shown
