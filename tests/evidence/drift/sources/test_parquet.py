"""Bad files by hour: each is told with its name and reason, none passes, none escapes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import ConfigError, LiveDataError
from governance.evidence.drift.sources.live import LiveRows, LiveStatus
from governance.evidence.drift.sources.parquet import ParquetSource

from .conftest import FIRST, HOUR, LAYOUT, live_frame, write_hours

PLACE = FIRST.strftime(LAYOUT)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_hours(live_frame(), f"{tmp_path}/live")
    return tmp_path / "live"


def read(base: Path | str, columns: tuple[str, ...] = ("delay", "origin")) -> LiveRows:
    source = ParquetSource(str(base), layout=LAYOUT, time_column="time")
    return source.read(FIRST, FIRST + HOUR, columns)


def part(base: Path, number: int = 1) -> Path:
    return base / PLACE / f"part-{number}.parquet"


def hour_file(base: Path, frame: pd.DataFrame) -> Path:
    """The hour as one file of ``frame``."""
    for file in (base / PLACE).iterdir():
        file.unlink()
    frame.to_parquet(part(base, 0), index=False)
    return part(base, 0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda whole: b"", "size is 0 bytes"),
        (lambda whole: whole[: len(whole) // 2], "magic bytes not found"),
        (lambda whole: whole[:-1], "magic bytes not found"),
        (lambda whole: b"time,delay\n2013-02-08T18:00:00Z,1\n", "magic bytes not found"),
        (lambda whole: b"PAR1" + b"\0" * 100 + b"PAR1", "cannot be read as Parquet"),
        (lambda whole: whole[:4] + bytes(300) + whole[304:], "cannot be read as Parquet"),
    ],
    ids=["zero bytes", "half", "one byte short", "a text", "only its ends", "pages overwritten"],
)
def test_a_torn_file_makes_its_hour_corrupt(
    base: Path, content: Callable[[bytes], bytes], told: str
) -> None:
    file = part(base)
    file.write_bytes(content(file.read_bytes()))
    found = read(base)
    assert (found.status, found.table) == (LiveStatus.CORRUPT, None)
    assert f"{PLACE}/part-1.parquet" in str(found.problem) and told in str(found.problem)
    assert "write it again" in str(found.problem)
    source = ParquetSource(str(base), layout=LAYOUT, time_column="time")
    assert source.fingerprints(FIRST, FIRST + HOUR) == {FIRST: found.fingerprint}
    whole_day = source.read(FIRST, FIRST + 4 * HOUR, ["delay"])
    assert whole_day.status is LiveStatus.CORRUPT
    assert str(whole_day.problem).startswith("2013-02-08T18Z: ")


@settings(max_examples=150)
@given(data=st.data())
def test_no_damage_of_any_kind_escapes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    base = tmp_path_factory.getbasetemp() / "damaged"
    if not base.exists():
        write_hours(live_frame(), str(base))
        part(base).rename(base / "whole")
    whole = bytearray((base / "whole").read_bytes())
    if data.draw(st.booleans()):
        whole = whole[: data.draw(st.integers(0, len(whole) - 1))]
    for _ in range(data.draw(st.integers(0, 4))):
        if whole:
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    part(base).write_bytes(whole)
    found = read(base, ("delay", "visib", "origin"))
    assert found.status in (LiveStatus.OK, LiveStatus.CORRUPT, LiveStatus.INVALID)
    if found.table is not None:
        found.table.to_pylist()  # all that is given can be decoded
    else:
        assert found.problem


def test_a_missing_folder_and_one_without_files_are_missing_hours(base: Path) -> None:
    for file in (base / PLACE).iterdir():
        file.unlink()
    empty = read(base)
    assert (empty.status, empty.fingerprint) == (LiveStatus.MISSING, None)
    assert "has no file that ends in .parquet" in str(empty.problem)
    (base / PLACE).rmdir()
    gone = read(base)
    assert gone.status is LiveStatus.MISSING
    assert gone.problem == f"there is no {PLACE}"


def test_a_file_where_the_hours_folder_should_be_is_told(base: Path) -> None:
    for file in (base / PLACE).iterdir():
        file.unlink()
    (base / PLACE).rmdir()
    (base / PLACE).write_bytes(b"")
    with pytest.raises(LiveDataError, match="cannot be listed"):
        read(base)


def test_other_files_are_named_and_writers_marks_are_not(base: Path) -> None:
    for name in ("_SUCCESS", ".part-0.parquet.crc", "_part.parquet", ".hidden.parquet"):
        (base / PLACE / name).write_bytes(b"")
    assert read(base).problem is None
    (base / PLACE / "more.csv").write_bytes(b"")
    (base / PLACE / "region=eu").mkdir()
    found = read(base)
    assert (found.status, found.problem) == (LiveStatus.OK, "not read: more.csv, region=eu")


def test_a_file_without_rows_is_an_empty_hour(base: Path) -> None:
    hour_file(base, live_frame().iloc[:0])
    found = read(base)
    assert (found.status, found.table) == (LiveStatus.EMPTY, None)
    assert found.problem == f"{PLACE} has no rows"
    hour_file(base, pd.DataFrame())
    assert read(base).status is LiveStatus.EMPTY


def test_a_renamed_column_is_absent_and_half_a_renaming_is_told(base: Path) -> None:
    frame = pd.read_parquet(part(base, 1)).rename(columns={"delay": "dep_delay"})
    frame.to_parquet(part(base, 1), index=False)
    half = read(base)
    assert half.status is LiveStatus.OK
    assert "part-1.parquet lacks delay, which other files of the hour have" in str(half.problem)
    part(base, 0).unlink()
    whole = read(base)
    assert whole.table is not None
    assert whole.table.column_names == ["time", "origin"]


def test_types_that_differ_between_an_hours_files_are_widened_or_told(base: Path) -> None:
    frame = pd.read_parquet(part(base, 1))
    frame.assign(delay=frame["delay"] + 0.5).to_parquet(part(base, 1), index=False)
    wide = read(base)
    assert wide.table is not None and wide.rows == 6
    assert wide.table.schema.field("delay").type == pa.float64()
    frame.assign(delay=frame["delay"].astype(str)).to_parquet(part(base, 1), index=False)
    found = read(base)
    assert (found.status, found.table) == (LiveStatus.INVALID, None)
    assert re.search(
        r"'delay' is int64 in .*part-0.parquet and .*string in .*part-1.parquet", str(found.problem)
    )
    assert read(base, ("origin",)).status is LiveStatus.OK


def test_rows_of_another_time_are_dropped_counted_and_told(base: Path) -> None:
    frame = live_frame().iloc[:6]
    times = frame["time"].copy()
    times.iloc[0] = FIRST + timedelta(days=400)  # the future
    times.iloc[1] = FIRST - timedelta(microseconds=1)
    times.iloc[2] = FIRST + HOUR
    times.iloc[3] = pd.NaT
    hour_file(base, frame.assign(time=times))
    found = read(base)
    assert (found.status, found.rows, found.outside) == (LiveStatus.OK, 2, 4)
    assert "4 of 6 rows are not counted" in str(found.problem)
    hour_file(base, frame.assign(time=times).iloc[:4])
    found = read(base)
    assert (found.status, found.table, found.outside) == (LiveStatus.INVALID, None, 4)
    assert "4 of 4 rows" in str(found.problem)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (lambda times: times.dt.tz_localize(None), "no time zone, and it is not guessed"),
        (lambda times: times.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), "string, not a time"),
        (lambda times: times.astype("int64"), "int64, not a time"),
        (lambda times: times.dt.date, "date32[day], not a time"),
    ],
    ids=["naive", "text", "integer", "date"],
)
def test_a_time_column_that_says_no_moment_is_invalid(
    base: Path, times: Callable[[pd.Series], pd.Series], told: str
) -> None:
    frame = live_frame().iloc[:6]
    hour_file(base, frame.assign(time=times(frame["time"])))
    found = read(base)
    assert (found.status, found.table) == (LiveStatus.INVALID, None)
    assert told in str(found.problem) and f"{PLACE}/part-0.parquet" in str(found.problem)
    hour_file(base, frame.drop(columns="time"))
    found = read(base)
    assert found.status is LiveStatus.INVALID
    assert "has no column 'time'; set drift.time_column to one of visib, delay" in str(
        found.problem
    )


def test_a_column_that_is_there_twice_is_invalid(base: Path) -> None:
    file = hour_file(base, live_frame().iloc[:6])
    table = pq.read_table(file)
    pq.write_table(table.append_column("delay", table.column("delay")), file)
    found = read(base)
    assert found.status is LiveStatus.INVALID and "'delay' twice" in str(found.problem)
    assert read(base, ("origin",)).status is LiveStatus.OK


def test_times_in_another_zone_and_unit_are_the_same_times(base: Path) -> None:
    frame = live_frame().iloc[:6]
    for unit, zone in (("ms", "America/New_York"), ("ns", "UTC"), ("s", "Asia/Kolkata")):
        times = frame["time"].dt.as_unit(unit).dt.tz_convert(zone)
        hour_file(base, frame.assign(time=times))
        found = read(base)
        assert (found.rows, found.outside, found.problem) == (6, 0, None)


def test_only_the_wanted_columns_are_read(base: Path) -> None:
    """A column of invalid text shows when it is read, and only then."""
    file = hour_file(base, live_frame().iloc[:6])
    table = pq.read_table(file)
    bad = pa.Array.from_buffers(pa.string(), 6, pa.array([b"\xff"] * 6).buffers())
    pq.write_table(table.append_column("note", bad), file)
    assert read(base, ("delay",)).status is LiveStatus.OK
    found = read(base, ("delay", "note"))
    assert found.status is LiveStatus.CORRUPT and "UTF8" in str(found.problem)


def test_a_dataset_that_is_not_there_is_no_missing_hour(tmp_path: Path) -> None:
    source = ParquetSource(f"{tmp_path}/nothing", layout=LAYOUT, time_column="time")
    with pytest.raises(LiveDataError, match=r"nothing at .*nothing; check drift.live.path"):
        source.read(FIRST, FIRST + HOUR, ["delay"])
    with pytest.raises(LiveDataError, match="nothing at"):
        source.fingerprints(FIRST, FIRST + HOUR)


def test_a_bucket_that_does_not_answer_or_is_not_there_is_an_error_without_its_password(
    memory_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LiveDataError, match="nothing at memory://"):
        read(memory_url)
    write_hours(live_frame(), memory_url)
    filesystem, _ = fsspec.core.url_to_fs(memory_url)

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("connection to secret@host failed")

    monkeypatch.setattr(filesystem, "open", refuse)
    with pytest.raises(LiveDataError, match="cannot be fetched"):
        read(memory_url)
    monkeypatch.setattr(filesystem, "ls", refuse)
    with pytest.raises(LiveDataError, match=r"cannot be read \(RuntimeError\)"):
        read(memory_url)
    with pytest.raises(LiveDataError) as caught:
        read("nosuch://ann:secret@host/live")
    assert "nosuch://host/live" in caught.value.message and "secret" not in caught.value.message


def test_a_file_that_goes_away_while_it_is_read_is_told(
    memory_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hours(live_frame(), memory_url)
    filesystem, _ = fsspec.core.url_to_fs(memory_url)

    def gone(path: str, *_: object, **__: object) -> None:
        raise FileNotFoundError(path)

    monkeypatch.setattr(filesystem, "open", gone)
    found = read(memory_url)
    assert found.status is LiveStatus.CORRUPT and "went away" in str(found.problem)


def test_files_of_a_url_of_this_machine_are_those_of_the_folder(base: Path) -> None:
    assert read(f"file://{base}").fingerprint == read(base).fingerprint is not None


@pytest.mark.parametrize(
    "layout", [LAYOUT, "%Y-%m-%dT%H", "%Y/%m/%d/%H.parquet", "%Y%m%d%H.parquet"]
)
@pytest.mark.parametrize("kind", ["local", "memory"])
def test_fingerprints_of_any_layout_are_those_of_the_single_hours(
    layout: str, kind: str, tmp_path: Path, memory_url: str
) -> None:
    base = f"{tmp_path}/live" if kind == "local" else memory_url
    write_hours(live_frame(), base, layout)
    source = ParquetSource(base, layout=layout, time_column="time")
    found = source.fingerprints(FIRST, FIRST + 8 * HOUR)
    single = {
        FIRST + n * HOUR: source.read(FIRST + n * HOUR, FIRST + (n + 1) * HOUR, []).fingerprint
        for n in range(8)
    }
    assert found == {hour: text for hour, text in single.items() if text is not None}
    assert len(set(found.values())) == len(found) == 5


def test_a_month_of_a_remote_store_takes_one_listing_a_day(
    memory_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hours(live_frame(), memory_url)
    filesystem, _ = fsspec.core.url_to_fs(memory_url)
    asked: list[str] = []
    real = filesystem.find

    def find(path: str, **given: Any) -> Any:
        asked.append(path)
        return real(path, **given)

    monkeypatch.setattr(filesystem, "find", find)
    source = ParquetSource(memory_url, layout=LAYOUT, time_column="time")
    start = datetime(2013, 2, 1, tzinfo=UTC)
    assert len(source.fingerprints(start, start + 28 * 24 * HOUR)) == 5
    assert len(asked) == 28


def test_a_fingerprint_changes_with_a_files_name_size_and_time_and_with_nothing_else(
    base: Path,
) -> None:
    seen = [read(base).fingerprint]
    assert read(base).fingerprint == seen[0]
    (base / PLACE / "_SUCCESS").touch()
    assert read(base).fingerprint == seen[0]
    os.utime(part(base), ns=(1, 1))
    seen.append(read(base).fingerprint)
    part(base).rename(part(base, 7))
    seen.append(read(base).fingerprint)
    part(base, 0).unlink()
    seen.append(read(base).fingerprint)
    assert len(set(seen)) == 4


@pytest.mark.parametrize("layout", ["date=%Y-%m-%d", "hour=%H", "%m/%d/%H", "%Y-%j", "live"])
def test_a_layout_with_one_place_for_several_hours_is_refused(layout: str) -> None:
    with pytest.raises(ConfigError, match="one place for several hours; write year"):
        ParquetSource("/live", layout=layout, time_column="time")


@pytest.mark.parametrize("layout", [LAYOUT, "%Y/%j/%H.parquet", "/%Y%m%dT%H00Z/"])
def test_a_layout_that_tells_hours_apart_is_taken(layout: str) -> None:
    ParquetSource("/live", layout=layout, time_column="time")


def test_a_million_new_categories_pass_through(base: Path) -> None:
    count = 1_000_000
    times = pd.to_datetime(np.linspace(0, 3599, count), unit="s", origin=FIRST.replace(tzinfo=None))
    table = pa.table(
        {
            "time": pa.array(times.tz_localize("UTC")),
            "origin": pa.array(np.arange(count)).cast(pa.string()),
        }
    )
    for file in (base / PLACE).iterdir():
        file.unlink()
    pq.write_table(table, part(base, 0))
    assert read(base).rows == count
