"""Local days of a version as the sums of their hours.

Days calibrate: they are what a window is compared with, and hours fold into them after two days.
A day is always summed from its hours in their order, whether these were recorded while it lasted or
are read again from the source, so that both give the same bytes. Neighbours: ``hour_profiles``,
``profile_store``; ``rolling`` chooses among days.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from governance.evidence.drift.normal.calendar import DayCalendar, hours
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.packed import seal
from governance.evidence.drift.records.profile_store import StoredProfile, hour_key
from governance.evidence.drift.scanning.hour_profiles import (
    BROKEN,
    HourProfile,
    Progress,
    nothing_digest,
    read_hours,
)
from governance.evidence.drift.sources.frame import FrameSource
from governance.evidence.drift.sources.live import LiveSource, LiveStatus
from governance.evidence.drift.sources.parquet import ParquetSource

_SHORT = 12  # digits of an hour's digest that a day remembers


@dataclass(frozen=True, slots=True)
class Day:
    """A local day and its first and last moment (exclusive), UTC."""

    date: dt.date
    start: dt.datetime
    end: dt.datetime

    @classmethod
    def of(cls, calendar: DayCalendar, day: dt.date) -> Day:
        return cls(day, *calendar.bounds(day))

    @property
    def hours(self) -> list[dt.datetime]:
        return list(hours(self.start, self.end))


def folded(layout: Layout, day: Day, parts: Iterable[HourProfile]) -> StoredProfile:
    """A day from all its hours, in their order.

    Its status is what makes it unfit as a reference: ``corrupt`` or ``invalid`` if one of its hours
    was; ``missing`` or ``empty`` if it has no rows at all.
    """
    told: dict[str, list[object]] = {}
    statuses: list[str] = []
    problems: list[str] = []
    total = ProfileBlock.empty(layout)
    for hour in parts:
        stored = hour.stored
        told[hour_key(stored.start)] = [stored.status, stored.rows, stored.digest[:_SHORT]]
        statuses.append(stored.status)
        if stored.status in BROKEN:
            problems.append(f"{hour_key(stored.start)}: {stored.problem}")
        if hour.block is not None:
            total = ProfileBlock.sum((total, hour.block), layout)
    status = _worst(statuses, rows=total.rows)
    content = total.content if total.rows else None
    return StoredProfile(
        period="day",
        start=day.start,
        status=status,
        problem="; ".join(problems[:3]) or None,
        rows=total.rows,
        fingerprint=None,
        hours=told,
        digest=nothing_digest(status) if content is None else hashlib.sha256(content).hexdigest(),
        data=None if content is None else seal(content),
    )


def _worst(statuses: Sequence[str], *, rows: int) -> str:
    for status in (LiveStatus.CORRUPT, LiveStatus.INVALID):
        if status in statuses:
            return status.value
    if rows:
        return LiveStatus.OK.value
    return (LiveStatus.EMPTY if LiveStatus.EMPTY in statuses else LiveStatus.MISSING).value


def is_stale(recorded: StoredProfile, parts: Iterable[StoredProfile]) -> bool:
    """Has one of these hours other content than the recorded day knows of it?"""
    known: Mapping[str, Sequence[object]] = recorded.hours or {}
    return any(
        (key := hour_key(hour.start)) not in known
        or list(known[key]) != [hour.status, hour.rows, hour.digest[:_SHORT]]
        for hour in parts
    )


def read_days(
    source: LiveSource,
    layout: Layout,
    days: Iterable[Day],
    *,
    progress: Progress | None = None,
) -> Iterator[StoredProfile]:
    """Whole days from the source, one after the other, each from its hours.

    Args:
        progress: called with 1 after each hour.

    Raises:
        LiveDataError: the source cannot be reached.
    """
    for day in days:
        found = read_hours(_of_day(source, layout, day), layout, day.hours, progress=progress)
        yield folded(layout, day, found)


def _of_day(source: LiveSource, layout: Layout, day: Day) -> LiveSource:
    """Something that gives the day's hours: files one by one, all else with one question."""
    if isinstance(source, ParquetSource):
        return source
    whole = source.read(day.start, day.end, layout.features)
    if whole.table is None:  # which hours are the bad ones is asked one by one
        return source
    return FrameSource(whole.table, time_column=whole.table.column_names[0])
