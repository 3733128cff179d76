"""One look at a model: what it says, what it records, and that looking again changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event, func, select

from governance import Governance
from governance.errors import GovernanceError, InvalidEvidenceError, LiveDataError
from governance.evidence.drift import profile_store, report_store
from governance.evidence.drift.report import DriftReport
from governance.policy.drift.facts import Finding
from governance.store.alert_tables import alert_outbox, incidents
from governance.store.drift_tables import drift_profiles, model_drift_reports
from governance.values import ModelVersion, Severity, iso
from tests.evidence.drift.live_model import (
    AT,
    DAYS,
    FEATURES,
    HOUR,
    NAME,
    REFERENCE,
    START,
    declare,
    hour_rows,
    in_production,
    parquet,
    place,
    write_hour,
    write_hours,
)

DAY = timedelta(days=1)


def _watched(gov: Governance, live: Path, **drift: Any) -> ModelVersion:
    declare(gov.settings.home, parquet(live), **drift)
    return in_production(gov)


def _scan(gov: Governance, at: datetime = AT) -> DriftReport:
    return gov.drift.scan(NAME, at=at, reference=REFERENCE)


def _shifted(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(x0=frame["x0"] + 2, x1=frame["x1"] + 2, x2=frame["x2"] - 2)


def _shift_window(live: Path) -> None:
    write_hours(live, AT - DAY, AT, _shifted)


def _rows(gov: Governance, table: Any) -> int:
    with gov.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _policy(gov: Governance, **limits: Any) -> None:
    path = gov.settings.policy_path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"defaults": {"drift": limits}}))


# -- what a look says -----------------------------------------------------------------------------


def test_stable_data_are_normal(gov: Governance, live: Path) -> None:
    version = _watched(gov, live)
    report = _scan(gov)
    assert report.severity is Severity.NORMAL
    assert (report.model, report.version_id, report.at) == (NAME, version.id, AT)
    assert report.rows == 24 * 25 and len(report.features) == len(FEATURES)
    assert (report.event, report.incident_id, report.revision) == (None, None, 1)
    assert report.reference["rolling"]["days"] == DAYS
    assert report.reference["frozen"]["origin"] == "first_reference"
    assert report.reference["window"]["missing_hours"] == {}
    assert all(feature.q_value is not None for feature in report.features)
    assert gov.drift.get_reports(NAME) == [report]


def test_a_shift_in_three_of_ten_is_severe_and_opens_an_incident(
    gov: Governance, live: Path
) -> None:
    _watched(gov, live)
    _shift_window(live)
    report = _scan(gov)
    assert (report.severity, report.event) == (Severity.SEVERE, "opened")
    severe = {item.feature for item in report.features if item.severity is Severity.SEVERE}
    assert severe == {"x0", "x1", "x2"}
    assert [item.feature for item in report.features][:3] == sorted(
        severe, key=lambda name: -_figure(report, name, "z")
    )
    (incident,) = gov.alerts.list()
    assert (incident.id, incident.rule, incident.state) == (report.incident_id, "urgent", "open")
    assert set(incident.features) == severe and incident.report_id == report.id
    alerts = gov.drift.get_drift_alerts(NAME, is_alert=True)
    assert {alert.feature for alert in alerts} == severe
    assert {(alert.origin, alert.detected_at) for alert in alerts} == {("scan", AT)}
    with gov.database.read() as connection:
        payload = connection.execute(select(alert_outbox.c.payload)).scalar_one()
    plot = payload["features"][0]["histogram"]
    assert sum(plot["current"]) == pytest.approx(1, abs=0.01) and len(plot["labels"]) <= 11
    assert set(report.reference["histograms"]) == severe
    assert gov.audit.entries(action="incident.opened")[0].details["incident"] == incident.id


def _figure(report: DriftReport, feature: str, name: str) -> Any:
    return getattr(next(f for f in report.features if f.feature == feature).figures, name)


def test_a_missing_hour_is_named_and_never_normal(sqlite_gov: Governance, live: Path) -> None:
    _watched(sqlite_gov, live)
    place(live, AT - 5 * HOUR).unlink()
    report = _scan(sqlite_gov)
    assert report.severity is Severity.INSUFFICIENT
    assert list(report.reference["window"]["missing_hours"]) == [iso(AT - 5 * HOUR)]
    assert iso(AT - 5 * HOUR) in " ".join(report.reasons)


def test_a_truncated_file_is_named(sqlite_gov: Governance, live: Path) -> None:
    _watched(sqlite_gov, live)
    path = place(live, AT - 5 * HOUR)
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[: len(whole) // 2])
    report = _scan(sqlite_gov)
    assert report.severity is Severity.INSUFFICIENT
    (why,) = report.reference["window"]["missing_hours"].values()
    assert "part.parquet" in why and "cannot be read" in why


def _renamed(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"x3": "x_three"})


def _as_text(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(x3=frame["x3"].map("{:.3f}".format))


def _infinite(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(x3=frame["x3"].where(frame["x3"] < 2, np.inf))


def _all_missing(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(x3=np.nan)


def _constant(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(x3=0.5)


def _new_categories(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    """A great many, each of them once, beside those that are known."""
    many = [f"{hour:%H}-{number}" for number in range(len(frame))]
    return frame.assign(color=frame["color"].where(frame.index % 20 > 0, pd.Series(many)))


@pytest.mark.parametrize(
    ("change", "feature", "finding"),
    [
        (_renamed, "x3", Finding.COLUMN_MISSING),
        (_as_text, "x3", Finding.WRONG_DTYPE),
        (_infinite, "x3", Finding.INFINITE_VALUES),
        (_all_missing, "x3", Finding.ALL_MISSING),
        (_constant, "x3", Finding.BECAME_CONSTANT),
        (_new_categories, "color", Finding.NEW_CATEGORIES),
    ],
)
def test_spoilt_columns_are_findings(
    sqlite_gov: Governance, live: Path, change: Any, feature: str, finding: Finding
) -> None:
    _watched(sqlite_gov, live)
    write_hours(live, AT - DAY, AT, change)
    report = _scan(sqlite_gov)
    found = next(item for item in report.features if item.feature == feature)
    assert report.severity in (Severity.MODERATE, Severity.SEVERE)
    assert found.severity in (Severity.MODERATE, Severity.SEVERE)
    assert found.finding is finding
    assert all(
        value is None or np.isfinite(value)
        for item in report.features
        for value in (item.ks, item.psi, item.p_value, item.q_value, item.mean_shift)
    )


def _naive(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(time=frame["time"].dt.tz_localize(None))


def _future(hour: datetime, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(time=frame["time"] + pd.Timedelta(days=365))


@pytest.mark.parametrize("change", [_naive, _future])
def test_hours_whose_times_cannot_be_taken_are_named(
    sqlite_gov: Governance, live: Path, change: Any
) -> None:
    _watched(sqlite_gov, live)
    write_hours(live, AT - 3 * HOUR, AT, change)
    report = _scan(sqlite_gov)
    assert report.severity is Severity.INSUFFICIENT
    assert len(report.reference["window"]["missing_hours"]) == 3


def test_an_empty_source_is_insufficient_and_in_the_end_an_incident(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    (tmp_path / "live").mkdir()
    _watched(sqlite_gov, tmp_path / "live")
    reports = [_scan(sqlite_gov, AT + number * HOUR) for number in range(6)]
    assert {report.severity for report in reports} == {Severity.INSUFFICIENT}
    assert "nothing to compare with" in " ".join(reports[0].reasons)
    assert [report.event for report in reports] == [None] * 5 + ["opened"]
    assert [incident.kind for incident in sqlite_gov.alerts.list()] == ["data"]


def test_a_version_that_knows_its_training_days_waits_for_days_to_compare_with(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    live = tmp_path / "live"
    write_hours(live, AT - DAY, AT)
    version = _watched(sqlite_gov, live)
    trained = pd.concat([hour_rows(START + number * HOUR) for number in range(24 * DAYS)])
    sqlite_gov.drift.detect_data_drift(version, trained, trained)
    report = _scan(sqlite_gov)
    assert report.severity is Severity.INSUFFICIENT
    assert {item.finding for item in report.features} == {Finding.NO_REFERENCE}
    assert report.reference["rolling"]["days"] == 0
    assert report.reference["frozen"]["origin"] == "reference_data"
    assert all(item.figures.frozen is not None for item in report.features)


def test_a_source_that_is_not_there_is_an_error_and_records_nothing(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    _watched(sqlite_gov, tmp_path / "nowhere")
    with pytest.raises(LiveDataError, match="check drift.live.path"):
        _scan(sqlite_gov)
    assert _rows(sqlite_gov, model_drift_reports) == 0


def test_a_watched_column_that_never_was_is_an_error_with_a_remedy(
    sqlite_gov: Governance, live: Path
) -> None:
    _watched(sqlite_gov, live, features=["x0", "y"])
    with pytest.raises(InvalidEvidenceError, match="have no column y; correct drift.features"):
        _scan(sqlite_gov)


# -- again, late, interrupted ---------------------------------------------------------------------


def test_scanning_twice_changes_nothing(gov: Governance, live: Path) -> None:
    _watched(gov, live)
    _shift_window(live)
    first = _scan(gov)
    before = [_rows(gov, table) for table in (alert_outbox, incidents, drift_profiles)]
    entries = gov.audit.verify().entries
    assert _scan(gov) == first
    assert [_rows(gov, table) for table in (alert_outbox, incidents, drift_profiles)] == before
    assert gov.audit.verify().entries == entries
    assert len(gov.drift.get_drift_alerts(NAME)) == 3


def test_a_late_hour_is_read_again_and_the_report_revised(gov: Governance, live: Path) -> None:
    _watched(gov, live)
    late = AT - 5 * HOUR
    place(live, late).unlink()
    assert _scan(gov).severity is Severity.INSUFFICIENT
    write_hour(live, late, hour_rows(late))
    revised = _scan(gov)
    assert (revised.severity, revised.revision) == (Severity.NORMAL, 2)
    assert gov.drift.get_reports(NAME) == [revised]


def test_late_data_change_the_day_that_they_belong_to(sqlite_gov: Governance, live: Path) -> None:
    version = _watched(sqlite_gov, live)
    late = AT - 20 * HOUR
    place(live, late).unlink()
    _scan(sqlite_gov)
    assert _day_rows(sqlite_gov, version, AT - DAY) == 23 * 25
    write_hour(live, late, hour_rows(late))
    _scan(sqlite_gov, AT + 6 * HOUR)  # the hour is out of the window, and still watched
    assert _day_rows(sqlite_gov, version, AT - DAY) == 24 * 25


def _day_rows(gov: Governance, version: ModelVersion, day: datetime) -> int:
    with gov.database.read() as connection:
        heads = profile_store.read_day_heads(connection, version.id, day, day + HOUR)
    return heads[day].rows


def test_an_hour_that_was_written_again_is_seen_by_its_fingerprint(
    sqlite_gov: Governance, live: Path
) -> None:
    _watched(sqlite_gov, live)
    _scan(sqlite_gov)
    write_hour(live, AT - 3 * HOUR, hour_rows(AT - 3 * HOUR).head(10))
    assert _scan(sqlite_gov, AT + HOUR).rows == 24 * 25 - 15


def test_only_the_newest_hour_is_read(
    sqlite_gov: Governance, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _watched(sqlite_gov, live)
    _scan(sqlite_gov)
    source = sqlite_gov.drift._scans.watched(NAME, AT).source
    asked: list[datetime] = []
    read = type(source).read

    def spy(self: Any, start: datetime, end: datetime, columns: Any) -> Any:
        asked.append(start)
        return read(self, start, end, columns)

    monkeypatch.setattr(type(source), "read", spy)
    _scan(sqlite_gov, AT + HOUR)
    assert asked == [AT]


def test_a_look_takes_few_statements_however_many_days_are_recorded(
    sqlite_gov: Governance, live: Path
) -> None:
    _watched(sqlite_gov, live)
    _scan(sqlite_gov)
    with _counted(sqlite_gov) as statements:
        _scan(sqlite_gov, AT + HOUR)
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
    version = _watched(sqlite_gov, live)
    for number in range(0, 7):
        _scan(sqlite_gov, AT - 48 * HOUR + number * 9 * HOUR)
    with sqlite_gov.database.read() as connection:
        hours = profile_store.read_hours(connection, version.id, START, AT + DAY)
        days = profile_store.read_day_heads(connection, version.id, START, AT + DAY)
    assert min(hours) >= AT + 6 * HOUR - 48 * HOUR
    assert sorted(days) == [START + number * DAY for number in range(DAYS + 1)]
    assert {head.rows for head in days.values()} == {24 * 25}


def test_two_processes_that_scan_the_same_moment_make_one_report(
    sqlite_gov: Governance, live: Path
) -> None:
    _watched(sqlite_gov, live)
    _shift_window(live)
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
    assert [_rows(sqlite_gov, table) for table in (incidents, alert_outbox)] == [1, 1]
    assert len(sqlite_gov.drift.get_drift_alerts(NAME)) == 3
    assert sqlite_gov.audit.verify()


@pytest.mark.parametrize("where", ["write", "newest"])
def test_a_scan_that_dies_leaves_nothing_half_and_is_simply_repeated(
    sqlite_gov: Governance, live: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    _watched(sqlite_gov, live)
    _shift_window(live)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(report_store, where, die)
        _scan(sqlite_gov)
    assert [_rows(sqlite_gov, table) for table in (model_drift_reports, incidents)] == [0, 0]
    assert _scan(sqlite_gov).event == "opened"
    assert [_rows(sqlite_gov, table) for table in (incidents, alert_outbox)] == [1, 1]


# -- in which order, and by which version ---------------------------------------------------------


def test_a_backfill_from_nothing_gives_the_reports_of_the_day(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    """Data that arrive hour by hour, looked at each time, against all of them at once."""
    hours = 30
    live = tmp_path / "growing"
    write_hours(live, START, AT - DAY)
    _watched(sqlite_gov, live)
    lived = []
    for number in range(1, hours):
        hour = AT - DAY + (number - 1) * HOUR
        write_hours(live, hour, hour + HOUR, _shifted if 5 < number < 20 else None)
        lived.append(_scan(sqlite_gov, hour + HOUR))
    declare(sqlite_gov.settings.home, parquet(live), name="again")
    in_production(sqlite_gov, name="again", seed=1)
    for report in lived:
        filled = sqlite_gov.drift.scan("again", at=report.at, reference=REFERENCE)
        assert filled.features == report.features
        assert (filled.severity, filled.reasons, filled.rows, filled.event, filled.episode) == (
            report.severity, report.reasons, report.rows, report.event, report.episode
        )  # fmt: skip
    assert {report.severity for report in lived} > {Severity.NORMAL, Severity.SEVERE}


def test_an_older_moment_scanned_again_settles_nothing(sqlite_gov: Governance, live: Path) -> None:
    _watched(sqlite_gov, live)
    _shift_window(live)
    _scan(sqlite_gov, AT - HOUR)
    _scan(sqlite_gov, AT)
    write_hours(live, AT - DAY, AT)  # it had been a mistake: the data were mended
    assert _scan(sqlite_gov, AT - HOUR).severity is Severity.NORMAL
    assert [incident.state for incident in sqlite_gov.alerts.list()] == ["open"]
    newest = _scan(sqlite_gov, AT)
    assert (newest.severity, newest.revision, newest.event) == (Severity.NORMAL, 2, "closed")
    (incident,) = sqlite_gov.alerts.list()
    assert incident.state == "closed" and "made again" in str(incident.closed_reason)


def test_days_under_alarm_are_not_in_the_reference(sqlite_gov: Governance, live: Path) -> None:
    _watched(sqlite_gov, live)
    _shift_window(live)
    assert _scan(sqlite_gov, AT).event == "opened"
    write_hours(live, AT, AT + 2 * DAY)
    later = _scan(sqlite_gov, AT + 2 * DAY)
    rolling = later.reference["rolling"]
    assert rolling["quarantined"] == [(AT - DAY).date().isoformat()]
    assert (rolling["days"], rolling["last"]) == (DAYS, AT.date().isoformat())
    assert rolling["first"] == (START + DAY).date().isoformat()  # else it would be a day later


def test_a_new_version_starts_afresh_and_closes_what_the_old_one_left(
    gov: Governance, live: Path
) -> None:
    _watched(gov, live)
    _shift_window(live)
    assert _scan(gov).event == "opened"
    second = in_production(gov, seed=1, at=AT + HOUR)
    report = _scan(gov, AT + HOUR)
    assert report.version_id == second.id
    old = next(incident for incident in gov.alerts.list() if incident.version_id != second.id)
    assert (old.state, old.closed_reason) == ("closed", f"replaced by {second.version}")
    assert _scan(gov, AT).version == "1.0.0"  # who decided then is not changed by later


def test_severe_drift_asks_for_a_retrain_once_in_a_while(
    sqlite_gov: Governance, live: Path
) -> None:
    _watched(sqlite_gov, live, retrain_on_drift="severe")
    _policy(sqlite_gov, retrain_every_days=3.0)
    _shift_window(live)
    assert _scan(sqlite_gov).retrain_requested
    assert _scan(sqlite_gov).retrain_requested  # the same look says the same
    in_production(sqlite_gov, seed=1, at=AT + HOUR)
    write_hours(live, AT, AT + HOUR, _shifted)
    assert _scan(sqlite_gov, AT + HOUR).event == "opened"
    assert [incident.retrain_requested for incident in sqlite_gov.alerts.list()] == [False, True]


def test_a_model_that_does_not_ask_for_it_is_not_retrained(
    sqlite_gov: Governance, live: Path
) -> None:
    _watched(sqlite_gov, live)
    _shift_window(live)
    assert not _scan(sqlite_gov).retrain_requested


def test_another_policy_is_another_revision(sqlite_gov: Governance, live: Path) -> None:
    _watched(sqlite_gov, live)
    _shift_window(live)
    assert _scan(sqlite_gov).severity is Severity.SEVERE
    _policy(sqlite_gov, urgent_effect=0.99, flagged_effect=0.98)
    again = _scan(sqlite_gov)
    assert (again.severity, again.revision) == (Severity.NORMAL, 2)
    assert again.policy["urgent_effect"] == 0.99


def test_a_damaged_profile_stops_the_scan_with_a_remedy(sqlite_gov: Governance, live: Path) -> None:
    version = _watched(sqlite_gov, live)
    _scan(sqlite_gov)
    with sqlite_gov.database.begin() as tx:
        (found,) = profile_store.read_hours(tx, version.id, AT - 3 * HOUR, AT - 2 * HOUR).values()
        profile_store.put(tx, version.id, [replace(found, data=b"rubbish")])
    with pytest.raises(GovernanceError, match="profile the period again"):
        _scan(sqlite_gov, AT + HOUR)
    sqlite_gov.drift.profile(NAME, start=AT - 3 * HOUR, end=AT)
    assert _scan(sqlite_gov, AT + HOUR).severity is Severity.NORMAL
