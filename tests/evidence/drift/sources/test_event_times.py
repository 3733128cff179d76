"""Times decide alone which rows count."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.sources.event_times import clip
from governance.evidence.drift.sources.frame import FrameSource, arrow_table
from governance.evidence.drift.sources.hours import joined, together
from governance.evidence.drift.sources.live import LiveRows, LiveStatus

from .conftest import FIRST, HOUR

_AROUND = st.one_of(
    st.none(),
    st.datetimes(datetime(2013, 2, 8, 16), datetime(2013, 2, 8, 22), timezones=st.just(UTC)),
    st.sampled_from([FIRST, FIRST + HOUR, FIRST - timedelta(microseconds=1)]),
)
_ZONES = st.sampled_from(["UTC", "America/New_York", "+05:30"])


@given(times=st.lists(_AROUND, max_size=30), unit=st.sampled_from(["us", "ns"]), zone=_ZONES)
def test_a_row_counts_in_the_one_hour_of_its_time(
    times: list[datetime | None], unit: str, zone: str
) -> None:
    column = pa.array(times, pa.timestamp(unit, zone))
    table = pa.table({"time": column, "row": range(len(times))})
    seen: list[int] = []
    for number in range(-3, 6):
        start, end = FIRST + number * HOUR, FIRST + (number + 1) * HOUR
        rows, others = clip(
            table, ["row"], time_column="time", start=start, end=end, where="the table"
        )
        inside = [n for n, time in enumerate(times) if time is not None and start <= time < end]
        assert rows.column("row").to_pylist() == inside
        assert others == len(times) - len(inside)
        seen += inside
    assert sorted(seen) == [n for n, time in enumerate(times) if time is not None]


@given(times=st.lists(_AROUND, max_size=30))
def test_a_frame_in_any_order_gives_the_rows_of_each_hour(times: list[datetime | None]) -> None:
    kept = [time for time in times if time is not None]
    frame = pd.DataFrame(
        {"time": pd.Series(times, dtype="datetime64[us, UTC]"), "row": range(len(times))}
    )
    source = FrameSource(frame)
    counts = source.fingerprints(FIRST - 3 * HOUR, FIRST + 6 * HOUR)
    assert sum(int(text.removeprefix("rows=")) for text in counts.values()) == len(kept)
    for hour, text in counts.items():
        found = source.read(hour, hour + HOUR, ["row"])
        assert found.table is not None and f"rows={found.rows}" == text
        rows = set(found.table.column("row").to_pylist())
        assert rows == {n for n, time in enumerate(times) if time and hour <= time < hour + HOUR}


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (pd.Series([FIRST.replace(tzinfo=None)]), "no time zone"),
        (pd.Series([FIRST.replace(tzinfo=None), FIRST], dtype=object), "without a time zone"),
        (pd.Series(["2013-02-08T18:00:00Z"]), "not a time"),
        (pd.Series([1360346400]), "int64, not a time"),
        (pd.Series([1360346400.0]), "double, not a time"),
        (pd.Series([FIRST.date()]), "date32.*, not a time"),
        (pd.Series([None], dtype=object), "null, not a time"),
    ],
)
def test_what_is_no_time_with_a_zone_is_invalid(times: pd.Series, told: str) -> None:
    frame = pd.DataFrame({"time": times, "x": 1.0})
    found = FrameSource(frame).read(FIRST, FIRST + HOUR, ["x"])
    assert (found.status, found.table) == (LiveStatus.INVALID, None)
    assert re.search(told, str(found.problem))


def test_a_frame_without_the_time_column_or_with_a_column_twice_is_invalid() -> None:
    frame = pd.DataFrame({"when": pd.to_datetime([FIRST]), "x": 1.0})
    found = FrameSource(frame).read(FIRST, FIRST + HOUR, ["x"])
    assert found.status is LiveStatus.INVALID
    assert "set drift.time_column to one of when, x" in str(found.problem)
    twice = pd.concat([frame, frame], axis=1)
    found = FrameSource(twice, time_column="when").read(FIRST, FIRST + HOUR, ["x"])
    assert found.status is LiveStatus.INVALID and "twice" in str(found.problem)
    table = pa.table([pa.array([FIRST]), pa.array([1]), pa.array([2])], names=["time", "x", "x"])
    found = FrameSource(table).read(FIRST, FIRST + HOUR, ["x"])
    assert found.status is LiveStatus.INVALID and "'x' twice" in str(found.problem)
    assert FrameSource(table).read(FIRST, FIRST + HOUR, ["y"]).status is LiveStatus.OK


def test_an_empty_frame_is_empty_whatever_its_columns_are() -> None:
    for frame in (pd.DataFrame(), pd.DataFrame({"time": [], "x": []})):
        found = FrameSource(frame).read(FIRST, FIRST + HOUR, ["x"])
        assert found.status is LiveStatus.EMPTY


def test_times_in_nanoseconds_can_be_asked_for_years_that_they_cannot_hold() -> None:
    frame = pd.DataFrame({"time": pd.to_datetime([FIRST]).as_unit("ns"), "x": 1.0})
    far = datetime(2999, 1, 1, tzinfo=UTC)
    assert FrameSource(frame).read(far, far + HOUR, ["x"]).status is LiveStatus.EMPTY


def test_mixed_objects_become_text_and_stop_no_other_column() -> None:
    frame = pd.DataFrame({"time": [FIRST] * 3, "a": [1, "x", np.nan], "b": [1.0, 2.0, None]})
    table = arrow_table(frame, "time")
    assert table.column("a").to_pylist() == ["1", "x", None]
    assert table.column("b").to_pylist() == [1.0, 2.0, None]


def test_types_of_one_kind_are_widened_and_others_are_named() -> None:
    parts = [
        ("a", pa.table({"x": pa.array([1], pa.int32()), "c": pa.array(["u"]).dictionary_encode()})),
        ("b", pa.table({"x": pa.array([2], pa.int64()), "c": pa.array(["v"])})),
        ("c", pa.table({"x": pa.nulls(1), "c": pa.array(["u"]).dictionary_encode()})),
        ("d", pa.table({"x": pa.array([0.5])})),
    ]
    whole = joined(parts)
    assert whole.column("x").to_pylist() == [1.0, 2.0, None, 0.5]
    assert whole.column("c").to_pylist() == ["u", "v", "u", None]
    with pytest.raises(InvalidEvidenceError, match="'x' is int32 in a and string in z; write it"):
        joined([parts[0], ("z", pa.table({"x": ["1"]}))])


def test_several_hours_are_as_good_as_the_worst_of_them() -> None:
    rows = LiveRows(table=pa.table({"x": [1]}), status=LiveStatus.OK, outside=2)
    texts = LiveRows(table=pa.table({"x": ["1"]}), status=LiveStatus.OK)
    missing = LiveRows(status=LiveStatus.MISSING, problem="no file")
    empty = LiveRows(status=LiveStatus.EMPTY, problem="no rows")
    torn = LiveRows(status=LiveStatus.CORRUPT, problem="torn")

    def status(*found: LiveRows) -> tuple[LiveStatus, str | None, int]:
        made = together([(FIRST + n * HOUR, one) for n, one in enumerate(found)])
        return made.status, made.problem, made.rows

    assert status(rows, rows) == (LiveStatus.OK, None, 2)
    assert status(rows, missing) == (LiveStatus.OK, "2013-02-08T19Z: no file", 1)
    assert status(rows, torn, missing) == (LiveStatus.CORRUPT, "2013-02-08T19Z: torn", 0)
    assert status(missing, missing)[0] is LiveStatus.MISSING
    assert status(missing, empty)[0] is LiveStatus.EMPTY
    assert status(rows, texts)[0] is LiveStatus.INVALID
    assert str(status(*[missing] * 9)[1]).endswith("; and 4 hours more")


def test_a_status_that_is_not_ok_has_no_rows() -> None:
    with pytest.raises(ValueError, match="exactly where"):
        LiveRows(table=pa.table({"x": [1]}), status=LiveStatus.CORRUPT)
    with pytest.raises(ValueError, match="exactly where"):
        LiveRows(status=LiveStatus.OK)
