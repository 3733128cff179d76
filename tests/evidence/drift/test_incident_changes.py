"""Incidents follow the state of the alarm rules at the newest look, in any order of looks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from governance import Governance
from governance.evidence.drift.records import report_store
from governance.history.incident_handling import Incident, read_incident
from governance.history.incidents import _close
from governance.store.alert_tables import alert_outbox, incidents
from governance.values import Severity
from tests.evidence.drift.live_model import (
    AT,
    DAY,
    HOUR,
    NAME,
    scan,
    shift_window,
    shifted,
    watched,
    write_hours,
)


def _told(gov: Governance) -> list[tuple[str, str]]:
    with gov.database.read() as connection:
        rows = connection.execute(select(alert_outbox).order_by(alert_outbox.c.id))
        return [(row.incident_id, row.event) for row in rows]


def _incident(gov: Governance, name: str | None) -> Incident:
    with gov.database.read() as connection:
        return read_incident(connection, str(name))


def test_a_version_that_decides_again_while_it_drifts_has_its_incident_open_again(
    sqlite_gov: Governance, live: Path
) -> None:
    first = watched(sqlite_gov, live)
    shift_window(live)
    write_hours(live, AT, AT + 2 * HOUR, shifted)
    incident = scan(sqlite_gov).incident_id
    with sqlite_gov.database.begin() as tx:  # what a look at the version that replaced it records
        row = tx.execute(select(incidents)).one()
        _close(tx, row, at=AT + HOUR, reason="replaced by 1.1.0", now=AT, by="drift_scan")
    assert _incident(sqlite_gov, incident).state == "closed"
    report = scan(sqlite_gov, AT + 2 * HOUR)
    assert (report.version_id, report.event, report.incident_id) == (first.id, "opened", incident)
    (found,) = sqlite_gov.alerts.list(state="open")
    assert (found.id, found.closed_at) == (incident, None)
    assert [event for name, event in _told(sqlite_gov) if name == incident] == [
        "opened",
        "opened",
    ]


def test_after_scans_down_and_up_the_incident_of_the_state_is_the_open_one(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live)
    shift_window(live)
    later = scan(sqlite_gov, AT).incident_id
    earlier = scan(sqlite_gov, AT - HOUR).incident_id
    assert later != earlier and _told(sqlite_gov) == [(later, "opened")]  # the past is not told
    assert _incident(sqlite_gov, earlier).closed_at is None
    assert scan(sqlite_gov, AT - HOUR).incident_id == earlier
    assert scan(sqlite_gov, AT).incident_id == earlier
    assert [found.id for found in sqlite_gov.alerts.list(state="open")] == [earlier]
    assert _told(sqlite_gov)[1:] == [(later, "closed"), (earlier, "opened")]


def test_features_that_are_only_insufficient_are_not_part_of_an_incident(
    sqlite_gov: Governance, live: Path
) -> None:
    watched(sqlite_gov, live)
    write_hours(live, AT - 10 * DAY + DAY, AT - DAY, lambda _, frame: frame.assign(x7=1.0))
    write_hours(live, AT - DAY, AT, lambda h, frame: shifted(h, frame).assign(x7=1.0))
    report = scan(sqlite_gov)
    calm = {f.feature for f in report.features if f.severity is Severity.INSUFFICIENT}
    assert "x7" in calm
    (incident,) = sqlite_gov.alerts.list()
    assert set(incident.features) == {"x0", "x1", "x2"}


def test_the_figures_of_looks_that_were_nothing_special_go_and_their_reports_stay(
    gov: Governance, live: Path
) -> None:
    watched(gov, live)
    plain, close = scan(gov, AT - HOUR), scan(gov, AT)
    assert plain.features and close.features
    with gov.database.begin() as tx:
        report_store.forget_figures(tx, NAME, before=AT - HOUR)  # not older
    assert gov.drift.get_report(plain.id) == plain
    with gov.database.begin() as tx:
        report_store.forget_figures(tx, NAME, before=AT + timedelta(days=1))
    assert gov.drift.get_report(plain.id).features == ()
    assert gov.drift.get_report(close.id) == close
    assert len(gov.drift.history(close)) == 2
