"""Many models, one hourly look each, as an hour of the DAG does it: shards in two processes.

    python benchmarks/harness/fleet.py HOME AT MODEL...

looks at these models, one shard after the other, and prints one line of JSON. The models are copies
of one: each has its version, its profiles and its outbox, and all read the same live data.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import Connection, literal, select

from benchmarks.harness.drift_workload import DAY, HOUR, Workload
from benchmarks.harness.memory import peak_mib
from benchmarks.harness.our_drift import declare, put_into_production
from governance.errors import DriftScanError
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.records import baseline_store
from governance.store.drift_tables import drift_baselines, drift_profiles
from governance.wiring import Governance

SHARD: Final = 50  # models in a task of the DAG
LIMIT_S: Final = 180.0
AT: Final = DAY + 13 * HOUR


def opened(home: Path) -> Governance:
    return Governance.open(home=home, database=f"sqlite:///{home / 'governance.db'}")


def prepare(home: Path, workload: Workload, models: Sequence[str]) -> None:
    """All models in production, each with all profiles up to the hour before the look.

    Each has a baseline of its own, so that none is found decoded because of another.
    """
    home.mkdir(parents=True, exist_ok=True)
    declare(home, models, workload)
    with opened(home) as gov:
        for name in models:
            put_into_production(gov, name, home)
        gov.drift.scan(models[0], at=AT - HOUR)
        versions = [gov.registry.get_production_model(name) for name in models]
        source, *targets = [version.id for version in versions if version is not None]
        with gov.database.read() as connection:
            data = connection.execute(select(drift_baselines.c.data)).scalar_one()
        baseline = Baseline.decode(bytes(data))
        for number, target in enumerate(targets, start=1):
            with gov.database.begin() as tx:
                own = replace(baseline, rows=baseline.rows + number)
                baseline_store.keep(tx, target, baseline_store.store(tx, own), "first_reference")
                copy_profiles(tx, source, target)
    look(home, AT - HOUR, models)  # what is computed once a day is there


def copy_profiles(tx: Connection, source: str, target: str) -> None:
    columns = [column for column in drift_profiles.c if column.name != "version_id"]
    rows = select(literal(target), *columns).where(drift_profiles.c.version_id == source)
    names = ["version_id", *(column.name for column in columns)]
    tx.execute(drift_profiles.insert().from_select(names, rows))


def run(home: Path, at: datetime, models: Sequence[str], processes: int) -> list[dict[str, Any]]:
    """One look at every model; what each process printed.

    Raises:
        RuntimeError: a process failed; the text holds the end of what it printed.
    """
    started = []
    for number in range(processes):
        command = [sys.executable, str(Path(__file__)), str(home), at.isoformat()]
        started.append(
            subprocess.Popen(
                [*command, *models[number::processes]],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    answers = []
    for process in started:
        out, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(f"a process of the fleet failed:\n{errors[-2000:]}")
        answers.append(json.loads(out.splitlines()[-1]))
    return answers


def measure_fleet(
    workload: Workload, models: int, folder: Path, *, processes: int = 2
) -> dict[str, Any]:
    """Seconds from the start of the processes to the end of the last one; memory of the largest."""
    names = [f"model-{number:04}" for number in range(models)]
    home = folder / "home"
    prepare(home, workload, names)
    started = time.perf_counter()
    answers = run(home, AT, names, processes)
    seconds = time.perf_counter() - started
    return {
        "models": models,
        "processes": processes,
        "seconds": round(seconds, 2),
        "ms_per_model": round(seconds * 1e3 * processes / models, 2),
        "failed": models - sum(answer["reports"] for answer in answers),
        "peak_mib": round(max(answer["peak_mib"] for answer in answers), 1),
        "few_models": min(SHARD * processes, models),
        "few_peak_mib": round(max(answer["few_peak_mib"] for answer in answers), 1),
        "limit_s": LIMIT_S,
        "met": seconds <= LIMIT_S if models >= 1000 else None,
    }


def look(home: Path, at: datetime, models: Sequence[str]) -> dict[str, Any]:
    """One look at each, through what a task of the DAG calls."""
    reports, peaks = 0, []
    with opened(home) as gov:
        for start in range(0, len(models), SHARD):
            try:
                reports += len(gov.drift.scan_shard(models[start : start + SHARD], at=at))
            except DriftScanError as error:
                reports += len(error.reports)
            peaks.append(peak_mib())
    return {"reports": reports, "few_peak_mib": peaks[0], "peak_mib": peaks[-1]}


if __name__ == "__main__":
    answer = look(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), sys.argv[3:])
    print(json.dumps(answer))
