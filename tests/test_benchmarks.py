"""The benchmarks run and say what they measured; their figures are not judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks import drift, promotion, registry, serving
from benchmarks.harness import serving_parts, wrk
from benchmarks.harness.drift_figures import judged
from benchmarks.harness.drift_workload import SIZES, Workload
from benchmarks.harness.fleet import measure_fleet
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


def test_decisions_are_measured_with_every_gate_passing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--versions", "3", "--rounds", "1", "--decisions", "2", "--artifact-bytes", "4096"]
    folder = ["--large-bytes", "4096", "--folder", str(tmp_path), "--no-peers", "--json"]
    assert promotion.main([*sizes, *folder]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["ours"]) == set(promotion.OURS)
    assert set(result["targets"]) == set(promotion.TARGETS_MS)
    assert result["mlflow"] is None and result["ratio"] is None
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


TEN = [
    "incremental_ms",
    "full_s",
    "read_table_s",
    "scipy_s",
    "evidently_s",
    "nannyml_s",
    "incremental_vs_scipy",
    "full_vs_scipy",
    "reference_growth_90_30",
    "peak_mib",
]


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    made = Workload("T", root=tmp_path_factory.mktemp("workload"))
    assert made.make()
    return made


def test_the_drift_line_begins_with_its_ten_figures_and_peers_that_are_missing_are_null(
    workload: Workload, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workload.folder.parent
    assert drift.main(["--size", "T", "--folder", str(folder), "--no-peers", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(result)[:10] == TEN
    assert result["evidently_s"] is None
    assert result["nannyml_s"] is None
    assert all(result[name] > 0 for name in TEN if name not in ("evidently_s", "nannyml_s"))
    assert result["processes"]["full"]["found"] >= 1
    assert result["targets"] is None  # they are stated for another size
    assert list(folder.iterdir()) == [workload.folder]  # no home is left


def test_the_fleet_looks_at_every_model(workload: Workload, tmp_path: Path) -> None:
    found = measure_fleet(workload, 2, tmp_path, processes=1)
    assert found["failed"] == 0
    assert found["models"] == 2
    assert found["met"] is None


def test_a_workload_is_made_once_and_its_seed_makes_it(workload: Workload, tmp_path: Path) -> None:
    assert not workload.make()
    table = pq.read_table(workload.live)
    size = SIZES["T"]
    assert table.num_rows == size.reference_rows + size.current_rows
    assert set(workload.features) < set(table.column_names)
    again = Workload("T", root=tmp_path)
    again.make()
    assert pq.read_table(again.live).equals(table)


def test_targets_are_missed_on_the_wrong_side() -> None:
    found = judged({"incremental_ms": 79.0, "full_vs_scipy": 5.9, "peak_mib": 1331.3})
    assert {name: target["met"] for name, target in found.items()} == {
        "incremental_ms": True,
        "full_vs_scipy": False,
        "peak_mib": False,
    }


def test_serving_without_a_load_generator_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert serving.main(["--json"]) == 0
    said = capsys.readouterr().out
    assert "apt-get install wrk" in said
    assert json.loads(said.splitlines()[-1])["load_generator"] is None


@pytest.mark.skipif(not wrk.installed(), reason="the load comes from wrk")
def test_serving_is_measured_beside_a_bare_route(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    two = {name: serving_parts.READS[name] for name in ("version", "overview")}
    monkeypatch.setattr(serving_parts, "READS", two)
    few = ["--seconds", "1", "--rounds", "1", "--promotions", "2", "--rows", "100", "--models", "3"]
    assert serving.main([*few, "--folder", str(tmp_path), "--no-peers", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["targets"]) == set(serving.TARGETS) - {"to_mlflow"}
    assert result["mlflow"] is None and result["to_mlflow"] is None
    assert result["failed"] == 0
    assert result["promotions"]["promotions"] == 2
    assert result["constant_rate"]["ours"]["requests"] > 100
    assert set(result["management"]["median_ms"]) == set(two)
    assert result["tables"]["failed"] == 0 and result["management"]["failed"] == 0
    assert list(tmp_path.iterdir()) == []


def test_a_late_request_counts_from_when_it_was_due() -> None:
    said = (
        'FOUND {"requests": 3, "seconds": 1.0, "failed": 0, "p50_us": 1, "p99_us": 1, '
        '"max_us": 1, "taken_us": [500, 250000, 245000]}'
    )
    found = wrk.read_found(f"something before\n{said}\n")
    assert (found.median, found.p99, found.rate) == (245.0, 250.0, 3.0)
