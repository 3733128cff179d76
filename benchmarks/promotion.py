"""How long decisions take: promote by every gate, roll back, replay; beside MLflow's stage change.

    python benchmarks/promotion.py [--versions 10000] [--rounds 30] [--no-peers] [--json] [--check]

In each round every operation of ours, of the peer and of the limits is done in turn, so that a busy
machine is busy for all. `make bench-peers` installs the peer; where it is missing its figures are
null. What a promotion does here and what a stage change does there: benchmarks/README.md.
"""

from __future__ import annotations

import os
import platform
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack
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
from benchmarks.harness.our_promotion import OurPromotion  # noqa: E402 - after the path
from benchmarks.harness.peer import Peer  # noqa: E402 - after the path
from benchmarks.harness.timing import Samples, milliseconds  # noqa: E402 - after the path
from benchmarks.registry import artifacts  # noqa: E402 - after the path

WARM_UP = 2
OURS = {
    "promote_with_effects": "gates, transaction, audit, files",
    "rollback_stored": "load verdict is stored",
    "rollback_probed": "a child process loads it",
    "replay_all": "each by its id",
    "backtest_all": "another policy on all of them",
}
TARGETS_MS = {
    "promote_with_effects": 15.0,
    "rollback_stored": 50.0,
    "rollback_probed": 2000.0,
    "replay_all": 5000.0,
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    Attributes:
        versions: of the promoted model, before the first round.
        artifact_bytes: of a promoted artifact; large_bytes: of one that is rolled back to.
        decisions: that are replayed.
        rounds: that are counted; a few before them warm up. probes: of a rollback without verdict.
    """

    versions: int
    artifact_bytes: int
    large_bytes: int
    decisions: int
    rounds: int
    probes: int = 3


def measure(
    folder: Path, sizes: Sizes, peer_python: Path | None, console: Console
) -> dict[str, Any]:
    """Everything of one run as JSON; without `peer_python` the peer's figures are `None`."""
    ours_taken, peer_taken, limits_taken = Samples(), Samples(), Samples()
    for name in ("ours", "mlflow", "limits", "large"):
        (folder / name).mkdir()
    files = artifacts(folder, sizes.artifact_bytes)
    with ExitStack() as stack:
        ours = OurPromotion(folder / "ours")
        stack.callback(ours.gov.close)
        peer, peer_version = None, ""
        if peer_python is not None:
            peer = stack.enter_context(Peer("mlflow_registry.py", peer_python, folder / "mlflow"))
            asked = peer.ask("open", folder=str(folder / "mlflow"), versions=sizes.versions)
            peer_version = asked["version"]
        limits = Limits(folder / "limits", random.Random(1).randbytes(sizes.artifact_bytes))
        stack.callback(limits.close)
        ours.register(next(files))
        ours.fill(sizes.versions)
        large = ours.large_versions(folder / "large", sizes.large_bytes)
        rounds = range(-WARM_UP, sizes.rounds)
        for number in track(rounds, description="rounds", console=console, transient=True):
            artifact = next(files)
            found = _round(ours, artifact, large, number)
            artifact.unlink()
            theirs = {}
            if peer is not None:
                peer.ask("create_version")
                theirs = {"stage_change": peer.ask("stage_change")["milliseconds"]}
            allowed = {name: milliseconds(one) for name, one in limits.operations.items()}
            if number < 0:
                continue
            for samples, taken in (
                (ours_taken, found),
                (peer_taken, theirs),
                (limits_taken, allowed),
            ):
                for name, value in taken.items():
                    samples.add(name, value)
        for number in range(sizes.probes):
            target = large[(sizes.rounds + number) % 2]
            ours.forget_verdict(target)
            ours_taken.add("rollback_probed", milliseconds(lambda: ours.roll_back(target)))  # noqa: B023 - called at once
        _replays(ours, sizes.decisions, ours_taken)
    return {
        "benchmark": "promotion",
        "versions": sizes.versions,
        "artifact_bytes": sizes.artifact_bytes,
        "large_bytes": sizes.large_bytes,
        "decisions": sizes.decisions,
        "rounds": sizes.rounds,
        "ours": ours_taken.summary(),
        "mlflow": peer and {"version": peer_version, **peer_taken.summary()},
        "ratio": peer
        and round(peer_taken.median("stage_change") / ours_taken.median("promote_with_effects"), 2),
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


def _round(
    ours: OurPromotion, artifact: Path, large: tuple[Any, Any], number: int
) -> dict[str, float]:
    version, approval, at = ours.candidate(artifact)
    target = large[number % 2]
    return {
        "promote_with_effects": milliseconds(lambda: ours.promote(version, approval, at)),
        "rollback_stored": milliseconds(lambda: ours.roll_back(target)),
    }


def _replays(ours: OurPromotion, count: int, samples: Samples) -> None:
    ids = ours.past(count)
    promotion = ours.gov.promotion
    samples.add("replay_all", milliseconds(lambda: [promotion.replay(one) for one in ids]))
    policy = ours.gov.settings.policy_path
    samples.add("backtest_all", milliseconds(lambda: promotion.backtest_policy(policy)))


def tables(result: dict[str, Any]) -> Iterator[Table]:
    table = Table(title=f"{result['versions']} versions of one model, milliseconds")
    for column in ("operation", "what", "median", "p95", "target"):
        left = column in ("operation", "what")
        table.add_column(column, justify="left" if left else "right", no_wrap=True)
    for name, what in OURS.items():
        found, target = result["ours"][name], result["targets"].get(name)
        shown = "" if target is None else f"≤ {target['limit_ms']:g} {'✓✗'[not target['met']]}"
        table.add_row(name, what, f"{found['median_ms']:.3f}", f"{found['p95_ms']:.3f}", shown)
    if result["mlflow"]:
        peer = result["mlflow"]["stage_change"]
        table.add_row(
            f"MLflow {result['mlflow']['version']}",
            "stage change",
            f"{peer['median_ms']:.3f}",
            f"{peer['p95_ms']:.3f}",
            f"ratio {result['ratio']:g}",
        )
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
            "large_bytes": (10_000_000, 64),
            "decisions": (1000, 1),
            "rounds": (30, 1),
        },
        measure=lambda folder, numbers, *rest: measure(folder, Sizes(**numbers), *rest),
        tables=tables,
    )


if __name__ == "__main__":
    sys.exit(main())
