"""The registry benchmark runs and says what it measured; its figures are not judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.harness.timing import Samples


def test_the_last_line_holds_every_operation_target_and_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--versions", "20", "--rounds", "2", "--artifact-bytes", "4096"]
    assert registry.main([*sizes, "--folder", str(tmp_path), "--no-peers", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["ours"]) == set(registry.SAME_END)
    assert result["ours"]["register_model"]["samples"] == 2
    assert result["mlflow"] is None
    assert result["ratios"] is None
    assert set(result["limits"]) == {"fsync", "durable_write", "sqlite_commit", "sha256"}
    assert set(result["targets"]) == {"register_model", "get_production_model"}
    assert list(tmp_path.iterdir()) == []


def test_a_ratio_of_ten_means_that_ours_takes_a_tenth() -> None:
    ours, peer = Samples(), Samples()
    for name, others in registry.SAME_END.items():
        ours.add(name, 2.0)
        for other in others:
            peer.add(other, 20.0)
    assert registry.ratios(ours, peer)["promote_forced"] == {
        "stage_change": 10.0,
        "alias_change": 10.0,
    }
