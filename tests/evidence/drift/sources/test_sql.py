"""SQL on both real databases: what is wrong is told, and no password with it."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from governance.config.drift import SqlData
from governance.errors import LiveDataError
from governance.evidence.drift.sources.live import LiveRows, LiveSource, LiveStatus
from governance.evidence.drift.sources.open import open_source
from governance.evidence.drift.sources.sql import SqlSource

from .conftest import FIRST, HOUR, live_frame, write_table

TABLE = {"table": "live"}
QUERY = {"query": "SELECT * FROM live WHERE time >= :start AND time < :end;"}
Given = dict[str, str]


def source(url: str, given: Given) -> LiveSource:
    declared = SqlData(kind="sql", url_from="LIVE_URL", **given)
    return open_source(declared, time_column="time", environment={"LIVE_URL": url})


def read(url: str, given: Given, *columns: str, hours: int = 1) -> LiveRows:
    return source(url, given).read(FIRST, FIRST + hours * HOUR, columns or ("delay", "origin"))


def execute(url: str, *statements: str, rows: list[dict[str, Any]] | None = None) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement), rows if "(:" in statement and rows else None)
    engine.dispose()


def sqlite_times(url: str, write: Callable[[pd.Series], Any], kind: str = "TEXT") -> None:
    """The live table on SQLite with its times as ``write`` gives them."""
    frame = live_frame()
    times = pd.Series(list(write(frame["time"])), dtype=object)
    rows = [
        {"time": time, "delay": int(delay)}
        for time, delay in zip(times, frame["delay"], strict=True)
    ]
    execute(
        url,
        f"CREATE TABLE live (time {kind}, delay INTEGER)",
        "INSERT INTO live VALUES (:time, :delay)",
        rows=rows,
    )


@pytest.mark.parametrize("given", [TABLE, QUERY], ids=["table", "query"])
@pytest.mark.parametrize(
    "write",
    [
        lambda times: times.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lambda times: times.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        lambda times: times.dt.strftime("%Y-%m-%dT%H:%MZ"),
        lambda times: times.dt.strftime("%Y-%m-%dT%H:%M:%S.123456789Z"),
        lambda times: times.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        lambda times: times.dt.strftime("%Y-%m-%d %H:%M:%S.%f+00:00"),
        lambda times: times.dt.strftime("%Y-%m-%d %H:%M:%SZ"),
    ],
    ids=["T", "microseconds", "minutes", "nanoseconds", "offset", "space", "space Z"],
)
def test_iso_text_in_utc_is_read_on_sqlite_however_it_is_written(
    sqlite_url: str, write: Callable[[pd.Series], Any], given: Given
) -> None:
    sqlite_times(sqlite_url, write)
    live = source(sqlite_url, given)
    hours = [FIRST + n * HOUR for n in range(-2, 8)]
    frame = live_frame()
    counted = Counter(frame["time"].dt.floor("h").dt.to_pydatetime())
    for hour in hours:
        found = live.read(hour, hour + HOUR, ["delay"])
        assert (found.rows, found.outside) == (counted[hour], 0)
    assert live.read(hours[0], hours[-1], ["delay"]).rows == len(frame)
    expected = {hour: f"rows={n}" for hour, n in counted.items()}
    assert live.fingerprints(hours[0], hours[-1]) == expected


def test_a_fraction_belongs_to_the_hour_that_it_began_in(sqlite_url: str) -> None:
    mixed = ["2013-02-08T18:00:00.5Z", "2013-02-08T18:59:59.9999Z", "2013-02-08T19:00:00Z"]
    execute(
        sqlite_url,
        "CREATE TABLE live (time TEXT, delay INTEGER)",
        "INSERT INTO live VALUES (:time, 1)",
        rows=[{"time": text} for text in mixed],
    )
    for given in (TABLE, QUERY):
        assert [
            source(sqlite_url, given).read(FIRST + n * HOUR, FIRST + (n + 1) * HOUR, []).rows
            for n in (-1, 0, 1, 2)
        ] == [0, 2, 1, 0]


@pytest.mark.parametrize("given", [TABLE, QUERY], ids=["table", "query"])
@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda times: times.dt.strftime("%Y-%m-%d %H:%M:%S.%f"), "no time with a zone"),
        (lambda times: times.dt.strftime("%Y-%m-%dT%H:%M:%S"), "no time with a zone"),
        (lambda times: times.dt.strftime("%Y-%m-%dT%H:%M:%S+01:00"), "not in UTC"),
    ],
    ids=["naive with a space", "naive", "another zone"],
)
def test_text_without_utc_is_refused_with_a_remedy_on_sqlite(
    sqlite_url: str, write: Callable[[pd.Series], Any], told: str, given: Given
) -> None:
    sqlite_times(sqlite_url, write)
    found = read(sqlite_url, given, "delay")
    assert (found.status, found.table) == (LiveStatus.INVALID, None)
    assert told in str(found.problem) and "store" in str(found.problem)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda times: times.dt.strftime("%d/%m/%Y %H:%M"), "no time with a zone"),
        (lambda times: times.astype("int64") // 1_000_000, "has int values such as"),
        (lambda times: times.astype("int64") / 1e6, "has float values such as"),
    ],
    ids=["another order", "integer", "float"],
)
def test_a_table_whose_times_compare_with_nothing_is_not_empty(
    sqlite_url: str, write: Callable[[pd.Series], Any], told: str
) -> None:
    sqlite_times(sqlite_url, write, "BLOB")
    found = read(sqlite_url, TABLE, "delay")
    assert found.status is LiveStatus.INVALID
    assert told in str(found.problem)


@pytest.mark.parametrize(
    ("write", "query"),
    [
        (
            lambda times: times.dt.strftime("%Y-%m-%d %H:%M:%S"),
            "SELECT time || 'Z' AS time, delay FROM live WHERE time >= :start AND time < :end",
        ),
        (
            lambda times: times.astype("int64") // 1_000_000,
            "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', time, 'unixepoch') AS time, delay FROM live"
            " WHERE time >= unixepoch(:start) AND time < unixepoch(:end)",
        ),
    ],
    ids=["naive", "seconds"],
)
def test_the_remedies_that_messages_name_work(
    sqlite_url: str, write: Callable[[pd.Series], Any], query: str
) -> None:
    sqlite_times(sqlite_url, write, "BLOB")
    for number, rows in ((0, 6), (1, 5), (4, 0), (5, 5)):
        hour = FIRST + number * HOUR
        found = source(sqlite_url, {"query": query}).read(hour, hour + HOUR, ["delay"])
        assert (found.rows, found.outside) == (rows, 0)


@pytest.mark.parametrize("given", [TABLE, QUERY], ids=["table", "query"])
def test_a_timestamp_without_a_zone_is_invalid_on_postgresql(
    empty_postgres_url: str, given: Given
) -> None:
    frame = live_frame().assign(time=live_frame()["time"].dt.tz_localize(None))
    engine = sa.create_engine(empty_postgres_url)
    frame.to_sql("live", engine, index=False)
    engine.dispose()
    found = read(empty_postgres_url, given)
    assert (found.status, found.table) == (LiveStatus.INVALID, None)
    assert "no time zone, and it is not guessed" in str(found.problem)
    remedy = (
        "SELECT time AT TIME ZONE 'UTC' AS time, delay FROM live"
        " WHERE time AT TIME ZONE 'UTC' >= :start AND time AT TIME ZONE 'UTC' < :end"
    )
    assert read(empty_postgres_url, {"query": remedy}, "delay").rows == 6
    far = source(empty_postgres_url, TABLE).read(FIRST + 99 * HOUR, FIRST + 100 * HOUR, [])
    assert far.status is LiveStatus.INVALID  # also where the hour has no rows


def test_times_that_postgresql_does_not_compare_are_invalid(empty_postgres_url: str) -> None:
    write_table(live_frame().assign(text="2013", number=1), empty_postgres_url)
    for column in ("text", "number"):
        declared = SqlData(kind="sql", url_from="LIVE_URL", table="live")
        live = open_source(
            declared, time_column=column, environment={"LIVE_URL": empty_postgres_url}
        )
        found = live.read(FIRST, FIRST + HOUR, ["delay"])
        assert found.status is LiveStatus.INVALID
        assert "does not compare with times" in str(found.problem)
        assert live.fingerprints(FIRST, FIRST + HOUR) == {}


@pytest.mark.parametrize("given", [TABLE, QUERY], ids=["table", "query"])
def test_a_missing_table_is_an_error_with_a_remedy(empty_database_url: str, given: Given) -> None:
    execute(empty_database_url, "CREATE TABLE other (x INTEGER)")
    with pytest.raises(LiveDataError, match=r"of LIVE_URL refuses to read \(.*live.*correct drift"):
        read(empty_database_url, given)
    with pytest.raises(LiveDataError, match="refuses to read"):
        source(empty_database_url, given).fingerprints(FIRST, FIRST + HOUR)


def test_a_query_with_a_wrong_column_or_name_is_an_error(empty_database_url: str) -> None:
    write_table(live_frame(), empty_database_url)
    for query in (
        "SELECT time, dep FROM live WHERE time >= :start AND time < :end",
        "SELECT FROM FROM live WHERE time >= :start AND time < :end",
        "SELECT * FROM live WHERE time >= :start AND time < :end AND origin = :origin",
    ):
        with pytest.raises(LiveDataError, match="refuses to read"):
            read(empty_database_url, {"query": query})


@pytest.mark.parametrize("given", [TABLE, QUERY], ids=["table", "query"])
def test_a_missing_time_column_is_invalid_and_names_the_others(
    empty_database_url: str, given: Given
) -> None:
    write_table(live_frame(), empty_database_url)
    if given is QUERY:
        given = {"query": "SELECT time AS t, delay FROM live WHERE time >= :start AND time < :end"}
    else:
        execute(empty_database_url, "ALTER TABLE live RENAME COLUMN time TO t")
    found = read(empty_database_url, given)
    assert (found.status, found.table) == (LiveStatus.INVALID, None)
    assert re.search("no column 'time'; set drift.time_column to one of t, ", str(found.problem))


def test_a_query_that_gives_other_hours_is_told(empty_database_url: str) -> None:
    write_table(live_frame(), empty_database_url)
    everything = {"query": "SELECT * FROM live WHERE :start < :end"}
    found = read(empty_database_url, everything)
    assert (found.status, found.rows, found.outside) == (LiveStatus.OK, 6, 21)
    assert "21 of 27 rows are not counted" in str(found.problem)


def test_names_with_capitals_schemas_and_odd_columns_are_quoted(empty_postgres_url: str) -> None:
    execute(
        empty_postgres_url,
        'CREATE SCHEMA "Live"',
        'CREATE TABLE "Live"."Flights" (time timestamptz, "a b%" int, "select" numeric,'
        ' "D\\:x" text)',
        'INSERT INTO "Live"."Flights" VALUES (\'2013-02-08T18:30:00Z\', 1, 2.5, NULL)',
    )
    found = read(empty_postgres_url, {"table": "Live.Flights"}, "a b%", "select", "D:x")
    assert found.table is not None
    assert found.table.drop_columns(["time"]).to_pylist() == [
        {"a b%": 1, "select": 2.5, "D:x": None}
    ]


def test_values_of_a_database_become_values_that_can_be_counted(empty_postgres_url: str) -> None:
    execute(
        empty_postgres_url,
        "CREATE TABLE live (time timestamptz, n numeric, f float8, b bool, u uuid, j jsonb, i int)",
        "INSERT INTO live VALUES ('2013-02-08T18:30:00Z', 'NaN', 'Infinity', true,"
        " '00000000-0000-0000-0000-000000000001', '{\"a\": 1}', NULL)",
        "INSERT INTO live VALUES ('2013-02-08 19:30:00+01:00', 2.50, NULL, NULL, NULL, NULL, NULL)",
        "INSERT INTO live VALUES (NULL, 1, 1, true, NULL, NULL, 1)",
    )
    found = read(empty_postgres_url, TABLE, "n", "f", "b", "u", "j", "i")
    assert found.table is not None and found.rows == 2
    kinds = {field.name: field.type for field in found.table.schema}
    assert kinds["n"] == kinds["f"] == pa.float64()
    assert (kinds["b"], kinds["u"], kinds["i"]) == (pa.bool_(), pa.string(), pa.null())
    assert found.table.column("f").to_pylist() == [float("inf"), None]


def test_many_rows_come_in_batches_of_one_table(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(live_frame(), empty_database_url)
    monkeypatch.setattr("governance.evidence.drift.sources.sql._BATCH", 5)
    found = read(empty_database_url, TABLE, "visib", "origin", hours=6)
    assert found.table is not None and found.rows == 27
    assert found.table.column("visib").null_count == 6


def test_a_query_cannot_write(empty_database_url: str) -> None:
    write_table(live_frame(), empty_database_url)
    for statement in (
        "DELETE FROM live WHERE time >= :start AND time < :end RETURNING *",
        "SELECT * FROM live WHERE time >= :start AND time < :end) AS live; DELETE FROM live; --",
    ):
        with pytest.raises(LiveDataError, match="refuses to read"):
            read(empty_database_url, {"query": statement})
    assert read(empty_database_url, TABLE, hours=6).rows == 27


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret@127.0.0.1:1/live",
        "postgres://ann:s3cret@127.0.0.1:1/live",
        "postgresql://ann:s3cret@nosuch.invalid/live",
        "postgresql://ann:p@s3cret@127.0.0.1:1/live",
        "postgresql://ann:x:s3cret@127.0.0.1:port/live",
        "nosuchdialect://ann:s3cret@host/live",
        "s3cret",
        "postgresql://ann:s3cret@127.0.0.1:1/live?s3cret=1",
    ],
)
def test_a_database_that_cannot_be_reached_says_no_password(url: str) -> None:
    with pytest.raises(LiveDataError, match="LIVE_URL") as caught:
        read(url, TABLE)
    told = "".join(traceback.format_exception(caught.value, chain=True))
    shown = "\n".join(line for line in told.splitlines() if not line.startswith("  "))
    assert "s3cret" not in shown


def test_a_wrong_password_is_told_without_it(empty_postgres_url: str) -> None:
    url = sa.make_url(empty_postgres_url)
    wrong = url.set(username="nobody_s3cret", password="s3cret")
    with pytest.raises(LiveDataError, match="cannot be reached") as caught:
        read(wrong.render_as_string(hide_password=False), TABLE)
    assert "s3cret" not in caught.value.message


def test_a_variable_that_is_not_set_is_named() -> None:
    declared = SqlData(kind="sql", url_from="LIVE_URL", table="live")
    with pytest.raises(LiveDataError, match="LIVE_URL is not set; set it to the SQLAlchemy URL"):
        open_source(declared, time_column="time", environment={})


def test_an_sqlite_file_is_not_made_by_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "live.db"
    with pytest.raises(LiveDataError, match="there is no file"):
        read(f"sqlite:///{file}", TABLE)
    assert not file.exists()
    file.write_bytes(b"no database at all, only some text that is long enough" * 20)
    with pytest.raises(LiveDataError, match="file is not a database"):
        read(f"sqlite:///{file}", TABLE)


def test_a_time_at_the_edge_of_the_session_zone_is_in_its_utc_hour(empty_postgres_url: str) -> None:
    url = sa.make_url(empty_postgres_url)
    write_table(live_frame(), empty_postgres_url)
    execute(empty_postgres_url, f"ALTER DATABASE {url.database} SET timezone = 'Asia/Kolkata'")
    given = source(empty_postgres_url, TABLE).fingerprints(FIRST, FIRST + 6 * HOUR)
    assert list(given) == [FIRST + n * HOUR for n in (0, 1, 2, 3, 5)]
    assert given[FIRST] == "rows=6"
    naive_query = {"query": "SELECT * FROM live WHERE time >= :start AND time < :end"}
    assert read(empty_postgres_url, naive_query).rows == 6


def mixed(url: str, *times: str | None) -> None:
    execute(
        url,
        "CREATE TABLE live (time TEXT, delay INTEGER)",
        "INSERT INTO live VALUES (:time, 1)",
        rows=[{"time": time} for time in times],
    )


@pytest.mark.parametrize("given", [TABLE, QUERY], ids=["table", "query"])
def test_a_column_that_is_written_in_two_ways_loses_no_row(sqlite_url: str, given: Given) -> None:
    both = [f"2013-02-08T18:{n:02}:00Z" for n in range(10)]
    both += [f"2013-02-08 18:{n:02}:30Z" for n in range(20)]
    mixed(sqlite_url, *both, "2013-02-08 19:00:00Z", "2013-02-08 23:59:00Z", "2013-02-09T00:00Z")
    live = source(sqlite_url, given)
    found = live.read(FIRST, FIRST + HOUR, ["delay"])
    assert (found.status, found.rows, found.outside, found.problem) == (LiveStatus.OK, 30, 0, None)
    hours = [FIRST + n * HOUR for n in range(-18, 8)]
    told = live.fingerprints(hours[0], hours[-1])
    assert list(told.values()) == ["rows=30", "rows=1", "rows=1", "rows=1"]
    for hour in hours[:-1]:
        assert live.read(hour, hour + HOUR, []).fingerprint == told.get(hour)
    assert live.read(hours[0], hours[-1], []).rows == 33


def test_rows_that_no_hour_finds_are_counted_and_told_on_sqlite(sqlite_url: str) -> None:
    strange = (None, None, "08/02/2013 18:00", "2013-02-08t18:00:00Z", "20130208T180000Z", "")
    mixed(sqlite_url, "2013-02-08T18:10:00Z", "2013-02-08T18:10:00+02:00", *strange)
    live = source(sqlite_url, TABLE)
    found = live.read(FIRST, FIRST + HOUR, [])
    assert (found.status, found.rows, found.outside) == (LiveStatus.OK, 1, 1)
    assert "1 rows are not counted" in str(found.problem) and "not in UTC" in str(found.problem)
    assert "6 rows of the whole table are in no hour" in str(found.problem)
    assert live.fingerprints(FIRST, FIRST + HOUR) == {FIRST: found.fingerprint}
    later = live.read(FIRST + HOUR, FIRST + 2 * HOUR, [])
    assert (later.status, later.outside) == (LiveStatus.EMPTY, 0)
    assert "in no hour" in str(later.problem)


@pytest.mark.parametrize("given", [TABLE, QUERY], ids=["table", "query"])
def test_another_zone_beside_utc_is_told_and_not_read(sqlite_url: str, given: Given) -> None:
    mixed(sqlite_url, "2013-02-08T18:10:00Z", "2013-02-08 18:10:00+02:00", "2013-02-08 18:20:00Z")
    live = source(sqlite_url, given)
    found = live.read(FIRST, FIRST + HOUR, [])
    assert (found.status, found.rows, found.outside) == (LiveStatus.OK, 2, 1)
    assert "not in UTC" in str(found.problem)
    assert live.fingerprints(FIRST, FIRST + HOUR) == {FIRST: found.fingerprint}


def test_rows_without_a_time_are_told_on_postgresql(empty_postgres_url: str) -> None:
    execute(
        empty_postgres_url,
        "CREATE TABLE live (time timestamptz, delay int)",
        "INSERT INTO live VALUES ('2013-02-08T18:30:00Z', 1), (NULL, 1)",
    )
    found = read(empty_postgres_url, TABLE)
    assert (found.status, found.rows, found.outside) == (LiveStatus.OK, 1, 0)
    assert "1 rows of the whole table are in no hour" in str(found.problem)
    assert found.fingerprint == "rows=1"


def test_a_database_that_is_not_counted_has_no_fingerprint(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed(sqlite_url, "2013-02-08 18:10:00Z")
    live = source(sqlite_url, TABLE)
    assert isinstance(live, SqlSource)
    monkeypatch.setattr(live._database, "backend", "another")
    found = live.read(FIRST, FIRST + HOUR, [])
    assert (found.rows, found.fingerprint) == (1, None)
    assert live.fingerprints(FIRST, FIRST + HOUR) == {}
