"""One comparison of the whole reference with the day, in a process of its own, from Parquet.

Peers answer through ``peer`` and time themselves, so their imports do not count; of ours the whole
process counts, from its start to its end.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.drift_workload import DAY, TIME, Workload
from benchmarks.harness.peer import Peer, PeerFailedError

FULL: Final = Path(__file__).with_name("full_recompute.py")


@dataclass(frozen=True, slots=True)
class Run:
    """
    Attributes:
        seconds: of the work; process_seconds: from the start of the process until its answer.
        peak_mib: most memory that the process held.
        drifted: columns that it calls drifted.
    """

    seconds: float
    process_seconds: float
    peak_mib: float
    version: str
    drifted: tuple[str, ...]


@dataclass(slots=True)
class Runs:
    """All runs of one contestant."""

    taken: list[Run] = field(default_factory=list)

    def median(self, figure: str = "seconds") -> float | None:
        """Of ``seconds``, ``process_seconds`` or ``peak_mib``; None without runs.

        >>> runs = Runs([Run(seconds, 9, 100, "1", ()) for seconds in (3.0, 1.0, 2.0)])
        >>> runs.median(), Runs().median()
        (2.0, None)
        """
        found = [getattr(run, figure) for run in self.taken]
        return float(statistics.median(found)) if found else None

    def as_json(self, shifted: Collection[str]) -> dict[str, Any] | None:
        if not self.taken:
            return None
        last = self.taken[-1]
        return {
            "version": last.version,
            "runs": len(self.taken),
            "seconds": round(self.median() or 0.0, 4),
            "process_seconds": round(self.median("process_seconds") or 0.0, 4),
            "peak_mib": round(max(run.peak_mib for run in self.taken), 1),
            "found": len(set(last.drifted) & set(shifted)),
            "others": len(set(last.drifted) - set(shifted)),
        }


def ask_peer(script: str, python: Path, workload: Workload, folder: Path) -> Run:
    """One comparison by a peer.

    Raises:
        PeerFailedError: it gave no answer.
    """
    started = time.perf_counter()
    with Peer(script, python, folder) as peer:
        answer = peer.ask(
            "compare",
            folder=str(workload.live),
            day=DAY.date().isoformat(),
            time=TIME,
            numeric=workload.numeric,
            categorical=workload.categorical,
        )
        whole = time.perf_counter() - started
    return Run(
        answer["seconds"], whole, answer["peak_mib"], answer["version"], tuple(answer["drifted"])
    )


def recompute(workload: Workload, layout: Path) -> Run:
    """One full recompute by ours; the file ``layout`` holds the edges.

    Raises:
        PeerFailedError: the process failed; the text holds the end of what it printed.
    """
    command = [sys.executable, str(FULL), workload.name, str(workload.seed), str(layout)]
    command.append(str(workload.folder.parent))
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - started
    if done.returncode:
        raise PeerFailedError(f"the full recompute failed:\n{done.stderr[-2000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return Run(whole, whole, answer["peak_mib"], "", tuple(answer["drifted"]))
