"""What one run of ``benchmarks/drift.py`` found: as one line of JSON, and as tables for people.

Targets are judged at the size they are stated for (M); at another size they are not shown.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from benchmarks.harness.contestant import Runs
from benchmarks.harness.drift_workload import Workload
from benchmarks.harness.timing import Samples

JUDGED: Final = "M"
# Figure -> (at most or at least, limit, what it says).
TARGETS: Final = {
    "incremental_ms": ("≤", 80.0, "an hourly look, milliseconds"),
    "incremental_to_limits": ("≤", 3.0, "over reading that hour and one commit"),
    "reference_growth_90_30": ("≤", 1.1, "a look with 90 days over one with 30"),
    "full_vs_scipy": ("≥", 6.0, "everything anew: times faster than the scipy loop"),
    "full_to_read_table": ("≤", 1.0, "everything anew over read_table of the whole alone"),
    "peak_mib": ("≤", 1.3 * 1024, "everything anew: peak memory, MiB"),
    "profiles_mb": ("≤", 3.0, "profiles of one model, MB"),
}
PEOPLE: Final = {
    "full": "ours",
    "read_table": "pyarrow: read_table alone",
    "scipy": "scipy loop",
    "evidently": "Evidently",
    "nannyml": "NannyML",
}


def result_of(
    workload: Workload, runs: Mapping[str, Runs], looks: Samples, profiles_mb: float
) -> dict[str, Any]:
    """The ten figures of the line, then everything that they were made of.

    Figures named ``_s`` are whole processes, from their start until their answer; only the ratio of
    a look to the scipy loop is taken in process. Ratios named ``_vs_`` say how many times faster
    ours is; those named ``_to_`` how many times as long ours takes. A peer that was not measured is
    None.
    """
    incremental = looks.median("look")
    whole = {name: found.median("process_seconds") for name, found in runs.items()}
    full, scipy, read = (whole[name] or 0.0 for name in ("full", "scipy", "read_table"))
    in_process = runs["scipy"].median() or 0.0
    commit = looks.median("commit")
    figures: dict[str, Any] = {
        "incremental_ms": incremental,
        "full_s": full,
        "read_table_s": read,
        "scipy_s": scipy,
        "evidently_s": whole["evidently"],
        "nannyml_s": whole["nannyml"],
        "incremental_vs_scipy": in_process * 1e3 / incremental,
        "full_vs_scipy": scipy / full,
        "reference_growth_90_30": looks.median("look_long") / incremental,
        "peak_mib": max(run.peak_mib for run in runs["full"].taken),
        "incremental_to_limits": incremental / (looks.median("read_hour") + commit),
        "incremental_to_file_limits": incremental / (looks.median("read_hour_file") + commit),
        "full_to_read_table": full / read,
        "day_roll_ms": looks.median("day_roll"),
        "first_scan_s": looks.median("first_scan") / 1e3,
        "profiles_mb": profiles_mb,
    }
    return {
        **{name: value if value is None else round(value, 4) for name, value in figures.items()},
        "benchmark": "drift",
        "size": workload.name,
        "features": workload.size.features,
        "reference_rows": workload.size.reference_rows,
        "current_rows": workload.size.current_rows,
        "seed": workload.seed,
        "looks": looks.summary(),
        "processes": {name: found.as_json(workload.shifted) for name, found in runs.items()},
        "shifted": len(workload.shifted),
        "targets": judged(figures) if workload.name == JUDGED else None,
        "fleet": None,
        **machine(),
    }


def judged(figures: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each target with its limit: is it met?

    >>> judged({"incremental_ms": 81.0})["incremental_ms"]
    {'limit': 80.0, 'met': False}
    """
    found = {}
    for name, (sign, limit, _) in TARGETS.items():
        if name in figures:
            value = figures[name]
            met = value <= limit if sign == "≤" else value >= limit
            found[name] = {"limit": limit, "met": met}
    return found


