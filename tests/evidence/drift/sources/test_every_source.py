"""What all sources promise, asked of each of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from governance.errors import InvalidInputError, NaiveDatetimeError
from governance.evidence.drift.sources.live import LiveSource, LiveStatus

from .conftest import FIRST, HOUR, WITHOUT_ROWS, live_frame

Make = Callable[[pd.DataFrame], LiveSource]
COLUMNS = ["visib", "delay", "origin"]


def as_frame(source: LiveSource, start: datetime, end: datetime) -> pd.DataFrame:
    found = source.read(start, end, COLUMNS)
    assert found.table is not None, found.problem
    frame: pd.DataFrame = found.table.select(["time", *COLUMNS]).to_pandas()
    return frame.sort_values("time").reset_index(drop=True)


def expected(start: datetime, end: datetime) -> pd.DataFrame:
    frame = live_frame()
    return frame[(frame["time"] >= start) & (frame["time"] < end)].reset_index(drop=True)


def test_each_hour_and_all_hours_have_their_rows(make: Make) -> None:
    source = make(live_frame())
    for number in range(6):
        start = FIRST + number * HOUR
        if number == WITHOUT_ROWS:
            found = source.read(start, start + HOUR, COLUMNS)
            assert found.status in (LiveStatus.EMPTY, LiveStatus.MISSING)
            assert (found.table, found.rows) == (None, 0)
            assert found.problem
            continue
        pd.testing.assert_frame_equal(
            as_frame(source, start, start + HOUR), expected(start, start + HOUR), check_dtype=False
        )
    pd.testing.assert_frame_equal(
        as_frame(source, FIRST, FIRST + 6 * HOUR),
        expected(FIRST, FIRST + 6 * HOUR),
        check_dtype=False,
    )


def test_only_columns_that_were_asked_for_come_and_absent_ones_do_not(make: Make) -> None:
    source = make(live_frame())
    found = source.read(FIRST, FIRST + HOUR, ["delay", "no such", "delay"])
    assert found.status is LiveStatus.OK
    assert found.table is not None
    assert sorted(found.table.column_names) == ["delay", "time"]
    assert found.problem is None
    nothing = source.read(FIRST, FIRST + HOUR, [])
    assert nothing.rows == found.rows == 6


def test_fingerprints_are_those_of_reading_and_name_no_hour_without_data(make: Make) -> None:
    source = make(live_frame())
    given = source.fingerprints(FIRST - 3 * HOUR, FIRST + 9 * HOUR)
    for number in range(-3, 9):
        hour = FIRST + number * HOUR
        assert given.get(hour) == source.read(hour, hour + HOUR, ["delay"]).fingerprint
    hours = [FIRST + number * HOUR for number in range(6) if number != WITHOUT_ROWS]
    assert list(given) in ([], hours)


def test_more_rows_change_the_fingerprint_of_their_hour_alone(make: Make) -> None:
    frame = live_frame()
    before = make(frame.iloc[1:]).fingerprints(FIRST, FIRST + 6 * HOUR)
    after = make(frame).fingerprints(FIRST, FIRST + 6 * HOUR)
    assert set(before) == set(after)
    if before:  # files carry the time of their writing; counts do not
        assert before[FIRST] != after[FIRST]


def test_hours_in_another_zone_are_the_same_hours(make: Make) -> None:
    source = make(live_frame())
    start = FIRST.astimezone(ZoneInfo("America/New_York"))
    assert source.read(start, start + HOUR, ["delay"]).rows == 6
    assert all(
        hour.utcoffset() == timedelta(0) for hour in source.fingerprints(start, start + HOUR)
    )


def test_what_is_no_range_of_hours_is_refused(make: Make) -> None:
    source = make(live_frame())
    for start, end, told in (
        (FIRST, FIRST, "is not before"),
        (FIRST + HOUR, FIRST, "is not before"),
        (FIRST + timedelta(minutes=30), FIRST + HOUR, "no whole hour"),
        (FIRST, FIRST + timedelta(seconds=1), "no whole hour"),
    ):
        with pytest.raises(InvalidInputError, match=told):
            source.read(start, end, ["delay"])
        with pytest.raises(InvalidInputError, match=told):
            source.fingerprints(start, end)
    with pytest.raises(NaiveDatetimeError):
        source.read(FIRST.replace(tzinfo=None), FIRST + HOUR, ["delay"])


def test_no_row_at_all_is_never_ok(make: Make) -> None:
    source = make(live_frame())
    found = source.read(FIRST + 100 * HOUR, FIRST + 130 * HOUR, ["delay"])
    assert found.status in (LiveStatus.EMPTY, LiveStatus.MISSING)
    assert found.problem
