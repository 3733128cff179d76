"""Which hours make a day of a model, and which days are alike.

A day is the model's own, from local midnight to local midnight (23 or 25 hours where clocks
change), cut at whole UTC hours: where midnight falls inside an hour, the day begins with that hour.
Days of one class (weekday, weekend, ...) are compared with each other. Pure; the time-zone database
is the only thing it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from governance.values import as_utc

if TYPE_CHECKING:
    from governance.config.drift import Calendar

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_SATURDAY = 5


def whole_hour(moment: datetime) -> datetime:
    """The beginning of the UTC hour that ``moment`` lies in."""
    return as_utc(moment).replace(minute=0, second=0, microsecond=0)


def hours(start: datetime, end: datetime) -> Iterator[datetime]:
    """The whole UTC hours of ``start <= hour < end``."""
    hour = whole_hour(start)
    while hour < end:
        yield hour
        hour += HOUR


@dataclass(frozen=True, slots=True)
class DayCalendar:
    """
    Attributes:
        timezone: IANA name of the model's zone.
        days: ``weekday_weekend``, ``trading`` (session or closed) or ``same``.
        holidays: local days that are like a weekend, or closed.

    >>> calendar = DayCalendar("America/New_York")
    >>> start, end = calendar.bounds(date(2013, 3, 10))  # clocks go forward
    >>> start.isoformat(), (end - start) / HOUR
    ('2013-03-10T05:00:00+00:00', 23.0)
    >>> calendar.day_of(start - HOUR), calendar.day_class(date(2013, 3, 10))
    (datetime.date(2013, 3, 9), 'weekend')
    """

    timezone: str = "UTC"
    days: Literal["weekday_weekend", "trading", "same"] = "weekday_weekend"
    holidays: frozenset[date] = field(default_factory=frozenset)

    @classmethod
    def of(cls, declared: Calendar, timezone: str) -> DayCalendar:
        """As a model declares it."""
        return cls(timezone, declared.days, frozenset(declared.holidays))

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """First hour of ``day`` and of the day after it, in UTC."""
        return self._midnight(day), self._midnight(day + DAY)

    def day_of(self, moment: datetime) -> date:
        """The day of which ``moment`` is a part."""
        moment = as_utc(moment)
        day = moment.astimezone(ZoneInfo(self.timezone)).date()
        if moment < self._midnight(day):
            return day - DAY
        return day + DAY if moment >= self._midnight(day + DAY) else day

    def is_close(self, moment: datetime) -> bool:
        """Does a day end at ``moment``?"""
        return self._midnight(self.day_of(moment)) == as_utc(moment)

    def day_class(self, day: date) -> str:
        """``weekday``, ``weekend``, ``session``, ``closed`` or ``day``."""
        if self.days == "same":
            return "day"
        free = day.weekday() >= _SATURDAY or day in self.holidays
        if self.days == "trading":
            return "closed" if free else "session"
        return "weekend" if free else "weekday"

    def class_of_window(self, start: datetime, end: datetime) -> str:
        """The class that most hours of the window have; of two equal ones the later."""
        counts: dict[str, int] = {}
        last = ""
        for hour in hours(start, end):
            last = self.day_class(self.day_of(hour))
            counts[last] = counts.get(last, 0) + 1
        return max(counts, key=lambda name: (counts[name], name == last))

    def last_day_before(self, moment: datetime) -> date:
        """The last day that is over at ``moment``."""
        return self.day_of(moment) - DAY

    def _midnight(self, day: date) -> datetime:
        return _midnight(self.timezone, day)


@lru_cache(maxsize=4096)  # a look asks for the same months of days again
def _midnight(timezone: str, day: date) -> datetime:
    local = datetime.combine(day, time(), ZoneInfo(timezone))
    return whole_hour(local.astimezone(UTC))
