"""Looking again: late data, interrupted and concurrent scans give the same records."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from governance import Governance
from governance.evidence.drift.records import profile_store, report_store
from governance.store.alert_tables import alert_outbox, incidents
from governance.store.drift_tables import drift_profiles, model_drift_reports
from governance.values import ModelVersion, Severity, iso
from tests.evidence.drift.live_model import (
    AT,
    DAY,
    DAYS,
    HOUR,
    NAME,
    REFERENCE,
    START,
    hour_rows,
    place,
    row_count,
    scan,
    shift_window,
    watched,
    write_hour,
)


def test_scanning_twice_changes_nothing(gov: Governance, live: Path) -> None:
    watched(gov, live)
    shift_window(live)
    first = scan(gov)
    before = [row_count(gov, table) for table in (alert_outbox, incidents, drift_profiles)]
    entries = gov.audit.verify().entries
    assert scan(gov) == first
    assert [row_count(gov, table) for table in (alert_outbox, incidents, drift_profiles)] == before
    assert gov.audit.verify().entries == entries
    assert len(gov.drift.get_drift_alerts(NAME)) == 3


def test_a_late_hour_is_read_again_and_the_report_revised(gov: Governance, live: Path) -> None:
    watched(gov, live)
    late = AT - 5 * HOUR
    place(live, late).unlink()
    assert scan(gov).severity is Severity.INSUFFICIENT
    write_hour(live, late, hour_rows(late))
    revised = scan(gov)
    assert (revised.severity, revised.revision) == (Severity.NORMAL, 2)
    assert gov.drift.get_reports(NAME) == [revised]


def test_late_data_change_the_day_that_they_belong_to(sqlite_gov: Governance, live: Path) -> None:
    version = watched(sqlite_gov, live)
    late = AT - 20 * HOUR
    place(live, late).unlink()
    scan(sqlite_gov)
    assert _day_rows(sqlite_gov, version, AT - DAY) == 23 * 25
    write_hour(live, late, hour_rows(late))
    scan(sqlite_gov, AT + 6 * HOUR)  # the hour is out of the window, and still watched
    assert _day_rows(sqlite_gov, version, AT - DAY) == 24 * 25


def _day_rows(gov: Governance, version: ModelVersion, day: datetime) -> int:
    with gov.database.read() as connection:
        heads = profile_store.read_day_heads(connection, version.id, day, day + HOUR)
    return heads[day].rows


def test_an_hour_that_was_written_again_is_seen_by_its_fingerprint(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live)
    scan(sqlite_gov)
    write_hour(live, AT - 3 * HOUR, hour_rows(AT - 3 * HOUR).head(10))
    assert scan(sqlite_gov, AT + HOUR).rows == 24 * 25 - 15


def test_only_the_newest_hour_is_read(
    sqlite_gov: Governance, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched(sqlite_gov, live)
    scan(sqlite_gov)
    source = sqlite_gov.drift._scans.watched(NAME, AT).source
    asked: list[datetime] = []
    read = type(source).read

    def spy(self: Any, start: datetime, end: datetime, columns: Any) -> Any:
        asked.append(start)
        return read(self, start, end, columns)

    monkeypatch.setattr(type(source), "read", spy)
    scan(sqlite_gov, AT + HOUR)
    assert asked == [AT]


def test_a_look_takes_few_statements_however_many_days_are_recorded(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live)
    scan(sqlite_gov)
    with _counted(sqlite_gov) as statements:
        scan(sqlite_gov, AT + HOUR)
    assert len(statements) <= 24


@contextmanager
def _counted(gov: Governance) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_1: Any, _2: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(gov.database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(gov.database.engine, "before_cursor_execute", note)


def test_hours_fold_into_days_and_leave(sqlite_gov: Governance, live: Path) -> None:
    version = watched(sqlite_gov, live)
    for number in range(0, 7):
        scan(sqlite_gov, AT - 48 * HOUR + number * 9 * HOUR)
    with sqlite_gov.database.read() as connection:
        hours = profile_store.read_hours(connection, version.id, START, AT + DAY)
        days = profile_store.read_day_heads(connection, version.id, START, AT + DAY)
    assert min(hours) >= AT + 6 * HOUR - 48 * HOUR
    assert sorted(days) == [START + number * DAY for number in range(DAYS + 1)]
    assert {head.rows for head in days.values()} == {24 * 25}


def test_two_processes_that_scan_the_same_moment_make_one_report(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live)
    shift_window(live)
    settings = sqlite_gov.settings
    command = [
        *(sys.executable, "-m", "governance.cli", "--home", str(settings.home)),
        *("--database", settings.url, "drift", "scan", NAME, "--at", iso(AT)),
        *("--reference", REFERENCE, "--output", "json"),
    ]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=300)[0]) for process in running]
    assert answers[0] == answers[1]
    assert [process.returncode for process in running] == [0, 0]
    (report,) = sqlite_gov.drift.get_reports(NAME)
    assert (report.id, report.revision) == (answers[0]["id"], 1)
    assert [row_count(sqlite_gov, table) for table in (incidents, alert_outbox)] == [1, 1]
    assert len(sqlite_gov.drift.get_drift_alerts(NAME)) == 3
    assert sqlite_gov.audit.verify()


@pytest.mark.parametrize("where", ["write", "newest"])
def test_a_scan_that_dies_leaves_nothing_half_and_is_simply_repeated(
    sqlite_gov: Governance, live: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    watched(sqlite_gov, live)
    shift_window(live)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(report_store, where, die)
        scan(sqlite_gov)
    assert [row_count(sqlite_gov, table) for table in (model_drift_reports, incidents)] == [0, 0]
    assert scan(sqlite_gov).event == "opened"
    assert [row_count(sqlite_gov, table) for table in (incidents, alert_outbox)] == [1, 1]
