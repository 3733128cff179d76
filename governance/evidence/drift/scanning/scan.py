"""Scans, profiling of a range and calibration of one model: what is watched, by which limits.

Each resolves the version that was in production, its declaration, source and policy, and hands over
to its neighbours: ``looking`` and ``recording`` (a scan), ``day_blocks`` (profiling a range),
``false_alarms`` (calibration). Time comes from the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from governance.config.governance_file import GovernanceConfig
from governance.config.policy_file import PolicyFile
from governance.errors import (
    InsufficientEvidenceError,
    InvalidInputError,
    LiveDataError,
    NoProductionVersionError,
)
from governance.evidence.drift.normal.calendar import DAY, HOUR, DayCalendar, hours
from governance.evidence.drift.normal.false_alarms import measure
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.records import calibrations, profile_store, report_store
from governance.evidence.drift.records.baseline_store import BaselineStore, KeptBaseline
from governance.evidence.drift.records.calibrations import Calibration
from governance.evidence.drift.report import DriftReport
from governance.evidence.drift.scanning import rolling
from governance.evidence.drift.scanning.day_blocks import Day
from governance.evidence.drift.scanning.hour_profiles import Progress, read_hours
from governance.evidence.drift.scanning.looking import Looking
from governance.evidence.drift.scanning.opened import OpenedSources
from governance.evidence.drift.scanning.recording import record
from governance.evidence.drift.scanning.seen import Seen, unreachable
from governance.evidence.drift.scanning.watching import Watch
from governance.evidence.drift.sources.live import LiveSource
from governance.history.incidents import channels_of
from governance.policy.drift.limits import DriftLimits
from governance.registry.model_registry import ModelRegistry
from governance.store.database import Database
from governance.values import ModelVersion, as_utc, iso

DEFAULT_DAYS = 30
# Fewer days cannot show that there is at most one false alarm a month, even without any.
_CALIBRATED_DAYS = 92
_REFERENCE = re.compile(r"([1-9][0-9]{0,2})d")
_FEWEST_DAYS, _MOST_DAYS = 7, 365
_FIRST_YEAR, _LAST_YEAR = 1900, 9900  # days before and after are computed with

Total = Callable[[int, int], None]
"""Called with hours done and hours in all."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A model at a time: which version, how it is watched, where its rows are."""

    version: ModelVersion
    watch: Watch
    source: LiveSource
    limits: DriftLimits


