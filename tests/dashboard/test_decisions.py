"""Decisions: every gate with observed and asked, what was forced marked, replay told as it is."""

from __future__ import annotations

import re

from sqlalchemy import text as sql

from governance import Governance
from tests.dashboard.conftest import NAME, Browser, Shown
from tests.decisions.eligible import policy, promoted, staged
from tests.versions import champion, validated


def test_every_gate_stands_with_what_it_saw(sqlite_gov: Governance, browser: Browser) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov)
    decision = sqlite_gov.promotion.decisions(NAME)[0]
    page = browser.get(f"/decisions/{decision.id}").text
    for check in decision.checks:
        assert f"<code>{check.gate}</code>" in page and check.reason in page
    assert decision.policy_digest in page and decision.verdict_hash in page
    assert "0 failed" in page and "Forced" not in page


def test_what_was_forced_is_marked_with_its_reason(
    sqlite_gov: Governance, browser: Browser
) -> None:
    champion(sqlite_gov)
    (decision,) = sqlite_gov.promotion.decisions(NAME)
    page = browser.get(f"/decisions/{decision.id}").text
    assert "Forced past its gates" in page and "initial" in page
    order = re.findall(r'<tr class="(\w+)">', page)
    assert order == sorted(order, key=["fail", "insufficient", "pass"].index)
    assert "Forced" in browser.get("/decisions").text


def test_a_replay_says_that_it_comes_out_the_same(sqlite_gov: Governance, browser: Browser) -> None:
    champion(sqlite_gov)
    (decision,) = sqlite_gov.promotion.decisions(NAME)
    assert "Judged again" not in browser.get(f"/decisions/{decision.id}").text
    assert "the same." in browser.get(f"/decisions/{decision.id}?replay=true").text


def test_a_replay_says_that_a_record_was_changed(sqlite_gov: Governance, browser: Browser) -> None:
    champion(sqlite_gov)
    (decision,) = sqlite_gov.promotion.decisions(NAME)
    with sqlite_gov.database.begin() as tx:
        for name in tx.execute(sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            tx.execute(sql(f'DROP TRIGGER "{name[0]}"'))
        tx.execute(sql("UPDATE decisions SET verdict_hash = :it"), {"it": "0" * 64})
    answer = browser.get(f"/decisions/{decision.id}?replay=true")
    assert answer.status_code == 200 and "It comes out otherwise" in answer.text


def test_the_list_filters_and_goes_on(
    shown: Shown, sqlite_gov: Governance, browser: Browser
) -> None:
    assert "No decision fits" in shown.browser.get("/decisions?operation=failover").text
    assert shown.browser.get("/decisions?operation=x").status_code == 422
    assert shown.browser.get("/decisions?cursor=nothing").status_code == 422
    for number in range(52):
        version = validated(sqlite_gov, number)
        sqlite_gov.promotion.promote_to_production(version, by="eve", force=True, reason="again")
    first = browser.get(f"/decisions?model={NAME}").text
    (older,) = re.findall(r'href="(/dashboard/decisions[^"]*)" rel="next"', first)
    second = browser.get(older.removeprefix("/dashboard").replace("&amp;", "&")).text
    assert first.count('data-name="Gates said"') == 50
    assert second.count('data-name="Gates said"') == 2 and 'rel="next"' not in second


def test_figures_of_gates_have_their_units(sqlite_gov: Governance, browser: Browser) -> None:
    policy(sqlite_gov, further=f"models:\n  {NAME}:\n    promotion: {{min_soak_hours: 24}}\n")
    version = staged(sqlite_gov)
    sqlite_gov.promotion.promote_to_production(version, by="eve", force=True, reason="now")
    decision = sqlite_gov.promotion.decisions(NAME)[0]
    page = browser.get(f"/decisions/{decision.id}").text
    assert "24 <small>h</small>" in page
