"""Every walk-through of `examples/` runs as a person runs it, and says what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("name", FILES)
def test_a_walk_through_runs_from_any_folder(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())  # all of it happened in its own temporary home


def test_the_registry_service_refuses_what_it_says_it_refuses(tmp_path: Path) -> None:
    from examples.registry_service import main

    said = main(tmp_path)
    refused = [line.split("]")[0] for line in said if line.startswith("refused")]
    assert refused == [
        "refused [metric_conflict",
        "refused [gate_failed",
        "refused [illegal_transition",
    ]
    assert "live biodiversity_ensemble:0.2.0; listed ['0.2.0', '0.1.0']" in said


def test_the_monitoring_service_finds_what_moved_and_nothing_else(tmp_path: Path) -> None:
    from examples.monitoring_service import main

    said = main(tmp_path)
    assert [line.split(",")[0] for line in said[:4]] == [
        "feature1: severe",
        "feature2: normal",
        "habitat: moderate",
        "sensor: insufficient",
    ]
    refused = [line.split("]")[0] for line in said if line.startswith("refused")]
    assert refused == ["refused [invalid_input", "refused [conflict", "refused [drift_disabled"]
    assert "prediction: seen by data_scientist" in said
    assert "4 of 5 alerts are not acknowledged" in said


def test_the_manifest_gates_refuse_force_and_roll_back(tmp_path: Path) -> None:
    from examples.manifest_gates import main

    said = main(tmp_path)
    assert said[:2] == ["v010: bootstrap", "v011: promoted"]
    assert said[2].startswith("v012: rejected, excursions.mfe")
    assert said[3:7] == [
        "refused [reason_required]",
        "v012: promoted, forced True",
        "rollback: v011",
        "refused [artifact_integrity]",
    ]
    assert said[-1] == "ops_status: v011 by rollback"


def test_the_shadow_test_of_document_000_goes_from_registration_to_rollback(
    tmp_path: Path,
) -> None:
    from examples.trading_shadow import main

    said = main(tmp_path)
    assert "refused [dataset_mismatch]: True" in said
    assert any(line.startswith("after 4 sessions eligible False: shadow.sessions") for line in said)
    assert "by stricter criteria eligible False" in said
    assert "promoted 1.0.1, generation 2" in said
    assert "momentum_active -> True" in said
    assert said[-2:] == ["rolled back to 1.0.0", "replayed: same verdict True; audit True"]
