"""The day before a moment, hour by hour: recorded hours where they still hold, the source's where
they do not.

The newest hour is always read. The others are read again while they were not good, and where the
source says that they changed; hours up to two days back are watched for that, since late data also
change the day that they belong to. Neighbours: ``hour_profiles``, ``day_blocks``, ``rolling``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from governance.evidence.drift.normal.calendar import DAY, HOUR, DayCalendar, hours
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.records import profile_store
from governance.evidence.drift.records.profile_store import StoredProfile
from governance.evidence.drift.scanning.day_blocks import Day, folded, is_stale
from governance.evidence.drift.scanning.hour_profiles import (
    BROKEN,
    HourProfile,
    outside_of,
    read_hours,
    recorded_hour,
    to_read,
)
from governance.evidence.drift.sources.live import LiveSource, LiveStatus
from governance.store.database import Database
from governance.values import iso

_LONGEST_DAY = timedelta(hours=25)
_REMARKS = 3


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database knows of the last days of a version, before the source is asked."""

    hours: Mapping[datetime, StoredProfile]  # of the window, with data
    earlier: Mapping[datetime, StoredProfile]  # of the day before it, without
    days: Mapping[datetime, StoredProfile]  # that may have one of these hours


@dataclass(slots=True)
class Window:
    """
    Attributes:
        hours: the 24 hours, oldest first.
        current: their sum.
        changed: periods to be recorded: hours that were read, days that follow from them.
    """

    hours: Sequence[HourProfile]
    current: ProfileBlock
    changed: list[StoredProfile] = field(default_factory=list)

    @property
    def evidence(self) -> list[list[Any]]:
        """What of the hours a report hangs on."""
        return [
            [hour.stored.status, hour.stored.digest, outside_of(hour.stored)] for hour in self.hours
        ]

    @property
    def stray_rows(self) -> int:
        """Rows that came with the hours and do not lie in them."""
        return sum(outside_of(hour.stored) for hour in self.hours)

    def remarks(self) -> tuple[str, ...]:
        """What sources said of hours that have rows, one sentence each."""
        told = [
            f"{profile_store.hour_key(hour.stored.start)}Z: {hour.stored.problem}"
            for hour in self.hours
            if hour.stored.status == LiveStatus.OK and hour.stored.problem
        ]
        more = len(told) - _REMARKS
        return (*told[:_REMARKS], *([f"remarks on {more} more hours"] if more > 0 else []))

    def missing(self, expected: Iterable[datetime]) -> dict[str, str]:
        """Hours that should have rows and have none, and broken ones, with why."""
        wanted = set(expected)
        return {
            iso(hour.stored.start): hour.stored.problem or "no rows"
            for hour in self.hours
            if hour.stored.status in BROKEN
            or (not hour.stored.rows and hour.stored.start in wanted)
        }


def recorded(connection: Connection, version_id: str, at: datetime) -> Recorded:
    """Three small questions to the database."""
    begin = at - profile_store.KEPT_HOURS
    return Recorded(
        hours=profile_store.read_hours(connection, version_id, at - DAY, at),
        earlier=profile_store.read_hours(connection, version_id, begin, at - DAY, with_data=False),
        days=profile_store.read_days(connection, version_id, begin - _LONGEST_DAY, at),
    )


def gather(
    database: Database,
    source: LiveSource,
    layout: Layout,
    calendar: DayCalendar,
    version_id: str,
    *,
    at: datetime,
    known: Recorded,
) -> Window:
    """Read what must be read; add up the window; fold days that are over.

    Raises:
        LiveDataError: the source cannot be reached.
    """
    fingerprints = source.fingerprints(at - profile_store.KEPT_HOURS, at)
    wanted = to_read(list(hours(at - DAY, at)), known.hours, fingerprints, newest=at - HOUR)
    wanted += to_read(list(known.earlier), known.earlier, fingerprints, newest=at)
    fresh = {hour.stored.start: hour for hour in read_hours(source, layout, sorted(wanted))}
    parts = [
        fresh.get(hour) or recorded_hour(known.hours[hour], layout) for hour in hours(at - DAY, at)
    ]
    blocks = [part.block for part in parts if part.block is not None]
    window = Window(parts, ProfileBlock.sum(blocks, layout))
    window.changed += [
        part.stored
        for hour, part in sorted(fresh.items())
        if part.stored != known.hours.get(hour, known.earlier.get(hour))
    ]
    have = {part.stored.start: part for part in parts} | fresh
    for day in _touched(calendar, at):
        made = _fold(database, source, layout, version_id, day, have, fresh, known)
        if made is not None:
            window.changed.append(made)
    return window


def _touched(calendar: DayCalendar, at: datetime) -> list[Day]:
    """The days that are over and have hours that are still recorded one by one."""
    last = calendar.last_day_before(at)
    days = [Day.of(calendar, last - number * DAY) for number in range(3)]
    return [day for day in reversed(days) if day.end > at - profile_store.KEPT_HOURS]


def _fold(
    database: Database,
    source: LiveSource,
    layout: Layout,
    version_id: str,
    day: Day,
    have: Mapping[datetime, HourProfile],
    fresh: Mapping[datetime, HourProfile],
    known: Recorded,
) -> StoredProfile | None:
    """The day anew, if it was never folded and can be, or if one of its hours changed."""
    stands = known.days.get(day.start)
    if stands is not None and not is_stale(
        stands, (fresh[hour].stored for hour in day.hours if hour in fresh)
    ):
        return None
    absent = [hour for hour in day.hours if hour not in have]
    if absent and any(hour not in known.earlier for hour in absent):
        if stands is None:
            return None  # the source is asked when the day is needed
        return folded(layout, day, read_hours(source, layout, day.hours))
    with database.read() as connection:
        rows = (
            profile_store.read_hours(connection, version_id, absent[0], absent[-1] + HOUR)
            if (absent)
            else {}
        )
    if any(hour not in rows for hour in absent):  # somebody folded them meanwhile
        return None
    whole = dict(have) | {hour: recorded_hour(rows[hour], layout) for hour in absent}
    return folded(layout, day, [whole[hour] for hour in day.hours])
