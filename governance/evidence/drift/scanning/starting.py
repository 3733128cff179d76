"""The first baseline of a version that came without one: from the first full reference of its live
data.

Edges are made of a sample spread evenly over the reference's hours (all rows where there are few),
the frozen reference of its usable days; a day on which a column was of another kind than on the
others is left out. Neighbours: ``baseline`` (the value), ``baseline_store``
(keeps the first one), ``day_blocks`` (profiles the days). Not promised: that a value which occurs
in less than one of some hundred thousand rows is known to the edges.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.normal.calendar import HOUR
from governance.evidence.drift.profiles.baseline import DAYS, Baseline
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.edges import edges_of
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.records.profile_store import StoredProfile
from governance.evidence.drift.scanning.day_blocks import Day, read_days
from governance.evidence.drift.scanning.hour_profiles import Progress
from governance.evidence.drift.scanning.odd_types import odd_ones
from governance.evidence.drift.scanning.watching import Watch
from governance.evidence.drift.sources.hours import joined
from governance.evidence.drift.sources.live import LiveSource, LiveStatus
from governance.evidence.drift.sources.parquet import ParquetSource

_SAMPLE_ROWS = 400_000
_GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples spread evenly, however many are taken
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, eq=False)
class Started:
    """A first baseline, and the profiles of all days that were read for it."""

    baseline: Baseline
    days: Sequence[StoredProfile]


def first_baseline(
    source: LiveSource,
    watch: Watch,
    days: Sequence[Day],
    *,
    wanted: int,
    minimum: int,
    progress: Progress | None = None,
) -> Started | None:
    """The baseline of the last ``wanted`` usable days; ``None`` where fewer than ``minimum`` are.

    Args:
        days: where to look, the newest first.
        progress: called with 1 after each hour.

    Raises:
        LiveDataError: the source cannot be reached.
        InvalidEvidenceError: a watched column is nowhere, or is of a type that cannot be watched.
    """
    sample, unfit = _sample(source, watch, days[:wanted])
    if sample is None:
        sample, unfit = _sample(source, watch, days[wanted:])
    if sample is None:
        return None
    days = [day for day in days if day not in unfit]
    layout = _layout(sample, watch)
    profiles: list[StoredProfile] = []
    used: list[tuple[Day, StoredProfile]] = []
    left = list(days)
    while left and len(used) < wanted:
        batch, left = left[: wanted - len(used)], left[wanted - len(used) :]
        read = list(read_days(source, layout, batch, progress=progress))
        profiles += read
        used += [
            (day, profile)
            for day, profile in zip(batch, read, strict=True)
            if profile.status == LiveStatus.OK
        ]
    if len(used) < minimum:
        return None
    frozen = [
        (day.date, ProfileBlock.decode(profile.data, layout))
        for day, profile in sorted(used, key=lambda item: item[0].start)[-DAYS:]
        if profile.data is not None
    ]
    first, last = min(day.start for day, _ in used), max(day.end for day, _ in used)
    baseline = Baseline(
        layout=layout,
        importance=dict.fromkeys(layout.features),
        rows=sample.num_rows,
        first=first,
        last=last,
        days=tuple(frozen),
    )
    return Started(baseline, profiles)


def _layout(sample: pa.Table, watch: Watch) -> Layout:
    if absent := [name for name in watch.features if name not in sample.column_names]:
        raise InvalidEvidenceError(
            f"the live data of {watch.model} have no column {', '.join(absent[:10])}; "
            "correct drift.features, or the data"
        )
    return Layout(
        tuple(
            edges_of(name, sample.column(name), categorical=name in watch.categorical)
            for name in watch.features
        )
    )


def _sample(
    source: LiveSource, watch: Watch, days: Sequence[Day]
) -> tuple[pa.Table | None, list[Day]]:
    """Rows from all over these days, ``None`` if they have none; and the days that do not fit to
    the others, whose rows are not among them.
    """
    parts: list[tuple[datetime, pa.Table]] = []
    rows = 0
    for chunk in _chunks(_spread(_units(source, days))):
        with ThreadPoolExecutor(2, thread_name_prefix="sample") as pool:
            found = list(
                pool.map(lambda unit: source.read(unit[0], unit[1], watch.features), chunk)
            )
        for unit, answer in zip(chunk, found, strict=True):
            if answer.table is not None:
                table = answer.table
                if not isinstance(source, ParquetSource):  # all units are read, each is thinned
                    table = _thinned(table, _SAMPLE_ROWS // len(days))
                parts.append((unit[0], table))
                rows += table.num_rows
        if rows >= _SAMPLE_ROWS and isinstance(source, ParquetSource):
            break
    if not rows:
        return None, []
    odd = odd_ones([table for _, table in parts], watch.features)
    unfit = [day for day in days if any(day.start <= parts[at][0] < day.end for at in odd)]
    fit = [
        (start.isoformat(), table)
        for start, table in parts
        if not any(day.start <= start < day.end for day in unfit)
    ]
    return (joined(fit) if fit else None), unfit


_Unit = tuple[datetime, datetime]


def _units(source: LiveSource, days: Sequence[Day]) -> list[_Unit]:
    """What is read at once: an hour's files, or a day with one question."""
    if isinstance(source, ParquetSource):
        return [(hour, hour + HOUR) for day in days for hour in day.hours]
    return [(day.start, day.end) for day in days]


def _spread(units: Sequence[_Unit]) -> list[_Unit]:
    """All of them, so ordered that the first few lie far from each other."""
    order = sorted(range(len(units)), key=lambda number: (number * _GOLDEN) % 1.0)
    ranks = {place: number for number, place in enumerate(order)}
    return [units[ranks[number]] for number in range(len(units))]


def _chunks(units: Sequence[_Unit]) -> Iterator[Sequence[_Unit]]:
    for start in range(0, len(units), _AT_ONCE):
        yield units[start : start + _AT_ONCE]


def _thinned(table: pa.Table, rows: int) -> pa.Table:
    step = -(-table.num_rows // max(rows, 1))
    return table if step <= 1 else table.take(pa.array(range(0, table.num_rows, step)))
