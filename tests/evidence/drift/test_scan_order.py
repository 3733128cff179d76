"""Looks in order: backfills, older moments, quarantine, new versions, retrain requests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from governance import Governance
from governance.errors import GovernanceError
from governance.evidence.drift.records import profile_store
from governance.values import Severity
from tests.evidence.drift.live_model import (
    AT,
    DAY,
    DAYS,
    HOUR,
    NAME,
    REFERENCE,
    START,
    declare,
    in_production,
    parquet,
    scan,
    set_policy,
    shift_window,
    shifted,
    watched,
    write_hours,
)


def test_a_backfill_from_nothing_gives_the_reports_of_the_day(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    """Data that arrive hour by hour, looked at each time, against all of them at once."""
    hours = 30
    live = tmp_path / "growing"
    write_hours(live, START, AT - DAY)
    watched(sqlite_gov, live)
    lived = []
    for number in range(1, hours):
        hour = AT - DAY + (number - 1) * HOUR
        write_hours(live, hour, hour + HOUR, shifted if 5 < number < 20 else None)
        lived.append(scan(sqlite_gov, hour + HOUR))
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
    watched(sqlite_gov, live)
    shift_window(live)
    scan(sqlite_gov, AT - HOUR)
    scan(sqlite_gov, AT)
    write_hours(live, AT - DAY, AT)  # it had been a mistake: the data were mended
    assert scan(sqlite_gov, AT - HOUR).severity is Severity.NORMAL
    assert [incident.state for incident in sqlite_gov.alerts.list()] == ["open"]
    newest = scan(sqlite_gov, AT)
    assert (newest.severity, newest.revision, newest.event) == (Severity.NORMAL, 2, "closed")
    (incident,) = sqlite_gov.alerts.list()
    assert incident.state == "closed" and "made again" in str(incident.closed_reason)


def test_days_under_alarm_are_not_in_the_reference(sqlite_gov: Governance, live: Path) -> None:
    watched(sqlite_gov, live)
    shift_window(live)
    assert scan(sqlite_gov, AT).event == "opened"
    write_hours(live, AT, AT + 2 * DAY)
    later = scan(sqlite_gov, AT + 2 * DAY)
    rolling = later.reference["rolling"]
    assert rolling["quarantined"] == [(AT - DAY).date().isoformat()]
    assert (rolling["days"], rolling["last"]) == (DAYS, AT.date().isoformat())
    assert rolling["first"] == (START + DAY).date().isoformat()  # else it would be a day later


def test_a_new_version_starts_afresh_and_closes_what_the_old_one_left(
    gov: Governance, live: Path
) -> None:
    watched(gov, live)
    shift_window(live)
    assert scan(gov).event == "opened"
    second = in_production(gov, seed=1, at=AT + HOUR)
    report = scan(gov, AT + HOUR)
    assert report.version_id == second.id
    old = next(incident for incident in gov.alerts.list() if incident.version_id != second.id)
    assert (old.state, old.closed_reason) == ("closed", f"replaced by {second.version}")
    assert scan(gov, AT).version == "1.0.0"  # who decided then is not changed by later


def test_severe_drift_asks_for_a_retrain_once_in_a_while(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live, retrain_on_drift="severe")
    set_policy(sqlite_gov, retrain_every_days=3.0)
    shift_window(live)
    assert scan(sqlite_gov).retrain_requested
    assert scan(sqlite_gov).retrain_requested  # the same look says the same
    in_production(sqlite_gov, seed=1, at=AT + HOUR)
    write_hours(live, AT, AT + HOUR, shifted)
    assert scan(sqlite_gov, AT + HOUR).event == "opened"
    assert [incident.retrain_requested for incident in sqlite_gov.alerts.list()] == [False, True]


def test_a_model_that_does_not_ask_for_it_is_not_retrained(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live)
    shift_window(live)
    assert not scan(sqlite_gov).retrain_requested


def test_another_policy_is_another_revision(sqlite_gov: Governance, live: Path) -> None:
    watched(sqlite_gov, live)
    shift_window(live)
    assert scan(sqlite_gov).severity is Severity.SEVERE
    set_policy(sqlite_gov, urgent_effect=0.99, flagged_effect=0.98)
    again = scan(sqlite_gov)
    assert (again.severity, again.revision) == (Severity.NORMAL, 2)
    assert again.policy["urgent_effect"] == 0.99


def test_a_damaged_profile_stops_the_scan_with_a_remedy(sqlite_gov: Governance, live: Path) -> None:
    version = watched(sqlite_gov, live)
    scan(sqlite_gov)
    with sqlite_gov.database.begin() as tx:
        (found,) = profile_store.read_hours(tx, version.id, AT - 3 * HOUR, AT - 2 * HOUR).values()
        profile_store.put(tx, version.id, [replace(found, data=b"rubbish")])
    with pytest.raises(GovernanceError, match="profile the period again"):
        scan(sqlite_gov, AT + HOUR)
    sqlite_gov.drift.profile(NAME, start=AT - 3 * HOUR, end=AT)
    assert scan(sqlite_gov, AT + HOUR).severity is Severity.NORMAL
