"""What a scan lives through: damaged references, stray rows, long drift, outages, odd hours."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select, update

from governance import Governance
from governance.errors import IntegrityError, InvalidInputError, LiveDataError
from governance.evidence.drift.profiles.packed import unseal
from governance.evidence.drift.records import profile_store
from governance.store.drift_tables import drift_profiles, drift_references, model_drift_reports
from governance.values import Severity
from tests.evidence.drift.live_model import (
    AT,
    DAY,
    DAYS,
    HOUR,
    NAME,
    START,
    declare,
    hour_rows,
    in_production,
    parquet,
    row_count,
    scan,
    set_policy,
    shifted,
    watched,
    write_hour,
    write_hours,
)


def _contents(stored: dict[str, bytes]) -> dict[str, bytes]:
    return {kind: unseal(data) for kind, data in stored.items()}


def _references(gov: Governance) -> dict[str, bytes]:
    with gov.database.read() as connection:
        rows = connection.execute(select(drift_references.c.kind, drift_references.c.data))
        return {row[0]: bytes(row[1]) for row in rows}


def _again(gov: Governance) -> None:
    """Forget what is decoded, as a new process would."""
    references = gov.drift._scans._looking.references
    references._rolling.clear()
    references._frozen.clear()


@pytest.mark.parametrize("at", [0, 3, 9, 20, 40, -1])
def test_a_damaged_reference_is_made_again(sqlite_gov: Governance, live: Path, at: int) -> None:
    watched(sqlite_gov, live)
    first = scan(sqlite_gov)
    whole = _references(sqlite_gov)
    assert set(whole) == {"rolling", "frozen"}
    for kind, data in whole.items():
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        with sqlite_gov.database.begin() as tx:
            tx.execute(
                update(drift_references)
                .where(drift_references.c.kind == kind)
                .values(data=bytes(damaged))
            )
    _again(sqlite_gov)
    assert scan(sqlite_gov) == first
    assert _contents(_references(sqlite_gov)) == _contents(whole)
    with sqlite_gov.database.begin() as tx:
        tx.execute(update(drift_references).values(data=b"{"))
    _again(sqlite_gov)
    scan(sqlite_gov)
    assert _contents(_references(sqlite_gov)) == _contents(whole)


def _astray(rows: int) -> Callable[[datetime, pd.DataFrame], pd.DataFrame]:
    def change(_: datetime, frame: pd.DataFrame) -> pd.DataFrame:
        late = frame["time"] + pd.Timedelta(days=400)
        return frame.assign(time=late.where(frame.index < rows, frame["time"]))

    return change


@pytest.mark.parametrize("stray", [23, 2])
def test_rows_outside_their_hour_are_never_normal(
    sqlite_gov: Governance, live: Path, stray: int
) -> None:
    watched(sqlite_gov, live)
    write_hours(live, AT - DAY, AT, _astray(stray))
    report = scan(sqlite_gov)
    assert report.severity is not Severity.NORMAL
    assert f"{24 * stray} of {24 * 25} rows lie outside their hour" in " ".join(report.reasons)
    later = scan(sqlite_gov, AT + HOUR)  # 23 of its hours are as they were recorded
    assert f"{23 * stray} of {24 * 25} rows lie outside their hour" in " ".join(later.reasons)


def test_hours_of_which_all_rows_are_astray_count_too(sqlite_gov: Governance, live: Path) -> None:
    watched(sqlite_gov, live)
    write_hours(live, AT - 3 * HOUR, AT, _astray(25))
    assert f"{3 * 25} of {24 * 25} rows lie outside" in " ".join(scan(sqlite_gov).reasons)


def test_far_fewer_rows_than_usual_are_never_normal(sqlite_gov: Governance, live: Path) -> None:
    watched(sqlite_gov, live)
    write_hours(live, AT - DAY, AT, lambda _, frame: frame.head(5))
    report = scan(sqlite_gov)
    assert report.severity is not Severity.NORMAL
    assert "120 rows are few for a day that usually has 600" in " ".join(report.reasons)


def test_drift_longer_than_the_lookback_ends_when_the_data_are_normal_again(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    live = tmp_path / "live"
    write_hours(live, START, START + 8 * DAY)
    write_hours(live, START + 8 * DAY, START + 24 * DAY, shifted)
    write_hours(live, START + 24 * DAY, START + 27 * DAY)
    version = watched(sqlite_gov, live)
    set_policy(sqlite_gov, lookback_days=10)
    reports = {day: scan(sqlite_gov, START + day * DAY) for day in range(9, 28)}
    assert reports[9].event == "opened"
    assert {reports[day].severity for day in range(9, 25)} == {Severity.SEVERE}
    assert [incident.state for incident in sqlite_gov.alerts.list()] == ["closed"]
    assert reports[26].event == "closed"
    assert reports[27].severity is Severity.NORMAL
    assert reports[25].reference["rolling"]["days"] == DAYS
    assert len(reports[27].episode["quarantined"]) == 17
    with sqlite_gov.database.read() as connection:
        days = profile_store.read_day_heads(connection, version.id, START, START + 8 * DAY)
    assert len(days) == DAYS


def test_days_of_bad_data_without_drift_stay_in_the_reference(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live)
    write_hours(live, AT - DAY, AT, lambda _, frame: frame.rename(columns={"x3": "y3"}))
    report = scan(sqlite_gov)
    assert report.episode["data"] is not None and report.episode["quarantined"] == []


def test_an_outage_is_a_missed_look_until_the_source_is_back(
    sqlite_gov: Governance, live: Path, tmp_path: Path
) -> None:
    watched(sqlite_gov, live)
    set_policy(sqlite_gov, missed_looks=3)
    assert scan(sqlite_gov).severity is Severity.NORMAL
    away = tmp_path / "away"
    shutil.move(live, away)
    for number in range(1, 4):
        for _ in range(2):  # a task that is tried again makes it no worse
            with pytest.raises(LiveDataError, match="check drift.live.path"):
                scan(sqlite_gov, AT + number * HOUR)
    with pytest.raises(LiveDataError):
        scan(sqlite_gov)
    newest, *others, first = sqlite_gov.drift.get_reports(NAME)
    assert (first.severity, first.revision) == (Severity.NORMAL, 1)  # what was seen stays
    assert [report.event for report in (newest, *others)] == ["opened", None, None]
    assert {report.revision for report in (newest, *others)} == {1}
    assert "check drift.live.path" in " ".join(newest.reasons)
    assert [incident.state for incident in sqlite_gov.alerts.list()] == ["open"]
    shutil.move(away, live)
    seen = scan(sqlite_gov, AT + 3 * HOUR)
    assert (seen.severity, seen.revision) == (Severity.NORMAL, 2)
    assert row_count(sqlite_gov, model_drift_reports) == 4


def test_a_first_scan_leaves_a_day_out_whose_columns_are_of_another_kind(
    sqlite_gov: Governance, live: Path
) -> None:
    hour = START + 2 * DAY + 5 * HOUR
    write_hour(live, hour, hour_rows(hour).assign(x3=lambda frame: frame["x3"].map(str)))
    watched(sqlite_gov, live)
    report = scan(sqlite_gov)
    assert report.reference["frozen"]["days"] == DAYS - 1
    assert report.severity in (Severity.NORMAL, Severity.INSUFFICIENT)
    assert len(report.features) == 10


def test_a_long_reference_reads_its_days_once(
    sqlite_gov: Governance, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched(sqlite_gov, live)
    set_policy(sqlite_gov, lookback_days=7)
    monkeypatch.setattr(profile_store, "KEPT_BEYOND_LOOKBACK", 2 * DAY)
    sqlite_gov.drift.scan(NAME, at=AT, reference="9d")
    source = sqlite_gov.drift._scans.watched(NAME, AT).source
    asked: list[datetime] = []
    read = type(source).read

    def spy(self: Any, start: datetime, end: datetime, columns: Any) -> Any:
        asked.append(start)
        return read(self, start, end, columns)

    monkeypatch.setattr(type(source), "read", spy)
    sqlite_gov.drift.scan(NAME, at=AT + HOUR, reference="9d")
    assert asked == [AT]


@pytest.mark.parametrize("damage", ["{", "[]", '{"drift": {"rule": 1}}', '{"quarantined": ["x"]}'])
def test_a_damaged_state_of_the_alarm_rules_is_told(
    sqlite_gov: Governance, live: Path, damage: str
) -> None:
    watched(sqlite_gov, live)
    scan(sqlite_gov)
    with sqlite_gov.database.begin() as tx:
        tx.exec_driver_sql("UPDATE model_drift_reports SET episode = ?", (damage,))
    with pytest.raises(IntegrityError, match="from a backup"):
        scan(sqlite_gov, AT + HOUR)
    with pytest.raises(IntegrityError, match="from a backup"):
        sqlite_gov.drift.get_reports(NAME)


@pytest.mark.parametrize("damage", ["{", "7", '{"2026-03-10T00": ["ok"]}'])
def test_damaged_hours_of_a_day_are_told_and_profiled_again(
    sqlite_gov: Governance, live: Path, damage: str
) -> None:
    watched(sqlite_gov, live)
    scan(sqlite_gov)
    with sqlite_gov.database.begin() as tx:
        tx.exec_driver_sql("UPDATE drift_profiles SET hours = ? WHERE period = 'day'", (damage,))
    with pytest.raises(IntegrityError):
        scan(sqlite_gov, AT + HOUR)
    sqlite_gov.drift.profile(NAME, start=START, end=AT)
    assert scan(sqlite_gov, AT + HOUR).severity is Severity.NORMAL


@pytest.mark.parametrize("year", [1, 1899, 9900, 9999])
def test_moments_at_the_ends_of_the_calendar_are_refused(
    sqlite_gov: Governance, live: Path, year: int
) -> None:
    watched(sqlite_gov, live)
    at = datetime(year, 1, 2, tzinfo=UTC)
    for ask in (
        lambda: scan(sqlite_gov, at),
        lambda: sqlite_gov.drift.calibrate(NAME, at=at),
        lambda: sqlite_gov.drift.profile(NAME, start=at, end=at + HOUR),
    ):
        with pytest.raises(InvalidInputError, match="correct it"):
            ask()


def test_problems_that_no_database_keeps_are_written_out(gov: Governance, live: Path) -> None:
    version = watched(gov, live)
    scan(gov)
    stored = profile_store.StoredProfile(
        period="hour",
        start=AT,
        status="corrupt",
        problem="bytes \0 and \ud800",
        rows=0,
        fingerprint=None,
        hours=None,
        digest="0" * 64,
    )
    with gov.database.begin() as tx:
        profile_store.put(tx, version.id, [stored])
    with gov.database.read() as connection:
        found = profile_store.read_hours(connection, version.id, AT, AT + HOUR)
    assert found == {AT: stored} and stored.problem == "bytes \\x00 and \\ud800"
    assert row_count(gov, drift_profiles) > 24


def test_sources_stay_open_and_the_least_used_is_let_go(
    sqlite_gov: Governance, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.evidence.drift.scanning.opened._OTHERS", 2)
    names = ["a", "b", "c"]
    for number, name in enumerate(names):
        declare(sqlite_gov.settings.home, {**parquet(live), "path": f"{live}/{name}"}, name=name)
        in_production(sqlite_gov, name=name, seed=number)

    def source(name: str) -> object:
        return sqlite_gov.drift._scans.watched(name, AT).source

    a, b = source("a"), source("b")
    assert source("a") is a
    source("c")
    assert source("a") is a and source("b") is not b
