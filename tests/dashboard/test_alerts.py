"""Alerts: who may handle them, the forms, and ten thousand of them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import insert

from governance import Governance
from governance.history.incident_handling import read_incident
from governance.store.alert_tables import incidents
from tests.alarms import event, record
from tests.api.test_models import statements
from tests.api.world import AT
from tests.dashboard.conftest import NAME, Browser, browsing
from tests.versions import actions, champion


@pytest.fixture
def incident(sqlite_gov: Governance) -> str:
    live = champion(sqlite_gov)
    (found,) = record(sqlite_gov.database, event(model=NAME, version_id=live.id))
    return found


def test_to_acknowledge_is_one_button(
    sqlite_gov: Governance, browser: Browser, incident: str
) -> None:
    operator = browser.as_("operator")
    assert "Acknowledge</button>" in operator.get("/alerts").text
    answer = operator.post(f"/alerts/{incident}/acknowledge")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/dashboard/alerts/{incident}",
    )
    page = operator.get(f"/alerts/{incident}").text
    assert "operator, since" in page and "Acknowledge</button>" not in page
    assert actions(sqlite_gov)[-1] == "incident.acknowledged"
    again = browser.as_("admin").post(f"/alerts/{incident}/acknowledge")
    assert again.status_code == 409 and "operator" in again.text


def test_to_snooze_takes_hours(sqlite_gov: Governance, browser: Browser, incident: str) -> None:
    answer = browser.as_("operator").post(f"/alerts/{incident}/snooze", data={"hours": "24"})
    assert answer.status_code == 303
    with sqlite_gov.database.read() as connection:
        found = read_incident(connection, incident)
    assert found.snoozed_until is not None
    assert "silent until" in browser.get("/alerts").text
    for wrong in ({}, {"hours": "0"}, {"hours": "x"}, {"hours": "1e9"}):
        assert browser.post(f"/alerts/{incident}/snooze", data=wrong).status_code == 422, wrong


def test_a_viewer_sees_no_form(browser: Browser, incident: str) -> None:
    viewer = browser.as_("viewer")
    for path in ("/alerts", f"/alerts/{incident}"):
        assert "<form" not in viewer.get(path).text
    assert "takes the role operator" in viewer.get(f"/alerts/{incident}").text


def test_a_closed_alert_is_shown_and_no_longer_handled(
    sqlite_gov: Governance, browser: Browser, incident: str
) -> None:
    with sqlite_gov.database.begin() as tx:
        tx.execute(incidents.update().values(state="closed", closed_at=AT, closed_reason="<calm>"))
    page = browser.get(f"/alerts/{incident}").text
    assert "&lt;calm&gt;" in page and "<form" not in page
    assert "No alert is open" in browser.get("/alerts").text
    assert browser.post(f"/alerts/{incident}/acknowledge").status_code == 409


def test_an_alert_that_does_not_exist_is_a_page(browser: Browser) -> None:
    for name in ("0123456789ab", "x", "%00", "..%2f"):
        assert browser.get(f"/alerts/{name}").status_code in (404, 422), name
    assert "There was never an alert here" in browser.get("/alerts").text


def test_ten_thousand_alerts_are_pages_of_fifty(sqlite_gov: Governance, incident: str) -> None:
    with sqlite_gov.database.read() as connection:
        one = dict(connection.execute(incidents.select()).one()._mapping)
    closed = [
        {
            **one,
            "id": f"{number:012x}",
            "state": "closed",
            "opened_at": AT - timedelta(hours=number),
        }
        for number in range(10_000)
    ]
    with browsing(sqlite_gov) as browser:
        with statements(sqlite_gov) as few:
            browser.get("/alerts?state=all")
        with sqlite_gov.database.begin() as tx:
            tx.execute(insert(incidents), closed)
        with statements(sqlite_gov) as many:
            page = browser.get("/alerts?state=all").text
        assert len(many) == len(few)
        assert "All (10,001)" in page and "Closed (10,000)" in page
        seen = set(re.findall(r'data-name="Since"><a href="/dashboard/alerts/(\w+)"', page))
        assert len(seen) == 50 and len(page) < 60_000
        (older,) = re.findall(r'href="/dashboard([^"]*)" rel="next"', page)
        second = browser.get(older.replace("&amp;", "&")).text
        assert not seen & set(
            re.findall(r'data-name="Since"><a href="/dashboard/alerts/(\w+)"', second)
        )


def test_messages_are_told_in_words(browser: Browser, incident: str) -> None:
    text = browser.get(f"/alerts/{incident}").text
    assert "<dt>Messages</dt><dd>" in text and "pending" not in text
