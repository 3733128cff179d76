"""How long the registry takes, beside MLflow's registry and beside what the disk allows.

    python benchmarks/registry.py [--versions 10000] [--rounds 30] [--no-peers] [--json] [--check]

One model with many versions. In each round every operation of ours, of the peer and of the limits
is done in turn, so that a busy machine is busy for all. `make bench-peers` installs the peer; where
it is missing its figures are null. What the figures do and do not compare: benchmarks/README.md.
"""

from __future__ import annotations

import os
import platform
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, the first folder there is this file's own

from benchmarks.harness import command  # noqa: E402 - after the path
from benchmarks.harness.limits import Limits  # noqa: E402 - after the path
from benchmarks.harness.our_registry import OurRegistry  # noqa: E402 - after the path
from benchmarks.harness.peer import Peer  # noqa: E402 - after the path
from benchmarks.harness.timing import Samples, milliseconds  # noqa: E402 - after the path

WARM_UP = 2
PEER_READS = 3  # fewer than ours: a read may take a tenth of a second there

# Our operation -> the peer's operations that a user would call for the same end.
SAME_END = {
    "register_model": ("store_and_create_version", "create_version"),
    "promote_forced": ("stage_change", "alias_change"),
    "get_production_model": ("get_by_stage", "get_by_alias"),
    "get_production_model_at": (),
    "list_models": ("list_page",),
}
TARGETS_MS = {"register_model": 30.0, "get_production_model": 1.0}
WRITES = ("store_and_create_version", "create_version", "stage_change", "alias_change")


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    Attributes:
        versions: of the one model, before the first round.
        artifact_bytes: of each registered artifact.
        rounds: that are counted; a few before them warm up.
    """

    versions: int
    artifact_bytes: int
    rounds: int


def peer_round(peer: Peer, artifact: Path, samples: Samples) -> None:
    for operation in WRITES:
        arguments = {"artifact": str(artifact)} if operation == WRITES[0] else {}
        samples.add(operation, peer.ask(operation, **arguments)["milliseconds"])
    for _ in range(PEER_READS):
        for operation in ("get_by_stage", "get_by_alias", "list_page"):
            samples.add(operation, peer.ask(operation)["milliseconds"])


def artifacts(folder: Path, size: int) -> Iterator[Path]:
    """Files that no two of them are equal, made outside of what is timed."""
    source = random.Random(20130201)
    head = b"tree\nversion=v4\n"
    number = 0
    while True:
        number += 1
        path = folder / f"model-{number}.txt"
        path.write_bytes(head + source.randbytes(size - len(head)))
        yield path


@contextmanager
def prepared(
    folder: Path, sizes: Sizes, peer_python: Path | None
) -> Iterator[tuple[OurRegistry, Peer | None, Limits, str]]:
    """Everything opened and filled; the last value is the peer's version."""
    for name in ("ours", "mlflow", "limits"):
        (folder / name).mkdir()
    with ExitStack() as stack:
        ours = OurRegistry(folder / "ours")
        stack.callback(ours.gov.close)
        peer, version = None, ""
        if peer_python is not None:
            peer = stack.enter_context(Peer("mlflow_registry.py", peer_python, folder / "mlflow"))
            version = peer.ask("open", folder=str(folder / "mlflow"), versions=sizes.versions)[
                "version"
            ]
        limits = Limits(folder / "limits", random.Random(1).randbytes(sizes.artifact_bytes))
        stack.callback(limits.close)
        yield ours, peer, limits, version


def measure(
    folder: Path, sizes: Sizes, peer_python: Path | None, console: Console
) -> dict[str, Any]:
    """Everything of one run as JSON; without `peer_python` the peer's figures are `None`."""
    ours_taken, peer_taken, limits_taken = Samples(), Samples(), Samples()
    files = artifacts(folder, sizes.artifact_bytes)
    with prepared(folder, sizes, peer_python) as (ours, peer, limits, peer_version):
        ours.register(next(files))
        ours.fill(sizes.versions)
        rounds = range(-WARM_UP, sizes.rounds)
        for number in track(rounds, description="rounds", console=console, transient=True):
            artifact = next(files)
            warm = number < 0
            ours.round(artifact, Samples() if warm else ours_taken)
            if peer is not None:
                peer_round(peer, artifact, Samples() if warm else peer_taken)
            for name, operation in limits.operations.items():
                taken = milliseconds(operation)
                if not warm:
                    limits_taken.add(name, taken)
            artifact.unlink()
    return {
        "benchmark": "registry",
        "versions": sizes.versions,
        "artifact_bytes": sizes.artifact_bytes,
        "rounds": sizes.rounds,
        "ours": ours_taken.summary(),
        "mlflow": peer and {"version": peer_version, **peer_taken.summary()},
        "ratios": peer and ratios(ours_taken, peer_taken),
        "limits": limits_taken.summary(),
        "targets": {
            name: {"limit_ms": limit, "met": ours_taken.median(name) <= limit}
            for name, limit in TARGETS_MS.items()
        },
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "processors": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def ratios(ours: Samples, peer: Samples) -> dict[str, dict[str, float]]:
    """The peer's median over ours: 10 means that ours takes a tenth of the time."""
    return {
        name: {other: round(peer.median(other) / ours.median(name), 2) for other in others}
        for name, others in SAME_END.items()
    }


def tables(result: dict[str, Any]) -> Iterator[Table]:
    table = Table(title=f"{result['versions']} versions of one model, milliseconds")
    for column in ("operation", "median", "p95", "target", "MLflow", "median", "ratio"):
        left = column in ("operation", "MLflow")
        table.add_column(column, justify="left" if left else "right", no_wrap=True)
    for name, others in SAME_END.items():
        found, target = result["ours"][name], result["targets"].get(name)
        shown = "" if target is None else f"≤ {target['limit_ms']:g} {'✓✗'[not target['met']]}"
        first = (name, f"{found['median_ms']:.3f}", f"{found['p95_ms']:.3f}", shown)
        for other in (others if result["mlflow"] else ()) or ("-",):
            peer = (result["mlflow"] or {}).get(other)
            table.add_row(
                *first,
                other,
                f"{peer['median_ms']:.3f}" if peer else "",
                f"{result['ratios'][name][other]:g}" if peer else "",
            )
            first = ("", "", "", "")
    yield table
    limits = Table(title="what this disk and processor allow, milliseconds")
    for column in ("limit", "median", "p95"):
        limits.add_column(column, justify="left" if column == "limit" else "right")
    for name, found in result["limits"].items():
        limits.add_row(name, f"{found['median_ms']:.3f}", f"{found['p95_ms']:.3f}")
    yield limits


def main(arguments: list[str] | None = None) -> int:
    return command.run(
        arguments,
        about=__doc__ or "",
        numbers={
            "versions": (10_000, 1),
            "artifact_bytes": (1 << 20, 64),
            "rounds": (30, 1),
        },
        measure=lambda folder, numbers, *rest: measure(folder, Sizes(**numbers), *rest),
        tables=tables,
    )


if __name__ == "__main__":
    sys.exit(main())
