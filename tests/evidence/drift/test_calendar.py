"""Days of a model: every hour belongs to exactly one, clocks and odd zones notwithstanding."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.config.drift import Calendar
from governance.errors import NaiveDatetimeError
from governance.evidence.drift.normal.calendar import DAY, HOUR, DayCalendar, hours, whole_hour

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo")
moments = st.datetimes(
    min_value=datetime(1990, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC)
)


@given(moments, st.sampled_from(ZONES))
def test_every_moment_lies_in_its_day_and_days_join(moment: datetime, zone: str) -> None:
    calendar = DayCalendar(zone)
    day = calendar.day_of(moment)
    start, end = calendar.bounds(day)
    assert start <= moment < end
    assert timedelta(hours=22) <= end - start <= timedelta(hours=26)
    assert calendar.bounds(day + DAY)[0] == end
    assert start == whole_hour(start)
    assert calendar.is_close(start)
    assert not calendar.is_close(start + HOUR)
    assert calendar.last_day_before(start) == day - DAY


@pytest.mark.parametrize(
    ("day", "length"), [(date(2013, 3, 10), 23), (date(2013, 11, 3), 25), (date(2013, 3, 11), 24)]
)
def test_a_day_on_which_clocks_change_has_the_hours_it_has(day: date, length: int) -> None:
    start, end = DayCalendar("America/New_York").bounds(day)
    assert len(list(hours(start, end))) == length


def test_a_zone_of_half_hours_begins_its_day_with_the_hour_that_holds_midnight() -> None:
    start, _ = DayCalendar("Asia/Kolkata").bounds(date(2026, 3, 2))
    assert start == datetime(2026, 3, 1, 18, tzinfo=UTC)  # midnight is 18:30 UTC


def test_classes_of_days() -> None:
    saturday, monday = date(2026, 3, 7), date(2026, 3, 9)
    declared = Calendar(days="trading", holidays=(monday,))
    assert DayCalendar.of(declared, "UTC").day_class(monday) == "closed"
    assert DayCalendar("UTC", "trading").day_class(monday) == "session"
    assert DayCalendar("UTC", "same").day_class(saturday) == "day"
    assert DayCalendar("UTC", holidays=frozenset({monday})).day_class(monday) == "weekend"


def test_a_window_of_mixed_class_is_of_the_class_of_most_of_its_hours() -> None:
    calendar = DayCalendar("UTC")
    saturday = datetime(2026, 3, 7, tzinfo=UTC)
    for into, expected in ((11, "weekday"), (12, "weekend"), (13, "weekend")):
        end = saturday + into * HOUR
        assert calendar.class_of_window(end - DAY, end) == expected


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(NaiveDatetimeError):
        DayCalendar().day_of(datetime(2026, 3, 7))
