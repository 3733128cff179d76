"""Profiles of hours and days: recorded again they are replaced, old ones are forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from governance.evidence.drift.records import profile_store
from governance.evidence.drift.records.profile_store import DayHead, StoredProfile
from governance.store.database import Database

HOUR = timedelta(hours=1)
T = datetime(2026, 3, 8, tzinfo=UTC)
VERSION = "0123456789ab"


def _hour(start: datetime, rows: int = 5) -> StoredProfile:
    return StoredProfile(
        period="hour",
        start=start,
        status="ok",
        problem=None,
        rows=rows,
        fingerprint=f"size={rows}",
        hours=None,
        digest=f"{rows:064d}",
        data=bytes([rows]) * 10,
    )


def _day(start: datetime, rows: int = 120) -> StoredProfile:
    hours = {profile_store.hour_key(start): ["ok", rows, "abc"]}
    return replace(_hour(start, rows), period="day", fingerprint=None, hours=hours)


def _put(database: Database, *profiles: StoredProfile, version: str = VERSION) -> None:
    with database.begin() as tx:
        profile_store.put(tx, version, profiles)


def test_what_is_recorded_is_read_again(database: Database) -> None:
    missing = replace(_hour(T), status="missing", problem="no file", rows=0, data=None)
    _put(database, missing, _hour(T + HOUR))
    with database.read() as connection:
        found = profile_store.read_hours(connection, VERSION, T, T + 2 * HOUR)
    assert found == {T: missing, T + HOUR: _hour(T + HOUR)}


def test_data_are_read_only_where_they_are_asked_for(database: Database) -> None:
    _put(database, _hour(T), _day(T))
    with database.read() as connection:
        hours = profile_store.read_hours(connection, VERSION, T, T + HOUR, with_data=False)
        days = profile_store.read_days(connection, VERSION, T, T + HOUR)
        whole = profile_store.read_days(connection, VERSION, T, T + HOUR, with_data=True)
        heads = profile_store.read_day_heads(connection, VERSION, T, T + HOUR)
    assert hours[T] == replace(_hour(T), data=None)
    assert days[T] == replace(_day(T), data=None)
    assert whole[T] == _day(T)
    assert heads == {T: DayHead("ok", 120, f"{120:064d}")}


def test_the_same_period_again_replaces_it(database: Database) -> None:
    _put(database, _hour(T, rows=5), _hour(T + HOUR, rows=5))
    _put(database, _hour(T, rows=9))
    with database.read() as connection:
        found = profile_store.read_hours(connection, VERSION, T, T + 2 * HOUR)
    assert [profile.rows for profile in found.values()] == [9, 5]


def test_intervals_are_half_open_and_versions_are_apart(database: Database) -> None:
    _put(database, *(_hour(T + number * HOUR) for number in range(4)))
    _put(database, _hour(T + HOUR), version="ba9876543210")
    with database.read() as connection:
        found = profile_store.read_hours(connection, VERSION, T + HOUR, T + 3 * HOUR)
        other = profile_store.read_hours(connection, "ba9876543210", T, T + 9 * HOUR)
    assert list(found) == [T + HOUR, T + 2 * HOUR]
    assert list(other) == [T + HOUR]


def test_old_hours_and_days_are_forgotten_each_at_its_own_age(database: Database) -> None:
    _put(database, _hour(T), _hour(T + HOUR), _day(T), _day(T + 24 * HOUR))
    with database.begin() as tx:
        profile_store.forget(
            tx, VERSION, hours_before=T + HOUR, days_before=T + HOUR - timedelta(hours=1)
        )
    with database.read() as connection:
        hours = profile_store.read_hours(connection, VERSION, T, T + 48 * HOUR)
        days = profile_store.read_days(connection, VERSION, T, T + 48 * HOUR)
    assert list(hours) == [T + HOUR]
    assert list(days) == [T, T + 24 * HOUR]


def test_nothing_to_record_is_no_statement(database: Database) -> None:
    _put(database)
    with database.read() as connection:
        assert profile_store.read_hours(connection, VERSION, T, T + HOUR) == {}
