"""Six hours of live data in every kind of source, and the means to spoil them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import fsspec
import pandas as pd
import pytest
import sqlalchemy as sa

from governance.config.drift import FunctionData, ParquetData, SqlData
from governance.evidence.drift.sources.frame import FrameSource
from governance.evidence.drift.sources.live import LiveSource
from governance.evidence.drift.sources.open import open_source

HOUR = timedelta(hours=1)
FIRST = datetime(2013, 2, 8, 18, tzinfo=UTC)
LAYOUT = "date=%Y-%m-%d/hour=%H"
WITHOUT_ROWS = 4  # this hour of the six has none, and no file
_given: dict[str, pd.DataFrame] = {}


def live_frame() -> pd.DataFrame:
    """A row every 11 minutes with text, numbers and gaps, over midnight, with one hour missing."""
    times = pd.date_range(FIRST, FIRST + 6 * HOUR, freq="11min", inclusive="left")
    times = times[times.floor("h") != FIRST + WITHOUT_ROWS * HOUR].as_unit("us")
    rows = range(len(times))
    return pd.DataFrame(
        {
            "time": times,
            "visib": [None if row % 5 == 0 else row / 4 for row in rows],
            "delay": [row * row for row in rows],
            "origin": [("EWR", "JFK", None)[row % 3] for row in rows],
        }
    )


def frame_of_function(start: datetime, end: datetime, params: dict[str, str]) -> pd.DataFrame:
    """The live function of these tests: rows of the frame that a test has left here."""
    frame = _given[params["key"]]
    return frame[(frame["time"] >= start) & (frame["time"] < end)]


def write_hours(frame: pd.DataFrame, base: str, layout: str = LAYOUT) -> None:
    """``frame`` as a dataset by hour; a layout of folders gets two files an hour."""
    filesystem, root = fsspec.core.url_to_fs(base)
    for hour, rows in frame.groupby(frame["time"].dt.floor("h")):
        place = f"{root}/{pd.Timestamp(hour).strftime(layout)}"
        parts = {place: rows}
        if not place.endswith(".parquet"):
            parts = {f"{place}/part-{n}.parquet": rows.iloc[n::2] for n in range(2)}
        for path, part in parts.items():
            filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
            with filesystem.open(path, "wb") as file:
                part.to_parquet(file, index=False)


def write_table(frame: pd.DataFrame, url: str, table: str = "live") -> None:
    """Times as timestamptz, or on SQLite as ISO text in UTC, which is what it has."""
    engine = sa.create_engine(url)
    kinds = {}
    if engine.dialect.name == "sqlite":
        frame = frame.assign(time=frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    else:
        kinds = {"time": sa.DateTime(timezone=True)}
    frame.to_sql(table, engine, index=False, dtype=kinds, if_exists="replace")
    engine.dispose()


@pytest.fixture
def memory_url() -> Iterator[str]:
    url = f"memory://{uuid4().hex}"
    yield url
    filesystem, root = fsspec.core.url_to_fs(url)
    if filesystem.exists(root):
        filesystem.rm(root, recursive=True)


KINDS = (
    "frame",
    "parquet folders",
    "parquet files",
    "parquet in memory",
    "parquet files in memory",
    "table on sqlite",
    "table on postgresql",
    "query on sqlite",
    "query on postgresql",
    "function",
)


@pytest.fixture(params=KINDS)
def make(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[pd.DataFrame], LiveSource]]:
    """Every kind of source, made from a frame."""
    kind: str = request.param
    keys: list[str] = []

    def made(frame: pd.DataFrame) -> LiveSource:
        declared: ParquetData | SqlData | FunctionData
        environment = {}
        if kind == "frame":
            return FrameSource(frame)
        if kind.startswith("parquet"):
            base = request.getfixturevalue("memory_url") if "memory" in kind else f"{tmp_path}/live"
            layout = "%Y/%m/%d-%H.parquet" if "files" in kind else LAYOUT
            declared = ParquetData(kind="parquet", path=base, layout=layout)
            write_hours(frame, base, layout)
        elif kind == "function":
            keys.append(uuid4().hex)
            _given[keys[-1]] = frame
            function = f"{frame_of_function.__module__}:{frame_of_function.__name__}"
            declared = FunctionData(kind="function", function=function, params={"key": keys[-1]})
        else:
            fixture = "empty_postgres_url" if "postgresql" in kind else "sqlite_url"
            environment = {"LIVE_URL": request.getfixturevalue(fixture)}
            write_table(frame, environment["LIVE_URL"])
            query = "SELECT * FROM live WHERE time >= :start AND time < :end -- the hour"
            given = {"query": query} if "query" in kind else {"table": "live"}
            declared = SqlData(kind="sql", url_from="LIVE_URL", **given)
        return open_source(declared, time_column="time", environment=environment)

    yield made
    for key in keys:
        del _given[key]
