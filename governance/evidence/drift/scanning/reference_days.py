"""The rolling reference of a version at a moment, with the days that it needs read where they are
not recorded.

What was read is recorded at once, in small transactions: a scan that is killed in its first, long
reading goes on where it was. Neighbours: ``rolling`` (which days), ``day_blocks`` (reads them),
``reference`` (what is normal).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import TypeVar

from governance.canonical import sha256_of
from governance.errors import IntegrityError
from governance.evidence.drift.normal.calendar import DayCalendar
from governance.evidence.drift.normal.reference import Reference
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.records import profile_store, reference_store
from governance.evidence.drift.records.baseline_store import KeptBaseline
from governance.evidence.drift.records.profile_store import DayHead, StoredProfile
from governance.evidence.drift.scanning import rolling
from governance.evidence.drift.scanning.day_blocks import Day, read_days
from governance.evidence.drift.scanning.hour_profiles import Progress
from governance.evidence.drift.scanning.rolling import Rolling
from governance.evidence.drift.sources.live import LiveSource
from governance.store.database import Database

_BATCH = 7  # days that one transaction records
_CACHED = 4
_FARTHEST = timedelta(days=2 * 365)

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class ReferenceDays:
    """Rolling and frozen references, the latest used ones in memory. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._rolling: OrderedDict[tuple[str, str], Rolling] = OrderedDict()
        self._frozen: OrderedDict[tuple[str, DayCalendar, int], Reference] = OrderedDict()

    def rolling(
        self,
        version_id: str,
        source: LiveSource,
        layout: Layout,
        calendar: DayCalendar,
        *,
        at: datetime,
        heads: dict[datetime, DayHead],
        quarantined: Collection[date],
        wanted: int,
        lookback: int,
        minimum: int,
        progress: Progress | None = None,
    ) -> Rolling:
        """The reference at ``at``.

        Args:
            heads: recorded days; those that are read are added.
            quarantined: days under alarm, which are left out.
            wanted: days of the reference; lookback: days among which they are looked for, and
                before which only recorded days are taken, where fewer than `minimum` are found.
            minimum: fewest days that say what is normal.
            progress: called with 1 after each hour that is read.

        Raises:
            LiveDataError: the source cannot be reached.
        """
        days = rolling.candidates(calendar, at, lookback)
        while True:
            usable, unread = rolling.choose(days, heads, quarantined=quarantined, wanted=wanted)
            if not unread:
                break
            self.read(version_id, source, layout, unread, heads=heads, progress=progress)
        chosen = rolling.without_gaps(usable, heads, calendar.day_class)
        if len(chosen) < minimum:
            usable += self._further_back(
                version_id, calendar, days[-1].start, heads, quarantined, wanted - len(usable)
            )
            chosen = rolling.without_gaps(usable, heads, calendar.day_class)
        key = rolling.key_of(layout, calendar, chosen, heads, minimum=minimum)
        found = _get(self._lock, self._rolling, (version_id, key))
        if found is None:
            found = self._load(version_id, key, layout, calendar, chosen, minimum)
            _put(self._lock, self._rolling, (version_id, key), found)
        return found

    def _further_back(
        self,
        version_id: str,
        calendar: DayCalendar,
        before: datetime,
        heads: dict[datetime, DayHead],
        quarantined: Collection[date],
        wanted: int,
    ) -> list[Day]:
        with self._database.read() as connection:
            older = profile_store.read_day_heads(connection, version_id, before - _FARTHEST, before)
        heads |= older
        return rolling.further_back(calendar, older, quarantined=quarantined, wanted=wanted)

    def read(
        self,
        version_id: str,
        source: LiveSource,
        layout: Layout,
        days: Collection[Day],
        *,
        heads: dict[datetime, DayHead] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Profile these days from the source and record them."""
        batch: list[StoredProfile] = []
        ordered = sorted(days, key=lambda day: day.start)
        for number, profile in enumerate(read_days(source, layout, ordered, progress=progress), 1):
            batch.append(profile)
            if heads is not None:
                heads[profile.start] = DayHead(profile.status, profile.rows, profile.digest)
            if len(batch) == _BATCH or number == len(ordered):
                with self._database.begin() as tx:
                    profile_store.put(tx, version_id, batch)
                batch = []

    def frozen(
        self, version_id: str, kept: KeptBaseline, calendar: DayCalendar, *, minimum: int
    ) -> Reference:
        """What was normal on the days that the baseline was made of."""
        key = (kept.sha256, calendar, minimum)
        found = _get(self._lock, self._frozen, key)
        if found is None:
            found = self._made_or_kept(version_id, kept, calendar, minimum)
            _put(self._lock, self._frozen, key, found)
        return found

    def _made_or_kept(
        self, version_id: str, kept: KeptBaseline, calendar: DayCalendar, minimum: int
    ) -> Reference:
        layout = kept.baseline.layout
        free = sorted(day.isoformat() for day in calendar.holidays)
        key = sha256_of(["drift-frozen-1", kept.sha256, calendar.days, free, minimum])
        with self._database.read() as connection:
            data = reference_store.stored(connection, version_id, "frozen", key)
        kept_one = None if data is None else _opened(lambda: Reference.decode(data, layout))
        if kept_one is not None:
            return kept_one
        days = [(day, calendar.day_class(day), block) for day, block in kept.baseline.days]
        made = Reference.from_days(layout, days, minimum=minimum)
        with self._database.begin() as tx:
            reference_store.store(tx, version_id, "frozen", key, made.encode())
        return made

    def _load(
        self,
        version_id: str,
        key: str,
        layout: Layout,
        calendar: DayCalendar,
        days: list[Day],
        minimum: int,
    ) -> Rolling:
        with self._database.read() as connection:
            kept = reference_store.stored(connection, version_id, "rolling", key)
            if kept is not None:
                found = _opened(lambda: Rolling.decode(key, kept, layout))
                if found is not None:
                    return found
            profiles = (
                profile_store.read_days(
                    connection,
                    version_id,
                    min(day.start for day in days),
                    max(day.end for day in days),
                    with_data=True,
                )
                if days
                else {}
            )
        made = rolling.build(key, layout, calendar, days, profiles, minimum=minimum)
        with self._database.begin() as tx:
            reference_store.store(tx, version_id, "rolling", key, made.encode())
        return made


def _opened(decode: Callable[[], _Value]) -> _Value | None:
    """``None`` where the bytes are damaged: references are derived, so they are made again."""
    try:
        return decode()
    except (IntegrityError, LookupError, TypeError, ValueError):
        return None


def _get(lock: threading.Lock, cache: OrderedDict[_Key, _Value], key: _Key) -> _Value | None:
    with lock:
        if key in cache:
            cache.move_to_end(key)
        return cache.get(key)


def _put(lock: threading.Lock, cache: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    with lock:
        cache[key] = value
        while len(cache) > _CACHED:
            cache.popitem(last=False)
