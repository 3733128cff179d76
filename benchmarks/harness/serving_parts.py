"""The parts of the serving benchmark: constant rate, throughput, promotions, tables, management.

Each gives plain figures; `benchmarks/serving.py` puts them together. Where several servers are
measured they take turns, round by round.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import wrk
from benchmarks.harness.server import Server, governance
from benchmarks.harness.serving_home import (
    FEATURES,
    MODEL,
    Bodies,
    booster,
    fill,
    put_into_production,
    token,
)
from governance.wiring import Governance

RATE = 200.0  # requests a second
ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
PREDICT = f"/api/v1/models/{MODEL}/predict"
READS = {
    "models": "/models",
    "versions": "/models/model-00500/versions",
    "version": "/models/model-00500/versions/1.0.0",
    "all_versions": "/versions",
    "decisions": "/decisions",
    "audit": "/audit",
    "drift_reports": "/drift/reports",
    "overview": "/dashboard",
}
PROMOTIONS = Path(__file__).with_name("our_promotions.py")

Targets = Mapping[str, wrk.Target]
Said = Callable[[str], object]


def constant_rate(targets: Targets, *, rounds: int, seconds: float) -> dict[str, wrk.Found]:
    """By name: every request of all rounds."""
    runs: dict[str, list[wrk.Found]] = {name: [] for name in targets}
    for target in targets.values():  # whatever is done for the first time
        wrk.paced(target, seconds=1, rate=RATE)
    for _ in range(rounds):
        for name, target in targets.items():
            runs[name].append(wrk.paced(target, seconds=seconds, rate=RATE))
    return {name: wrk.together(found) for name, found in runs.items()}


def throughput(targets: Targets, *, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """By name: requests a second over four connections, the median of the rounds."""
    runs: dict[str, list[wrk.Found]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, target in targets.items():
            runs[name].append(wrk.fast(target, seconds=seconds))
    return {
        name: {
            "per_s": round(statistics.median(run.rate for run in found), 1),
            "median_ms": round(statistics.median(run.median for run in found), 3),
            "p99_ms": round(statistics.median(run.p99 for run in found), 3),
            "failed": sum(run.failed for run in found),
        }
        for name, found in runs.items()
    }


def promotions(home: Path, server: Server, target: wrk.Target, count: int) -> dict[str, Any]:
    """Promotions by another process, while requests come at the constant rate."""
    assert target.token is not None
    command = [sys.executable, str(PROMOTIONS), str(home), str(count), server.url, target.token]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the promotions could not be prepared")
        with wrk.Paced(target, rate=RATE) as load:
            said, _ = process.communicate("go\n", timeout=600)
            under = load.stop()
    if process.returncode != 0:
        raise RuntimeError("a promotion was not seen")
    found = json.loads(said.splitlines()[-1])
    return {
        "promotions": len(found["seen_ms"]),
        "requests": under.requests,
        "failed": under.failed,
        "p99_ms": round(under.p99, 3),
        "promoted_median_ms": round(statistics.median(found["promoted_ms"]), 3),
        "seen_median_ms": round(statistics.median(found["seen_ms"]), 3),
        "seen_max_ms": round(max(found["seen_ms"]), 3),
    }


def tables(
    target: wrk.Target, bodies: Bodies, *, rows: int, rounds: int, seconds: float
) -> dict[str, Any]:
    """Rows a second with bodies of so many rows, over two connections."""
    made: dict[str, list[float]] = {"arrow": [], "parquet": []}
    failed = 0
    for _ in range(rounds):
        for name, path, kind in (
            ("arrow", bodies.arrow, ARROW),
            ("parquet", bodies.parquet, PARQUET),
        ):
            asked = wrk.Target(target.url, path, kind, target.token)
            found = wrk.fast(asked, seconds=seconds, connections=2)
            made[name].append(found.rate * rows)
            failed += found.failed
    return {
        "rows": rows,
        "failed": failed,
        **{f"{name}_rows_per_s": round(statistics.median(one)) for name, one in made.items()},
    }


def management(folder: Path, *, models: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of each read over one connection, in a home with so many models."""
    home = folder / "managed"
    with Governance.open(home=home) as gov:
        put_into_production(gov, booster(5), "1.0.0")
        secret = token(gov, "viewer")
        fill(gov, models, 10)
    runs: dict[str, list[wrk.Found]] = {name: [] for name in READS}
    with Server(
        governance(home, "api", "serve", "--port", "{port}"),
        ready="/api/v1/health/live",
        messages=folder / "managed.log",
        GOVERNANCE_API_REQUESTS_PER_SECOND="0",
    ) as server:
        for path in READS.values():  # each answers 200, or the run ends
            server.get(f"/api/v1{_at(path, models)}", secret)
        for _ in range(rounds):
            for name, path in READS.items():
                target = wrk.Target(f"{server.url}/api/v1{_at(path, models)}", token=secret)
                runs[name].append(wrk.fast(target, seconds=1, connections=1))
    return {
        "models": models,
        "failed": sum(run.failed for found in runs.values() for run in found),
        "median_ms": {
            name: round(statistics.median(run.median for run in found), 3)
            for name, found in runs.items()
        },
    }


def booster_alone(calls: int = 2000) -> float:
    """Milliseconds of `booster.predict` on one row, called in a loop: the median."""
    model, row = booster(), np.zeros((1, len(FEATURES)))
    taken = []
    for _ in range(calls):
        started = time.perf_counter()
        model.predict(row, num_threads=1)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e3


def _at(path: str, models: int) -> str:
    return path.replace("model-00500", f"model-{max(1, models // 2):05d}")