def machine() -> dict[str, Any]:
    """Where and when, without which no figure means anything."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def shown(result: Mapping[str, Any]) -> Iterator[Table | str]:
    """For people: the look, everything anew, the targets, and where it was measured."""
    yield _look_table(result)
    yield _full_table(result)
    if result["targets"]:
        yield _target_table(result)
    if fleet := result["fleet"]:
        yield fleet_line(fleet)
    missing = [PEOPLE[name] for name, found in result["processes"].items() if found is None]
    if missing:
        yield f"{', '.join(missing)} not measured; `make bench-peers` installs them beside ours"
    yield (
        f"{result['date']}, {result['processor']}, {result['processors']} processors, "
        f"{result['memory_gib']:g} GiB, Python {result['python']}, "
        f"load {result['load_average']:g}; all files in the page cache"
    )


def _look_table(result: Mapping[str, Any]) -> Table:
    table = Table(title=f"one hourly look at {result['features']} features, milliseconds")
    for column in ("what", "median", "p95", "samples"):
        table.add_column(column, justify="left" if column == "what" else "right", no_wrap=True)
    names = {
        "look": "ours: read, count, compare, judge, commit",
        "look_long": "ours, with a reference three times as long",
        "day_roll": "ours, the first look of a day",
        "read_hour": "limit: reading that hour by a filter on the dataset",
        "read_hour_file": "limit: reading that hour's file",
        "commit": "limit: one SQLite commit",
        "first_scan": "ours, the very first: baseline and all profiles",
    }
    for name, words in names.items():
        found = result["looks"][name]
        figures = (f"{found['median_ms']:.1f}", f"{found['p95_ms']:.1f}", f"{found['samples']}")
        table.add_row(words, *figures)
    table.caption = (
        f"{result['incremental_to_limits']:.2f} times hour by filter and commit, "
        f"{result['incremental_to_file_limits']:.2f} times file and commit; "
        f"the scipy loop takes {result['incremental_vs_scipy']:,.0f} times as long; "
        f"profiles {result['profiles_mb']:.2f} MB"
    )
    return table


def _full_table(result: Mapping[str, Any]) -> Table:
    rows = f"{result['reference_rows']:,} + {result['current_rows']:,} rows"
    table = Table(title=f"everything anew from Parquet, {rows}, {result['features']} columns")
    columns = ("what", "seconds", "to ours", "work alone", "peak MiB", "found", "others", "runs")
    for column in columns:
        table.add_column(column, justify="left" if column == "what" else "right", no_wrap=True)
    for name, found in result["processes"].items():
        if found is None:
            continue
        named = name != "read_table"
        table.add_row(
            f"{PEOPLE[name]} {'' if name == 'full' else found['version']}".strip(),
            f"{found['process_seconds']:.2f}",
            f"{found['process_seconds'] / result['full_s']:.2f}",
            f"{found['seconds']:.2f}" if name != "full" else "",
            f"{found['peak_mib']:,.0f}",
            f"{found['found']} of {result['shifted']}" if named else "",
            f"{found['others']}" if named else "",
            f"{found['runs']}",
        )
    table.caption = "seconds: the whole process; work alone: without start and imports"
    return table


def _target_table(result: Mapping[str, Any]) -> Table:
    table = Table(title="targets")
    for column in ("what", "measured", "target", ""):
        table.add_column(column, justify="left" if column == "what" else "right", no_wrap=True)
    for name, target in result["targets"].items():
        sign, limit, words = TARGETS[name]
        table.add_row(words, f"{result[name]:,.2f}", f"{sign} {limit:,.1f}", _mark(target["met"]))
    return table


def _mark(met: bool) -> str:
    return "✓" if met else "✗"


def fleet_line(fleet: Mapping[str, Any]) -> str:
    """One sentence on many models."""
    return (
        f"{fleet['models']:,} models, one look each in {fleet['processes']} processes: "
        f"{fleet['seconds']:.1f} s, {fleet['failed']} failed, peak {fleet['peak_mib']:,.0f} MiB a "
        f"process (after {fleet['few_models']} models: {fleet['few_peak_mib']:,.0f} MiB)"
        + (
            ""
            if fleet["met"] is None
            else f"; target ≤ {fleet['limit_s']:.0f} s {_mark(fleet['met'])}"
        )
    )
