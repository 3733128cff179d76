"""`governance validation backtest`: the call's figures, its exit codes, and nothing recorded."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance import Governance
from tests.cli.conftest import Run
from tests.training.small_model import declare, rows, write


@pytest.fixture
def ref(home: Path, tmp_path: Path) -> str:
    write(rows(), tmp_path / "levels.csv")
    declare(home, tmp_path / "levels.csv")
    at = datetime(2020, 10, 1, tzinfo=UTC)
    with Governance.open(home=home) as gov:
        for step in ("check_data", "train"):
            getattr(gov.cycle, step)("small", run="a", at=at)
        return str(gov.cycle.register("small", run="a", at=at, by="ann")["ref"])


def test_a_window_is_evaluated_and_shown(run: Run, ref: str) -> None:
    window = ("--from", "2020-07-01T00:00:00Z", "--to", "2020-08-01T00:00:00Z")
    before = run("audit", "list", "-o", "json").json
    said = run("validation", "backtest", ref, *window, "-o", "json")
    assert said.code == 0
    assert said.json["windows"][0]["overlaps_training"] is True
    assert said.json["rows"] == 30
    assert 0 <= said.json["metrics"]["test"]["auc"] <= 1
    assert {row["in_training"] for row in said.json["metrics"].values()} == {True}
    table = run("validation", "backtest", ref, *window)
    assert table.code == 0 and "in_training" in table.out and "nothing was recorded" in table.err
    assert re.search(r"\btest\W+yes\b", table.out) and not re.search(r"\btest\W+no\b", table.out)
    assert run("audit", "list", "-o", "json").json == before


@pytest.mark.parametrize(
    ("start", "code"),
    [("2019-01-01T00:00:00Z", "backtest_window"), ("2020-07-01", "naive_datetime")],
)
def test_a_wrong_window_is_a_usage_error(run: Run, ref: str, start: str, code: str) -> None:
    said = run(
        "validation", "backtest", ref, "--from", start, "--to", "2020-08-01T00:00:00Z", "-o", "json"
    )
    assert said.code == 2
    assert code in said.err
