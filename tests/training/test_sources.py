"""Only rows before `at` ever come out of a source, whatever the source does."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from governance.errors import DataSourceError, NaiveDatetimeError
from governance.training.sources import as_parquet, read_source

AT = datetime(2013, 1, 3, tzinfo=UTC)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A user's module with a source called `rows`."""
    made = ModuleType("users_source")
    monkeypatch.setitem(sys.modules, "users_source", made)
    return made


def _frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"time": pd.date_range("2013-01-01", periods=2, tz="UTC"), **columns})


def _read(module: ModuleType, gives: Any, *, at: datetime = AT) -> pd.DataFrame:
    module.rows = lambda at, params: gives  # type: ignore[attr-defined]  # a module made for this
    return read_source("users_source:rows", {}, at=at)


@pytest.mark.parametrize(
    ("gives", "told"),
    [
        (None, "returned a NoneType, not a DataFrame"),
        (_frame().iloc[:0], "has no rows before 2013-01-03"),
        (pd.DataFrame({"close": [1.0]}), "has no column 'time'"),
        (pd.concat([_frame(), _frame()], axis=1), "has the column 'time' twice"),
        (pd.DataFrame({"time": ["2013-01-01"]}), "give times with a zone"),
        (pd.DataFrame({"time": pd.to_datetime(["2013-01-01"])}), "give times with a zone"),
        (pd.DataFrame({"time": pd.to_datetime(["2013-01-01", "NaT"], utc=True)}), "missing times"),
        (pd.DataFrame({"time": pd.to_datetime(["2013-01-03"], utc=True)}), "leak the future"),
    ],
)
def test_a_broken_promise_is_refused(module: ModuleType, gives: Any, told: str) -> None:
    with pytest.raises(DataSourceError, match=told):
        _read(module, gives)


def test_the_error_of_a_source_is_its_cause(module: ModuleType) -> None:
    def rows(at: datetime, params: Any) -> pd.DataFrame:
        raise ConnectionError("no route")

    module.rows = rows  # type: ignore[attr-defined]  # a module made for this
    with pytest.raises(DataSourceError, match="ConnectionError: no route") as caught:
        read_source("users_source:rows", {}, at=AT)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_rows_come_back_in_utc_in_time_order(module: ModuleType) -> None:
    frame = _frame(value=[1, 2]).iloc[::-1]
    frame["time"] = frame["time"].dt.tz_convert("America/New_York")
    made = _read(module, frame)
    assert made["value"].tolist() == [1, 2]
    assert made.index.tolist() == [0, 1]
    assert str(made["time"].dt.tz) == "UTC"


def test_notes_of_a_library_about_the_frame_do_not_count(module: ModuleType) -> None:
    frame = _frame()
    frame.attrs = {"made_by": object()}
    assert as_parquet(_read(module, frame), "users_source:rows") == as_parquet(
        _read(module, _frame()), "users_source:rows"
    )


def test_a_naive_time_is_refused(module: ModuleType) -> None:
    with pytest.raises(NaiveDatetimeError):
        _read(module, _frame(), at=datetime(2013, 1, 3))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("as_folder", [True, False])
def test_files_give_their_rows_before_at(tmp_path: Path, kind: str, as_folder: bool) -> None:
    frame = pd.DataFrame(
        {"seen": pd.date_range("2013-01-01", periods=4, tz="UTC"), "value": [1.0, 2.0, 3.0, 4.0]}
    )
    parts = [frame.iloc[:1], frame.iloc[1:]] if as_folder else [frame]
    for number, part in enumerate(parts):
        path = tmp_path / f"part_{number}.{kind}"
        if kind == "csv":
            part.to_csv(path, index=False)
        else:
            part.to_parquet(path, index=False)
    (tmp_path / "notes.txt").write_text("not data")
    path = tmp_path if as_folder else tmp_path / f"part_0.{kind}"
    made = read_source(
        f"governance.training.sources:{kind}",
        {"path": str(path), "time_column": "seen"},
        at=AT + timedelta(microseconds=1),
        time_column="seen",
    )
    assert made["value"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("content", "path", "told"),
    [
        (None, "data.csv", "must be absolute"),
        (None, "{folder}/none.csv", "there is no file"),
        ("", "{folder}/data.csv", "cannot be read"),
        ("value\n1\n", "{folder}/data.csv", "has no column 'time'"),
        ("time,value\n2013-01-01 00:00:00,1\n", "{folder}/data.csv", "has no time zone"),
    ],
)
def test_files_that_cannot_be_taken_are_told(
    tmp_path: Path, content: str | None, path: str, told: str
) -> None:
    if content is not None:
        (tmp_path / "data.csv").write_text(content)
    with pytest.raises(DataSourceError, match=told):
        read_source(
            "governance.training.sources:csv", {"path": path.format(folder=tmp_path)}, at=AT
        )
