"""How long predictions over HTTP take, beside a bare route and MLflow's scoring server.

    python benchmarks/serving.py [--seconds 10] [--rounds 3] [--promotions 100] [--rows 100000]
                                 [--models 1000] [--no-peers] [--json] [--check]

Needs `wrk` (`apt-get install wrk`); every server is a process of its own, and they take turns.
`make bench-peers` installs MLflow; where it is missing its figures are null. What stands beside
what: benchmarks/README.md.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, the first folder there is this file's own

from benchmarks.harness import command, serving_parts, wrk  # noqa: E402 - after the path
from benchmarks.harness.peer import PEERS  # noqa: E402 - after the path
from benchmarks.harness.server import Server, governance  # noqa: E402 - after the path
from benchmarks.harness.serving_home import (  # noqa: E402 - after the path
    MODEL,
    Bodies,
    booster,
    put_into_production,
    token,
    write_bodies,
)
from governance.wiring import Governance  # noqa: E402 - after the path

TARGETS = {
    "p99_ms": ("≤", 10.0, "p99 of one row at 200 requests/s, ms"),
    "overhead_ms": ("≤", 1.0, "median above a bare route, ms"),
    "to_mlflow": ("≥", 8.0, "throughput, times MLflow's"),
    "failed": ("≤", 0.0, "failed requests over the promotions"),
    "seen_max_ms": ("≤", 1000.0, "slowest promotion until it answers, ms"),
    "arrow_rows_per_s": ("≥", 200_000.0, "rows/s, Arrow IPC"),
    "parquet_rows_per_s": ("≥", 200_000.0, "rows/s, Parquet"),
    "slowest_read_ms": ("≤", 10.0, "slowest management read, median ms"),
}
NAMES = {"ours": "ours", "bare": "bare FastAPI route", "empty": "empty FastAPI route"}


def measure(
    folder: Path, numbers: dict[str, int], peer_python: Path | None, console: Console
) -> dict[str, Any]:
    """Everything of one run as JSON; without `peer_python` the peer's figures are `None`."""
    rounds, seconds = numbers["rounds"], float(numbers["seconds"])
    home, model = folder / "home", folder / "model.txt"
    bodies = write_bodies(folder, numbers["rows"])
    booster().save_model(model)
    with Governance.open(home=home) as gov:
        put_into_production(gov, booster(), "1.0.0")
        secret = token(gov, "operator")
    with ExitStack() as stack:
        ours, targets = _servers(stack, folder, home, model, bodies, secret)
        console.print("one row at a constant rate ...")
        paced = serving_parts.constant_rate(targets, rounds=rounds, seconds=seconds)
        if peer_python is not None:
            peer = _mlflow(folder, model, peer_python)
            url = f"{stack.enter_context(peer).url}/invocations"
            targets["mlflow"] = wrk.Target(url, bodies.one_row_mlflow)
        console.print("throughput ...")
        fast = serving_parts.throughput(targets, rounds=rounds, seconds=max(1, seconds * 0.4))
        console.print("promotions ...")
        changed = serving_parts.promotions(home, ours, targets["ours"], numbers["promotions"])
        console.print("many rows ...")
        many = serving_parts.tables(
            targets["ours"],
            bodies,
            rows=numbers["rows"],
            rounds=min(rounds, 2),
            seconds=max(1, seconds * 0.4),
        )
        log = ours.get(f"/api/v1/models/{MODEL}/status", secret)["prediction_log"]
    console.print("management ...")
    managed = serving_parts.management(folder, models=numbers["models"], rounds=min(rounds, 2))
    peer_rate = fast["mlflow"]["per_s"] if "mlflow" in fast else None
    figures: dict[str, Any] = {
        "p50_ms": round(paced["ours"].median, 3),
        "p99_ms": round(paced["ours"].p99, 3),
        "max_ms": round(paced["ours"].taken[-1], 3),
        "overhead_ms": round(paced["ours"].median - paced["bare"].median, 3),
        "per_s": fast["ours"]["per_s"],
        "to_mlflow": peer_rate and round(fast["ours"]["per_s"] / peer_rate, 2),
        "failed": changed["failed"] + paced["ours"].failed + fast["ours"]["failed"],
        "seen_max_ms": changed["seen_max_ms"],
        "arrow_rows_per_s": many["arrow_rows_per_s"],
        "parquet_rows_per_s": many["parquet_rows_per_s"],
        "slowest_read_ms": max(managed["median_ms"].values()),
    }
    return {
        "benchmark": "serving",
        **figures,
        "constant_rate": {
            "per_s": serving_parts.RATE,
            **{
                name: {
                    "median_ms": round(found.median, 3),
                    "p99_ms": round(found.p99, 3),
                    "max_ms": round(found.taken[-1], 3),
                    "requests": found.requests,
                    "failed": found.failed,
                }
                for name, found in paced.items()
            },
        },
        "throughput": fast,
        "mlflow": fast.get("mlflow"),
        "promotions": changed,
        "tables": {**many, "log_dropped_rows": log["dropped_rows"]},
        "management": managed,
        "limits": {"booster_ms": round(serving_parts.booster_alone(), 4)},
        "targets": {
            name: {"limit": limit, "met": _met(sign, figures[name], limit)}
            for name, (sign, limit, _) in TARGETS.items()
            if figures[name] is not None
        },
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _servers(
    stack: ExitStack, folder: Path, home: Path, model: Path, bodies: Bodies, secret: str
) -> tuple[Server, dict[str, wrk.Target]]:
    ours = stack.enter_context(
        Server(
            governance(home, "serve", "--port", "{port}"),
            ready="/api/v1/health/ready",
            messages=folder / "serve.log",
        )
    )
    bare = stack.enter_context(
        Server(
            [sys.executable, str(PEERS / "bare_route.py"), str(model), "{port}"],
            ready="/empty",
            messages=folder / "bare.log",
        )
    )
    return ours, {
        "ours": wrk.Target(f"{ours.url}{serving_parts.PREDICT}", bodies.one_row, token=secret),
        "bare": wrk.Target(f"{bare.url}/predict", bodies.one_row),
        "empty": wrk.Target(f"{bare.url}/empty"),
    }


def _mlflow(folder: Path, model: Path, python: Path) -> Server:
    (folder / "mlflow").mkdir()
    script = str(PEERS / "mlflow_scoring.py")
    return Server(
        [str(python), script, str(model), str(folder / "mlflow"), "{port}"],
        ready="/ping",
        messages=folder / "mlflow.log",
    )


def _met(sign: str, found: float, limit: float) -> bool:
    return found <= limit if sign == "≤" else found >= limit


def tables(result: dict[str, Any]) -> Iterator[Table]:
    names = {**NAMES, "mlflow": "MLflow's scoring server"}
    yield _table(
        "one row, milliseconds at 200 requests/s",
        ("server", "median", "p99", "max", "failed"),
        [
            (
                names[name],
                *(f"{one[key]:.3f}" for key in ("median_ms", "p99_ms", "max_ms")),
                str(one["failed"]),
            )
            for name, one in result["constant_rate"].items()
            if name != "per_s"
        ],
    )
    yield _table(
        "one row, four connections",
        ("server", "requests/s", "median ms", "p99 ms"),
        [
            (names[name], f"{one['per_s']:,.0f}", f"{one['median_ms']:.3f}", f"{one['p99_ms']:.3f}")
            for name, one in result["throughput"].items()
        ],
    )
    changed = result["promotions"]
    table = _table(
        f"management reads, {result['management']['models']:,} models, milliseconds",
        ("read", "median"),
        [(name, f"{one:.3f}") for name, one in result["management"]["median_ms"].items()],
    )
    yield table
    judged = _table(
        "targets",
        ("what", "measured", "target", ""),
        [
            (words, f"{result[name]:,.2f}", f"{sign} {limit:,.0f}", "✓" if one["met"] else "✗")
            for name, (sign, limit, words) in TARGETS.items()
            if (one := result["targets"].get(name))
        ],
    )
    judged.caption = (
        f"{changed['promotions']} promotions under {changed['requests']:,} requests: answered by "
        f"the new version after {changed['seen_median_ms']:.0f} ms (median); booster.predict alone "
        f"{result['limits']['booster_ms']:.3f} ms; rows dropped by the log in the batches: "
        f"{result['tables']['log_dropped_rows']:,}; Python {result['python']}, "
        f"{result['processors']} processors, load {result['load_average']}"
    )
    yield judged


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def main(arguments: list[str] | None = None) -> int:
    if not wrk.installed():
        print(
            "wrk is not installed, nothing was measured: apt-get install wrk, or brew install wrk"
        )
        print(json.dumps({"benchmark": "serving", "load_generator": None}))
        return 0
    return command.run(
        arguments,
        about=__doc__ or "",
        numbers={
            "seconds": (10, 1),
            "rounds": (3, 1),
            "promotions": (100, 1),
            "rows": (100_000, 10),
            "models": (1000, 2),
        },
        measure=measure,
        tables=tables,
    )


if __name__ == "__main__":
    sys.exit(main())
