"""Which days are the rolling reference, and when of a day rows are to be expected.

The last usable days that were over a day before the moment: not under an alarm about drift
(quarantine), not broken, not nearly empty. They change once a day, so the reference made of them is
kept with the digests of its days as its key. Neighbours: ``day_blocks`` (the days), ``reference``
(what is normal), ``scan`` (asks).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from governance.canonical import sha256_of
from governance.evidence.drift.normal.calendar import DAY, DayCalendar, hours
from governance.evidence.drift.normal.reference import Reference
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.packed import pack, seal, unpack, unseal
from governance.evidence.drift.records.profile_store import DayHead, StoredProfile
from governance.evidence.drift.scanning.day_blocks import Day
from governance.evidence.drift.sources.live import LiveStatus

# A day with fewer rows than this share of the usual ones of its class is no example of it.
_NEARLY_EMPTY = 0.25
# The hours of a night have some rows on some days. Only an hour is missed that nearly always has
# more than a few of the day's rows.
_NEARLY_ALWAYS, _MORE_THAN_A_FEW = 0.95, 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Rolling:
    """
    Attributes:
        days: the days, oldest first; since: when the first of them began.
        rows: by class of day, on how many of its days each local hour had more than a few rows;
            and the number of its days under -1.
    """

    key: str
    reference: Reference
    days: tuple[date, ...]
    since: datetime | None
    rows: Mapping[str, Mapping[int, int]]

    def expected(self, calendar: DayCalendar, start: datetime, end: datetime) -> list[datetime]:
        """Hours of the window that had more than a few rows on nearly all days of their class;
        every one where there is no such day.
        """
        zone = ZoneInfo(calendar.timezone)
        return [
            hour
            for hour in hours(start, end)
            if self._usual(calendar.day_class(calendar.day_of(hour)), hour.astimezone(zone).hour)
        ]

    def _usual(self, day_class: str, hour: int) -> bool:
        rows = self.rows.get(day_class) or {}
        days = rows.get(_DAYS, 0)
        return days == 0 or rows.get(hour, 0) >= _NEARLY_ALWAYS * days

    def encode(self) -> bytes:
        """``decode(encode())`` gives the same; one seal over all of it finds any damage."""
        header = {
            "days": [day.isoformat() for day in self.days],
            "since": None if self.since is None else self.since.isoformat(),
            "rows": {
                name: {str(hour): count for hour, count in rows.items()}
                for name, rows in self.rows.items()
            },
        }
        reference = np.frombuffer(self.reference.encode(), np.uint8)
        return seal(pack(header, {"reference": reference}), level=1)

    @classmethod
    def decode(cls, key: str, data: bytes, layout: Layout) -> Rolling:
        """What ``encode`` gave, on the same layout.

        Raises:
            IntegrityError: the bytes are not what was stored.
        """
        header, arrays = unpack(unseal(data))
        return cls(
            key=key,
            reference=Reference.decode(arrays["reference"].tobytes(), layout),
            days=tuple(date.fromisoformat(day) for day in header["days"]),
            since=None if header["since"] is None else datetime.fromisoformat(header["since"]),
            rows={
                name: {int(hour): count for hour, count in rows.items()}
                for name, rows in header["rows"].items()
            },
        )


_DAYS = -1


def candidates(calendar: DayCalendar, at: datetime, lookback: int) -> list[Day]:
    """The last days that were over a day before ``at``, the newest first."""
    last = calendar.last_day_before(at - DAY)
    return [Day.of(calendar, last - number * DAY) for number in range(lookback)]


def choose(
    days: Iterable[Day],
    heads: Mapping[datetime, DayHead],
    *,
    quarantined: Collection[date],
    wanted: int,
) -> tuple[list[Day], list[Day]]:
    """The usable days among ``days`` (the newest first), and those that must be read before that
    can be said.
    """
    usable: list[Day] = []
    unread: list[Day] = []
    for day in days:
        if len(usable) + len(unread) == wanted:
            break
        head = heads.get(day.start)
        if day.date in quarantined:
            continue
        if head is None:
            unread.append(day)
        elif head.status == LiveStatus.OK:
            usable.append(day)
    return usable, unread


def further_back(
    calendar: DayCalendar,
    heads: Mapping[datetime, DayHead],
    *,
    quarantined: Collection[date],
    wanted: int,
) -> list[Day]:
    """The newest usable days among ``heads``, recorded days from before the lookback.

    Drift may last longer than the lookback. What was normal before it is then still the only thing
    that says when it is over.
    """
    days = [Day.of(calendar, calendar.day_of(start)) for start in sorted(heads, reverse=True)]
    whole = [day for day in days if day.start in heads]  # not of a calendar that was declared once
    return choose(whole, heads, quarantined=quarantined, wanted=wanted)[0]


def without_gaps(
    days: Sequence[Day], heads: Mapping[datetime, DayHead], class_of: Callable[[date], str]
) -> list[Day]:
    """Those that are not nearly empty, compared with their own kind."""
    rows: dict[str, list[int]] = {}
    for day in days:
        rows.setdefault(class_of(day.date), []).append(heads[day.start].rows)
    usual = {name: statistics.median(counts) for name, counts in rows.items()}
    return [
        day for day in days if heads[day.start].rows >= _NEARLY_EMPTY * usual[class_of(day.date)]
    ]


def key_of(
    layout: Layout,
    calendar: DayCalendar,
    days: Sequence[Day],
    heads: Mapping[datetime, DayHead],
    *,
    minimum: int,
) -> str:
    """The same days with the same content make the same reference."""
    return sha256_of(
        [
            "drift-reference-2",
            layout.digest,
            calendar.timezone,
            minimum,
            [
                [day.date, calendar.day_class(day.date), heads[day.start].digest]
                for day in sorted(days, key=lambda day: day.date)
            ],
        ]
    )


def build(
    key: str,
    layout: Layout,
    calendar: DayCalendar,
    days: Sequence[Day],
    profiles: Mapping[datetime, StoredProfile],
    *,
    minimum: int,
) -> Rolling:
    """The reference of these days; ``profiles`` with their data."""
    rows: dict[str, dict[int, int]] = {}
    blocks: list[tuple[date, str, ProfileBlock]] = []
    zone = ZoneInfo(calendar.timezone)
    ordered = sorted(days, key=lambda day: day.date)
    for day in ordered:
        profile, name = profiles[day.start], calendar.day_class(day.date)
        if profile.data is not None:
            blocks.append((day.date, name, ProfileBlock.decode(profile.data, layout)))
        counted = rows.setdefault(name, {_DAYS: 0})
        counted[_DAYS] += 1
        with_rows = {
            datetime.fromisoformat(hour).replace(tzinfo=UTC).astimezone(zone).hour
            for hour, said in (profile.hours or {}).items()
            if said[1] > _MORE_THAN_A_FEW * profile.rows
        }
        for hour in with_rows:
            counted[hour] = counted.get(hour, 0) + 1
    return Rolling(
        key=key,
        reference=Reference.from_days(layout, blocks, minimum=minimum),
        days=tuple(day.date for day in ordered),
        since=ordered[0].start if ordered else None,
        rows=rows,
    )
