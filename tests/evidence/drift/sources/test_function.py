"""A user's function may give anything; it passes as rows only if it is rows of the hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from governance.config.drift import FunctionData
from governance.errors import ConfigError, DataSourceError, LiveDataError
from governance.evidence.drift.sources.function import FunctionSource
from governance.evidence.drift.sources.live import LiveStatus
from governance.evidence.drift.sources.open import open_source

from .conftest import FIRST, HOUR, live_frame

_asked: list[tuple[datetime, datetime, dict[str, Any]]] = []
_answer: Callable[[], Any]


def answering(start: datetime, end: datetime, params: dict[str, Any]) -> Any:
    _asked.append((start, end, params))
    params["changed"] = True
    return _answer()


def identity(given: Any) -> Any:
    return given


def source(answer: Callable[[], Any], **params: Any) -> FunctionSource:
    global _answer
    _answer = answer
    _asked.clear()
    return FunctionSource(f"{__name__}:answering", params, time_column="time")


def test_it_is_asked_once_for_all_hours_with_its_params_unchanged() -> None:
    given = {"a": [1]}
    live = source(live_frame, **given)
    assert live.read(FIRST, FIRST + 6 * HOUR, ["delay"]).rows == 27
    assert live.read(FIRST, FIRST + 6 * HOUR, ["delay"]).rows == 27
    assert [one[:2] for one in _asked] == [(FIRST, FIRST + 6 * HOUR)] * 2
    assert _asked[1][2] == {"a": [1], "changed": True} and given == {"a": [1]}


def test_rows_that_were_not_asked_for_are_told() -> None:
    found = source(live_frame).read(FIRST, FIRST + HOUR, ["delay"])
    assert (found.status, found.rows, found.outside) == (LiveStatus.OK, 6, 21)
    assert "21 of 27 rows are not counted" in str(found.problem)
    found = source(live_frame).read(FIRST - HOUR, FIRST, ["delay"])
    assert (found.status, found.rows, found.outside) == (LiveStatus.INVALID, 0, 27)


def test_an_arrow_table_is_taken_and_no_rows_are_empty() -> None:
    table = pa.Table.from_pandas(live_frame(), preserve_index=False)
    assert source(lambda: table).read(FIRST, FIRST + HOUR, ["delay"]).rows == 6
    for nothing in (pd.DataFrame(), live_frame().iloc[:0], table.slice(0, 0)):
        found = source(partial(identity, nothing)).read(FIRST, FIRST + HOUR, ["delay"])
        assert found.status is LiveStatus.EMPTY


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.drop(columns="time"), "has no column 'time'"),
        (lambda frame: frame.set_index("time"), "has no column 'time'"),
        (lambda frame: frame.assign(time=frame["time"].dt.tz_localize(None)), "no time zone"),
        (lambda frame: frame.assign(time=frame["time"].astype(str)), "not a time"),
        (lambda frame: pd.concat([frame, frame[["delay"]]], axis=1), "'delay' twice"),
    ],
    ids=["no time", "time as index", "naive", "text", "twice"],
)
def test_a_frame_that_says_no_hours_is_invalid(
    change: Callable[[pd.DataFrame], pd.DataFrame], told: str
) -> None:
    found = source(lambda: change(live_frame())).read(FIRST, FIRST + HOUR, ["delay"])
    assert (found.status, found.table) == (LiveStatus.INVALID, None)
    assert told in str(found.problem)


@pytest.mark.parametrize("answer", [None, [], {"time": []}, "rows", pd.Series([1])])
def test_what_is_no_table_is_an_error(answer: Any) -> None:
    with pytest.raises(LiveDataError, match=f"returned a {type(answer).__name__}; return a Data"):
        source(lambda: answer).read(FIRST, FIRST + HOUR, ["delay"])


def test_what_it_raises_is_an_error_that_names_it() -> None:
    def fail() -> None:
        raise KeyError("dep")

    with pytest.raises(LiveDataError, match=r"answering failed for .*KeyError: 'dep'") as caught:
        source(fail).read(FIRST, FIRST + HOUR, ["delay"])
    assert isinstance(caught.value.__cause__, KeyError)

    def refuse() -> None:
        raise DataSourceError("the file is not there; copy it")

    with pytest.raises(DataSourceError, match="copy it"):
        source(refuse).read(FIRST, FIRST + HOUR, ["delay"])


def test_a_function_that_is_not_there_is_refused_when_it_is_opened() -> None:
    declared = FunctionData(kind="function", function="governance.training.flights:nothing")
    with pytest.raises(ConfigError, match="live function 'governance.training.flights:nothing'"):
        open_source(declared, time_column="time", environment={})


def test_the_flights_are_live_data() -> None:
    declared = FunctionData(kind="function", function="governance.training.flights:departures")
    live = open_source(declared, time_column="time", environment={})
    found = live.read(FIRST, FIRST + 24 * HOUR, ["visib", "carrier", "arr_delay"])
    assert found.table is not None and found.problem is None
    assert found.table.column_names == ["time", "visib", "carrier"]
    night = datetime(2013, 2, 8, 8, tzinfo=UTC)
    assert live.read(night, night + timedelta(hours=1), ["visib"]).status is LiveStatus.EMPTY
