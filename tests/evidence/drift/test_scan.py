"""One look at a model: what it says of stable, shifted, missing and spoilt data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from governance import Governance
from governance.errors import InvalidEvidenceError, LiveDataError
from governance.evidence.drift.report import DriftReport
from governance.policy.drift.facts import Finding
from governance.store.alert_tables import alert_outbox
from governance.values import Severity, iso
from tests.evidence.drift.live_model import (
    AT,
    DAY,
    DAYS,
    FEATURES,
    HOUR,
    NAME,
    START,
    hour_rows,
    place,
    scan,
    shift_window,
    watched,
    write_hours,
)


def test_stable_data_are_normal(gov: Governance, live: Path) -> None:
    version = watched(gov, live)
    report = scan(gov)
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
    watched(gov, live)
    shift_window(live)
    report = scan(gov)
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
    watched(sqlite_gov, live)
    place(live, AT - 5 * HOUR).unlink()
    report = scan(sqlite_gov)
    assert report.severity is Severity.INSUFFICIENT
    assert list(report.reference["window"]["missing_hours"]) == [iso(AT - 5 * HOUR)]
    assert "2026-03-10T19:00Z" in " ".join(report.reasons)


def test_a_truncated_file_is_named(sqlite_gov: Governance, live: Path) -> None:
    watched(sqlite_gov, live)
    path = place(live, AT - 5 * HOUR)
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[: len(whole) // 2])
    report = scan(sqlite_gov)
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
    watched(sqlite_gov, live)
    write_hours(live, AT - DAY, AT, change)
    report = scan(sqlite_gov)
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
    watched(sqlite_gov, live)
    write_hours(live, AT - 3 * HOUR, AT, change)
    report = scan(sqlite_gov)
    assert report.severity is Severity.INSUFFICIENT
    assert len(report.reference["window"]["missing_hours"]) == 3


def test_an_empty_source_is_insufficient_and_in_the_end_an_incident(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    (tmp_path / "live").mkdir()
    watched(sqlite_gov, tmp_path / "live")
    reports = [scan(sqlite_gov, AT + number * HOUR) for number in range(6)]
    assert {report.severity for report in reports} == {Severity.INSUFFICIENT}
    assert "nothing to compare with" in " ".join(reports[0].reasons)
    assert [report.event for report in reports] == [None] * 5 + ["opened"]
    assert [incident.kind for incident in sqlite_gov.alerts.list()] == ["data"]


def test_a_version_that_knows_its_training_days_waits_for_days_to_compare_with(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    live = tmp_path / "live"
    write_hours(live, AT - DAY, AT)
    version = watched(sqlite_gov, live)
    trained = pd.concat([hour_rows(START + number * HOUR) for number in range(24 * DAYS)])
    sqlite_gov.drift.detect_data_drift(version, trained, trained)
    report = scan(sqlite_gov)
    assert report.severity is Severity.INSUFFICIENT
    assert {item.finding for item in report.features} == {Finding.NO_REFERENCE}
    assert report.reference["rolling"]["days"] == 0
    assert report.reference["frozen"]["origin"] == "reference_data"
    assert all(item.figures.frozen is not None for item in report.features)


def test_a_source_that_is_not_there_is_an_error_and_a_missed_look(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    watched(sqlite_gov, tmp_path / "nowhere")
    with pytest.raises(LiveDataError, match="check drift.live.path") as raised:
        scan(sqlite_gov)
    (report,) = sqlite_gov.drift.get_reports(NAME)
    assert report.severity is Severity.INSUFFICIENT
    assert raised.value.message in report.reasons


def test_a_watched_column_that_never_was_is_an_error_with_a_remedy(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live, features=["x0", "y"])
    with pytest.raises(InvalidEvidenceError, match="have no column y; correct drift.features"):
        scan(sqlite_gov)
