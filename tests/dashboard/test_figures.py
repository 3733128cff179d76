"""The benchmark of the pages runs and says what it measured; its figures are not judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import dashboard


def test_every_page_is_measured_with_its_size_and_statements(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = "--models 6 --versions 3 --entries 2000 --incidents 20 --features 15 --days 35"
    arguments = [*sizes.split(), "--rounds", "1", "--folder", str(tmp_path), "--json"]
    assert dashboard.main(arguments) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["pages"]) == set(result["targets"]) >= {"overview", dashboard.HEAT, "a cell"}
    for said in result["pages"].values():
        assert said["samples"] == 1 and 0 < said["statements"] < 35
        assert said["bytes"] < said["all_bytes"] < dashboard.LIMIT_BYTES
