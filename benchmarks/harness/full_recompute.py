"""Everything anew, with nothing recorded: the reference's days and the day, counted and compared.

    python benchmarks/harness/full_recompute.py SIZE SEED LAYOUT ROOT

A process of its own, so that its imports and its memory are its own. LAYOUT is a file with the
edges, which a version has. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.harness.drift_workload import DAY, Workload
from benchmarks.harness.memory import peak_mib
from governance.evidence.drift.normal.calendar import DayCalendar
from governance.evidence.drift.normal.comparison import compare
from governance.evidence.drift.normal.reference import Reference
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profile_files import profile_files
from governance.policy.drift.limits import DriftLimits


def recompute(workload: Workload, layout: Layout) -> list[str]:
    """Features that the default limits flag."""
    limits, calendar = DriftLimits(), DayCalendar()
    files = workload.files()
    by_day = [files[start : start + 24] for start in range(0, len(files), 24)]
    profiled = profile_files(layout, by_day)
    count = len(by_day) - 1
    days = [DAY.date() - timedelta(days=count - number) for number in range(count)]
    blocks = islice(profiled, count)
    reference = Reference.from_days(
        layout,
        [(day, calendar.day_class(day), block) for day, block in zip(days, blocks, strict=True)],
        minimum=limits.min_block_days,
    )
    current = next(profiled)  # was counted meanwhile
    found = compare(current, calendar.day_class(DAY.date()), rolling=reference)
    return [
        one.feature
        for one in found.features
        if one.q_value is not None
        and one.effect is not None
        and one.q_value <= limits.flagged_q
        and one.effect >= limits.flagged_effect
    ]


def main(arguments: list[str]) -> None:
    size, seed, layout, root = arguments
    workload = Workload(size, root=Path(root), seed=int(seed))
    drifted = recompute(workload, Layout.decode(Path(layout).read_bytes()))
    print(json.dumps({"peak_mib": peak_mib(), "drifted": drifted}))


if __name__ == "__main__":
    main(sys.argv[1:])
