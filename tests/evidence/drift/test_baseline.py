"""A baseline is its edges, shares and frozen days, found again by its content."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from governance.errors import IntegrityError, InvalidEvidenceError, NaiveDatetimeError
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.packed import pack, seal
from governance.evidence.drift.profiles.profiling import profile_table

NEW_YORK = ZoneInfo("America/New_York")


class Days:
    """A calendar that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []

    def day_of(self, moment: datetime) -> date:
        self.asked.append(moment)
        return moment.astimezone(NEW_YORK).date()


def flights(days: int = 5, rows: int = 2_000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2013-03-08T05:00", tz="UTC")
    return pd.DataFrame(
        {
            "time": start + pd.to_timedelta(np.sort(rng.integers(0, days * 86_400, rows)), "s"),
            "delay": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(5, 30, rows)),
            "carrier": rng.choice(["UA", "B6", "EV"], rows),
            "hour": rng.integers(5, 23, rows),
        }
    )


def baseline(frame: Any, **given: Any) -> Baseline:
    defaults: dict[str, Any] = {
        "features": ["delay", "carrier", "hour"],
        "categorical": ["hour"],
        "time_column": "time",
        "day_of": Days(),
        "importance": {"delay": 0.75, "carrier": 0.25},
    }
    return Baseline.of(frame, **defaults | given)


def test_days_are_local_and_together_the_whole_reference() -> None:
    frame, calendar = flights(), Days()
    made = baseline(frame, day_of=calendar)
    local = frame["time"].dt.tz_convert("America/New_York").dt.date
    assert {day: block.rows for day, block in made.days} == local.value_counts().to_dict()
    assert [day for day, _ in made.days] == sorted(set(local))
    assert ProfileBlock.sum(block for _, block in made.days) == profile_table(
        made.layout, pa.Table.from_pandas(frame)
    )
    hours = frame["time"].dt.floor("h").unique()
    assert len(calendar.asked) == len(hours)  # each hour once, not each row
    assert all(moment.utcoffset() == timedelta(0) for moment in calendar.asked)
    assert (made.first, made.last) == (frame["time"].min(), frame["time"].max())
    assert made.rows == len(frame)
    assert made.importance == {"delay": 0.75, "carrier": 0.25, "hour": None}
    assert made.layout.edges[2].kind == "categorical"


def test_a_baseline_comes_back_from_its_bytes() -> None:
    made = baseline(flights())
    back = Baseline.decode(made.encode())
    assert back == made and back.sha256 == made.sha256 and hash(back) == hash(made)
    assert back.days == made.days and back.layout == made.layout
    assert back.days[-2:] == made.days[-2:] and back.days[-1] == back.days[len(made.days) - 1]
    with pytest.raises(IndexError):
        back.days[len(made.days)]
    assert (back.rows, back.first, back.last) == (made.rows, made.first, made.last)
    assert back.importance == made.importance
    assert made != baseline(flights(), importance={}) and made != "baseline"


def test_order_of_rows_and_kind_of_table_do_not_matter() -> None:
    frame = flights()
    wanted = baseline(frame)
    shuffled = frame.sample(frac=1, random_state=0)
    assert baseline(shuffled) == wanted
    assert baseline(pa.Table.from_pandas(frame, preserve_index=False)) == wanted
    in_zone = frame.assign(time=frame["time"].dt.tz_convert("Asia/Kolkata"))
    assert baseline(in_zone, day_of=Days().day_of) == wanted


def test_at_most_the_last_sixty_days_are_kept_but_all_rows_make_edges() -> None:
    times = pd.date_range("2012-12-01T12:00", periods=70, freq="D", tz="UTC")
    made = baseline(
        pd.DataFrame({"time": times, "x": np.arange(70.0)}), features=["x"], categorical=[]
    )
    assert len(made.days) == 60 and made.days[-1][0] == date(2013, 2, 8)
    assert made.rows == 70 and made.layout.edges[0].midpoints[0] == 0.0


def test_rows_without_a_time_belong_to_no_day() -> None:
    frame = flights()
    frame.loc[frame.index[:100], "time"] = pd.NaT
    made = baseline(frame)
    assert made.rows == 2_000 and sum(block.rows for _, block in made.days) == 1_900
    assert made.first == frame["time"].min()


@pytest.mark.parametrize("rows", [0, 1])
def test_a_reference_of_no_or_one_row_is_a_baseline_too(rows: int) -> None:
    made = baseline(flights().head(rows))
    assert len(made.days) == made.rows == rows
    assert (made.first is None) == (rows == 0) == (made.last is None)
    assert Baseline.decode(made.encode()) == made


def test_times_before_1970_and_in_any_unit_have_their_day() -> None:
    for unit in ("s", "ms", "us", "ns"):
        times = pa.array([datetime(1969, 7, 20, 20, 17, tzinfo=UTC)], pa.timestamp(unit, "UTC"))
        made = baseline(pa.table({"time": times, "x": [1.0]}), features=["x"], categorical=[])
        assert made.first == datetime(1969, 7, 20, 20, 17, tzinfo=UTC)
        assert [day for day, _ in made.days] == [date(1969, 7, 20)]


def test_bad_references_are_refused_with_the_remedy() -> None:
    frame = flights()
    with pytest.raises(NaiveDatetimeError, match="tz_localize"):
        baseline(frame.assign(time=frame["time"].dt.tz_localize(None)))
    with pytest.raises(InvalidEvidenceError, match="zoned timestamps"):
        baseline(frame.assign(time=1))
    with pytest.raises(InvalidEvidenceError, match=r"\['dest'\]"):
        baseline(frame, features=["delay", "dest"])
    with pytest.raises(InvalidEvidenceError, match="'time'"):
        baseline(frame, features=["time"])


def test_damaged_bytes_are_no_baseline() -> None:
    sealed = baseline(flights()).encode()
    for damaged in (sealed[:-1], b"", seal(pack({}, {})), seal(b"")):
        with pytest.raises(IntegrityError):
            Baseline.decode(damaged)
