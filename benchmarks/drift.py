"""How long drift takes: the hourly look, and everything anew, beside peers and the limits.

    python benchmarks/drift.py [--size S|M] [--rounds N] [--peer-rounds N] [--no-peers]
                               [--fleet 1000] [--json]

Everything is measured in one run and in turn, so that a busy machine is busy for all. `make
bench-peers` installs the peers; where one is missing its figures are null. What the figures do and
do not compare: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import track

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, the first folder there is this file's own

from benchmarks.harness.contestant import Runs, ask_peer, recompute  # noqa: E402 - after the path
from benchmarks.harness.drift_figures import result_of, shown  # noqa: E402 - after the path
from benchmarks.harness.drift_workload import DAY, HOUR, SIZES, Workload  # noqa: E402
from benchmarks.harness.fleet import measure_fleet  # noqa: E402 - after the path
from benchmarks.harness.looks import Looks  # noqa: E402 - after the path
from benchmarks.harness.peer import ENVIRONMENTS, interpreter_of  # noqa: E402 - after the path

PEERS: Final = ("evidently", "nannyml")


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each is done.

    Attributes:
        rounds: of ours, scipy and the limits; peer_rounds: of the peers, which take minutes.
        before, after: the looks go on hour by hour from so many hours before the day to so many
            hours of it.
    """

    rounds: int
    peer_rounds: int
    before: int = 24
    after: int = 24

    def looks(self) -> list[datetime]:
        return [DAY + number * HOUR for number in range(-self.before, self.after + 1)]


# The peers take minutes for a comparison of M, and seconds to start at all.
PLANS: Final = {
    "T": Plan(1, 0, before=1, after=2),
    "S": Plan(2, 1, before=2, after=14),
    "M": Plan(5, 3),
}

SCRIPTS = {"read_table": "read_table.py", "scipy": "scipy_drift.py"}
LOCAL = ("full", *SCRIPTS)  # they run in this environment


def parts(items: Sequence[datetime], number: int) -> Iterator[Sequence[datetime]]:
    """The items in order, in so many parts of about equal length.

    >>> [len(part) for part in parts([DAY] * 49, 5)]
    [9, 10, 10, 10, 10]
    """
    for part in range(number):
        yield items[len(items) * part // number : len(items) * (part + 1) // number]


def measure(
    workload: Workload, plan: Plan, folder: Path, *, peers: bool, console: Console
) -> dict[str, Any]:
    """Everything of one run as JSON, see ``drift_figures.result_of``."""
    runs = {name: Runs() for name in (*LOCAL, *PEERS)}
    pythons = {name: interpreter_of(name) if peers else None for name in PEERS}
    with ExitStack() as stack:
        looks = Looks(workload, folder, stack, plan.before)
        layout = folder / "layout"
        layout.write_bytes(looks.short.baseline().layout.encode())
        rounds = enumerate(parts(plan.looks(), plan.rounds))
        for number, moments in track(
            rounds, "rounds", plan.rounds, console=console, transient=True
        ):
            turn = number % len(LOCAL)  # nobody always goes first, after the peers' minutes
            for name in LOCAL[turn:] + LOCAL[:turn]:
                workload.warm()
                runs[name].taken.append(
                    recompute(workload, layout)
                    if name == "full"
                    else ask_peer(SCRIPTS[name], Path(sys.executable), workload, folder)
                )
            for at in moments:
                looks.one(at)
            for name, python in pythons.items():
                if python is not None and number < plan.peer_rounds:
                    workload.warm()
                    runs[name].taken.append(ask_peer(f"{name}_drift.py", python, workload, folder))
        profiles = looks.short.profiles_mb()
    return result_of(workload, runs, looks.taken, profiles)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="S", help="T is for tests")
    parser.add_argument("--rounds", type=int, help="of ours and scipy")
    parser.add_argument("--peer-rounds", type=int, help="of the peers")
    parser.add_argument("--seed", type=int, default=20130201)
    parser.add_argument("--folder", type=Path, default=ENVIRONMENTS, help="on the disk to measure")
    parser.add_argument("--fleet", type=int, default=0, help="one look at so many models as well")
    parser.add_argument("--no-peers", action="store_true", help="ours and scipy alone")
    parser.add_argument("--json", action="store_true", help="one last line of JSON")
    given = parser.parse_args(arguments)
    default = PLANS[given.size]
    rounds = default.rounds if given.rounds is None else given.rounds
    peer_rounds = default.peer_rounds if given.peer_rounds is None else given.peer_rounds
    plan = Plan(rounds, peer_rounds, default.before, default.after)
    if rounds < 1 or peer_rounds < 0 or given.fleet < 0:
        parser.error("at least 1 round is needed, and no negative number")
    console = Console(stderr=given.json)
    console.width = max(console.width, 110)
    workload = Workload(given.size, root=given.folder, seed=given.seed)
    if workload.make():
        console.print(f"made {workload.folder}")
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="drift-home-") as folder:
        result = measure(workload, plan, Path(folder), peers=not given.no_peers, console=console)
    if given.fleet:
        with tempfile.TemporaryDirectory(dir=given.folder, prefix="drift-fleet-") as folder:
            result["fleet"] = measure_fleet(workload, given.fleet, Path(folder))
    for item in shown(result):
        console.print(item)
    if given.json:
        print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