class DriftScans:
    """Built by ``DriftDetector``. Thread-safe."""

    def __init__(
        self,
        database: Database,
        registry: ModelRegistry,
        baselines: BaselineStore,
        *,
        config: Callable[[], GovernanceConfig],
        policy: Callable[[], PolicyFile],
        environment: Mapping[str, str],
    ) -> None:
        self._database = database
        self._registry = registry
        self._config = config
        self._policy = policy
        self._looking = Looking(database, baselines)
        self._sources = OpenedSources(environment)

    def scan(
        self,
        name: str,
        *,
        at: datetime,
        window: str,
        reference: str,
        progress: Progress | None = None,
    ) -> DriftReport:
        """One look, recorded. See ``DriftDetector.scan``."""
        moment, days = check_scan(at, window, reference)
        version, watch, limits = self._declared(name, moment)
        try:
            seen = self._looking.look(
                version,
                watch,
                self._sources.of(watch),
                at=moment,
                days=days,
                limits=limits,
                progress=progress,
            )
        except LiveDataError as error:
            self._record_outage(
                unreachable(version, watch, error.message, at=moment, days=days, limits=limits)
            )
            raise
        return self._record(seen)

    def _record(self, seen: Seen) -> DriftReport:
        return record(self._database, seen, channels=channels_of(self._config().alerts))

    def _record_outage(self, seen: Seen) -> None:
        """A missed look counts; but it says nothing against a look that was not missed."""
        name = report_store.report_id(seen.version.name, seen.version.id, seen.at)
        with self._database.read() as connection:
            stands = report_store.standing(connection, name)
        if stands is None:
            self._record(seen)

    def profile(
        self, name: str, *, start: datetime, end: datetime, progress: Total | None = None
    ) -> dict[str, Any]:
        """Profile a range again. See ``DriftDetector.profile``."""
        begin, until = whole_hour_of(start, what="start"), whole_hour_of(end, what="end")
        if begin >= until:
            raise InvalidInputError("start is not before end; exchange them")
        of = self.watched(name, until)
        kept = self._baseline(of, until)
        layout, calendar = kept.baseline.layout, of.watch.calendar
        days = self._over(of, calendar, begin, until)
        single = list(hours(max(begin, until - profile_store.KEPT_HOURS), until))
        total, done = sum(len(day.hours) for day in days) + len(single), 0

        def advance(number: int) -> None:
            nonlocal done
            done += number
            if progress is not None:
                progress(done, total)

        read: dict[datetime, profile_store.DayHead] = {}
        self._looking.references.read(
            of.version.id, of.source, layout, days, heads=read, progress=advance
        )
        recent = [hour.stored for hour in read_hours(of.source, layout, single, progress=advance)]
        with self._database.begin() as tx:
            profile_store.put(tx, of.version.id, recent)
        bad = [day.date for day in days if read[day.start].status != "ok"]
        return {
            "model": name,
            "version_id": of.version.id,
            "version": of.version.version,
            "start": begin,
            "end": until,
            "days": len(days),
            "hours": len(single),
            "rows": sum(head.rows for head in read.values()),
            "unusable_days": [day.isoformat() for day in bad],
        }

    def calibrate(self, name: str, *, at: datetime, days: int = _CALIBRATED_DAYS) -> Calibration:
        """Hold reference days against each other. See ``DriftDetector.calibrate``."""
        moment = whole_hour_of(at, what="at")
        of = self.watched(name, moment)
        kept = self._baseline(of, moment)
        layout, calendar, limits = kept.baseline.layout, of.watch.calendar, of.limits
        lookback = max(limits.lookback_days, days)
        oldest = rolling.candidates(calendar, moment, lookback)[-1].start
        with self._database.read() as connection:
            heads = profile_store.read_day_heads(connection, of.version.id, oldest, moment)
            before = report_store.latest_before(connection, of.version.id, moment)
        chosen = self._looking.references.rolling(
            of.version.id,
            of.source,
            layout,
            calendar,
            at=moment,
            heads=heads,
            quarantined=frozenset(map(date.fromisoformat, before.get("quarantined", ()))),
            wanted=days,
            lookback=lookback,
            minimum=limits.min_block_days,
        ).days
        with self._database.read() as connection:
            profiles = profile_store.read_days(
                connection, of.version.id, oldest, moment, with_data=True
            )
        blocks = [
            (day, calendar.day_class(day), ProfileBlock.decode(profile.data, layout))
            for day in chosen
            if (profile := profiles.get(Day.of(calendar, day).start)) is not None
            and profile.data is not None
        ]
        made = Calibration(
            model=name,
            version_id=of.version.id,
            at=moment,
            measured=measure(layout, blocks, limits),
        )
        with self._database.begin() as tx:
            calibrations.record(tx, made)
        return made

    def _over(
        self, of: Watched, calendar: DayCalendar, begin: datetime, until: datetime
    ) -> list[Day]:
        """The days of a range that ended in it, or that are recorded, so that they ended too."""
        last = Day.of(calendar, calendar.day_of(until - HOUR))
        days = [Day.of(calendar, calendar.day_of(begin))]
        while days[-1].date < last.date:
            days.append(Day.of(calendar, days[-1].date + DAY))
        with self._database.read() as connection:
            recorded = profile_store.read_day_heads(connection, of.version.id, last.start, last.end)
        return [day for day in days if day.end <= until or day.start in recorded]

    def watched(self, name: str, at: datetime) -> Watched:
        """
        Raises:
            ConfigError: the model is not declared. DriftDisabledError: it declares no drift.
            NoProductionVersionError: nothing of it was in production at that time.
        """
        version, watch, limits = self._declared(name, at)
        return Watched(version, watch, self._sources.of(watch), limits)

    def _declared(self, name: str, at: datetime) -> tuple[ModelVersion, Watch, DriftLimits]:
        watch = Watch.of(name, self._config().model(name))
        version = self._registry.get_production_model(name, at=at)
        if version is None:
            raise NoProductionVersionError(
                f"no version of {name!r} was in production at {iso(at)}, so there is nothing to "
                "watch; choose a later time, or promote a version"
            )
        return version, watch, self._policy().drift(name)

    def in_production(self, at: datetime) -> list[str]:
        """Models that declare drift and had a version in production."""
        return [
            name
            for name, declared in sorted(self._config().models.items())
            if declared.drift is not None
            and self._registry.get_production_model(name, at=at) is not None
        ]

    def _baseline(self, of: Watched, at: datetime) -> KeptBaseline:
        kept = self._looking.baseline(
            of.version, of.watch, of.source, at=at + DAY, days=DEFAULT_DAYS, limits=of.limits
        )
        if kept is None:
            raise InsufficientEvidenceError(
                f"{of.version.ref} has no baseline, and its live data before {iso(at)} have fewer "
                f"than {of.limits.min_block_days} whole days with rows; wait for data"
            )
        return kept


def check_scan(at: datetime, window: str, reference: str) -> tuple[datetime, int]:
    """The moment in UTC and the days of the reference.

    >>> from datetime import UTC
    >>> check_scan(datetime(2013, 2, 8, tzinfo=UTC), "7d", "30d")
    Traceback (most recent call last):
        ...
    governance.errors.InvalidInputError: window='7d' is not calibrated; ...
    """
    if window != "1d":
        raise InvalidInputError(
            f"window={str(window)[:40]!r} is not calibrated; the null is made of whole days, so "
            "give window='1d'"
        )
    match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if match is None or not _FEWEST_DAYS <= int(match[1]) <= _MOST_DAYS:
        raise InvalidInputError(
            f"reference={str(reference)[:40]!r} must be whole days from '{_FEWEST_DAYS}d' to "
            f"'{_MOST_DAYS}d'"
        )
    return whole_hour_of(at, what="at"), int(match[1])


def whole_hour_of(moment: datetime, *, what: str) -> datetime:
    """``moment`` in UTC if it is a whole hour; profiles are kept by hours."""
    utc = as_utc(moment, what=what)
    if not _FIRST_YEAR <= utc.year < _LAST_YEAR:
        raise InvalidInputError(
            f"{what}={iso(utc)} lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}; correct it"
        )
    floor = utc.replace(minute=0, second=0, microsecond=0)
    if utc != floor:
        raise InvalidInputError(
            f"{what}={iso(utc)} is no whole hour (UTC); give {iso(floor)}, or {iso(floor + HOUR)}"
        )
    return utc
