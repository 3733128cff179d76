"""The audit log: the newest first, by action, and verified on request."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import insert
from sqlalchemy import text as sql

from governance import Governance
from governance.dashboard.reads import log
from governance.store.schema import audit_log
from tests.dashboard.conftest import NAME, Browser, Shown
from tests.versions import actions, champion, registered


def entries(text: str) -> list[int]:
    found = re.findall(r'<td class="number" data-name="Entry">([\d,]+)</td>', text)
    return [int(one.replace(",", "")) for one in found]


def test_the_newest_entry_stands_first(sqlite_gov: Governance, browser: Browser) -> None:
    champion(sqlite_gov)
    found = entries(browser.get("/audit").text)
    assert found == sorted(found, reverse=True) and found[-1] == 1


def test_an_action_filters_and_every_action_is_offered(gov: Governance) -> None:
    champion(gov)
    registered(gov, 1, name="other")
    with gov.database.read() as connection:
        assert list(log.actions(connection)) == sorted(set(actions(gov)))
        some = log.latest(connection, action="version.registered")
        assert [one["model_name"] for one in some] == ["other", NAME]
        assert [one["seq"] for one in log.latest(connection, before=3)] == [2, 1]
        assert log.entries(connection) == len(actions(gov))
        assert {one["model_name"] for one in log.latest(connection, model=NAME)} == {NAME}


@pytest.mark.parametrize(
    "details", ["no JSON", '{"share": NaN}', '{"share": 1e999}', "[" * 3000 + "]" * 3000]
)
def test_an_entry_that_was_damaged_is_shown_as_the_text_that_it_is(
    sqlite_gov: Governance, browser: Browser, details: str
) -> None:
    registered(sqlite_gov)
    values = {column.name: "x" for column in audit_log.columns}
    with sqlite_gov.database.begin() as tx:
        tx.execute(insert(audit_log).values({**values, "seq": 2, "details": details}))
    answer = browser.get("/audit")
    assert answer.status_code == 200 and entries(answer.text) == [2, 1]
    assert details[:9] in unescape(answer.text) and "<summary>unreadable</summary>" in answer.text


def test_an_empty_log_is_a_page(browser: Browser) -> None:
    assert "No entry fits" in browser.get("/audit").text


def test_the_log_of_a_model_takes_the_right_on_it_alone(shown: Shown) -> None:
    viewer = shown.browser.as_("viewer")
    assert viewer.get("/audit").status_code == 403
    page = viewer.get(f"/models/{NAME}/audit").text
    assert "promotion.decided" in page and "Verify" not in page
    assert viewer.get(f"/models/{NAME}/audit?action=no.such").status_code == 200
    assert viewer.get(f"/models/{NAME}/audit?cursor=x").status_code == 422


def test_older_entries_are_behind_a_link(sqlite_gov: Governance, browser: Browser) -> None:
    with sqlite_gov.database.begin() as tx:
        for number in range(60):
            sqlite_gov.audit.append(tx, actor="ann", action="noted", details={"n": number})
    first = browser.get("/audit?action=noted").text
    (older,) = re.findall(r'href="/dashboard([^"]*)" rel="next"', first)
    second = browser.get(older.replace("&amp;", "&")).text
    assert entries(first) == list(range(60, 10, -1)) and entries(second) == list(range(10, 0, -1))


def test_a_verification_says_what_it_found(sqlite_gov: Governance, browser: Browser) -> None:
    champion(sqlite_gov)
    answer = browser.post("/audit/verify")
    assert answer.status_code == 200 and "Intact." in answer.text
    assert browser.as_("viewer").post("/audit/verify").status_code == 403
    with sqlite_gov.database.begin() as tx:
        for name in tx.execute(sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            tx.execute(sql(f'DROP TRIGGER "{name[0]}"'))
        tx.execute(
            sql("UPDATE audit_log SET actor = '<b>mallory</b>', details = 'x' WHERE seq = 2")
        )
    broken = browser.post("/audit/verify")
    assert broken.status_code == 200 and "Not intact." in broken.text
    page = browser.get("/audit").text  # what is stored is shown, whatever it is
    assert "&lt;b&gt;mallory" in page and "unreadable" in page


def test_the_log_filters_by_model_and_its_tab_is_for_who_may_read_it(shown: Shown) -> None:
    text = shown.browser.get(f"/audit?of={NAME}").text
    assert f">{NAME}</a></td>" in text and "token.created" not in text.partition("<tbody>")[2]
    assert "No entry fits" in shown.browser.get("/audit?of=nobodys").text
    assert shown.browser.get("/audit?of=%27").status_code == 422
    tab = 'href="/dashboard/audit"'
    assert tab in shown.browser.get("").text
    assert tab not in shown.browser.as_("viewer").get("").text  # of one team
    assert tab in shown.browser.as_("reader").get("").text


def test_the_log_filters_by_person_and_every_name_leads_to_what_they_did(shown: Shown) -> None:
    with shown.gov.database.begin() as tx:
        shown.gov.audit.append(tx, actor="<i>Zoë & co", action="noted", model=NAME)
    for address in ("/audit", f"/models/{NAME}/audit"):
        text = shown.browser.get(f"{address}?action=noted").text
        (link,) = re.findall(r'data-name="Who"><a href="/dashboard([^"]*)">', text)
        found = shown.browser.get(link.replace("&amp;", "&")).text
        assert len(entries(found)) == 1 and "&lt;i&gt;Zoë &amp; co</a>" in found
        assert 'name="actor" value="&lt;i&gt;Zoë &amp; co"' in found  # and the form keeps it
        assert "No entry fits" in shown.browser.get(f"{address}?actor=nobody").text
        assert shown.browser.get(f"{address}?actor=%00").status_code == 422
    viewer = shown.browser.as_("viewer")  # of one team: a person is asked for on their models only
    assert viewer.get("/audit?actor=ann").status_code == 403
    assert viewer.get(f"/models/{NAME}/audit?actor=ann").status_code == 200


def test_a_filter_by_person_is_kept_from_page_to_page(
    sqlite_gov: Governance, browser: Browser
) -> None:
    with sqlite_gov.database.begin() as tx:
        for number in range(120):
            sqlite_gov.audit.append(tx, actor=("ann", "bob")[number % 2], action="noted")
    first = browser.get("/audit?actor=bob").text
    (older,) = re.findall(r'href="/dashboard([^"]*)" rel="next"', first)
    second = browser.get(older.replace("&amp;", "&")).text
    assert entries(first) == list(range(120, 20, -2))
    assert entries(second) == list(range(20, 0, -2))
