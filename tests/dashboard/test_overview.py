"""The first page: what it says of each model, in which order, and with how many statements."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from governance import Governance
from governance.dashboard.reads.fleet import SHOWS, SORTS, fleet
from governance.store.schema import governed_models
from governance.values import Severity
from tests.alarms import event, record
from tests.api.test_models import statements
from tests.api.world import AT
from tests.dashboard.conftest import NAME, Browser, Shown, browsing, look
from tests.versions import champion, registered


def names(text: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/dashboard/models/([^"]+)">', text)


def test_an_empty_home_says_what_to_do(browser: Browser) -> None:
    text = browser.get("").text
    assert "No model is registered yet" in text and "governance registry register" in text


def test_declared_models_lead_to_the_dag_that_makes_their_first_version(
    sqlite_gov: Governance,
) -> None:
    file = sqlite_gov.settings.config_path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((Path(__file__).parents[2] / "config" / "governance.yaml").read_bytes())
    registered(sqlite_gov, name="pivot")
    with browsing(sqlite_gov, airflow_url="/airflow/") as browser:
        for person, offered in (("viewer", False), ("operator", True)):
            text = browser.as_(person).get("").text
            card = text.partition("without a version yet")[2]
            assert "momentum" in card and "pivot" not in card
            assert ("/airflow/dags/retrain__momentum" in card) is offered
        file.write_text("models: [")
        assert browser.get("").status_code == 200


def test_a_line_says_what_decides_what_challenges_and_what_is_wrong(shown: Shown) -> None:
    (line,) = re.findall(r"<tr>\n<th scope=\"row\">.*?</tr>", shown.browser.get("").text, re.DOTALL)
    assert ">1.0.0</a>" in line and "/versions/1.0.1/trial" in line
    assert line.count("Severe") == 1 and line.count("Moderate") == 1  # drift, and its alert
    assert "promotion" in line and "Pass" in line and "Forced" not in line and "by eve" in line


def test_requests_for_approval_stand_at_the_top(shown: Shown) -> None:
    text = shown.browser.get("").text
    assert "Waiting for a person" in text and "ann asks to promote it" in text


@pytest.mark.parametrize(
    ("person", "named", "offered"),
    [
        ("viewer", True, set()),
        ("operator", False, {"promotion", "rollback"}),
        ("operator", True, {"promotion", "rollback", "force_promotion"}),
        ("approver", False, {"promotion", "rollback", "answer"}),
        ("admin", False, {"promotion", "rollback", "answer"}),
    ],
)
def test_buttons_lead_to_airflow_where_there_is_one_for_who_may(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, person: str, named: bool, offered: set[str]
) -> None:
    monkeypatch.setattr(shown.gov.policy, "may_force", lambda user: named and user == person)
    browser = shown.browser.as_(person)
    pages = ("", f"/models/{shown.world.ids['model']}")
    assert all("data-airflow" not in browser.get(page).text for page in pages)
    state = browser.app.state
    before = state.dashboard
    state.dashboard = replace(before, airflow_url="/airflow/")
    try:
        text = "".join(browser.get(page).text for page in pages)
    finally:
        state.dashboard = before
    found = set(re.findall(r'href="/airflow/(?:dags/)?([a-z_]+)"[^>]*data-airflow', text))
    assert found == {"required_actions" if one == "answer" else one for one in offered}


def test_models_sort_filter_and_page(sqlite_gov: Governance, browser: Browser) -> None:
    quiet, loud = (
        champion(sqlite_gov, 0, name="momentum1"),
        champion(sqlite_gov, 1, name="momentum2"),
    )
    registered(sqlite_gov, 2, name="momentum3")
    look(sqlite_gov, quiet)
    look(sqlite_gov, loud, severe=("visib",))
    record(
        sqlite_gov.database,
        event(model=loud.name, version_id=loud.id, severity=Severity.SEVERE),
        event(model=loud.name, version_id=loud.id, kind="data"),
    )
    assert names(browser.get("").text)[0] == "momentum2"
    assert names(browser.get("?sort=name").text) == ["momentum1", "momentum2", "momentum3"]
    assert names(browser.get("?sort=champion").text)[-1] == "momentum3"
    assert names(browser.get("?show=undecided").text) == ["momentum3"]
    assert names(browser.get("?show=drift").text) == ["momentum2"]
    assert names(browser.get("?q=TUM1").text) == ["momentum1"]
    assert "No model fits" in browser.get("?q=<script>").text
    assert "2 open" in browser.get("?show=alerts").text
    with sqlite_gov.database.begin() as tx:
        more = [{"name": f"z{n:03}", "generation": 0, "created_at": AT} for n in range(60)]
        tx.execute(insert(governed_models), more)
    second = browser.get("?sort=name&page=2").text
    assert (
        names(second) == [f"z{n:03}" for n in range(47, 60)]
        and "51\N{EN DASH}63 of 63 models" in second
    )
    assert "page=1" in second and "page=3" not in second
    assert names(browser.get("?sort=name&page=99").text) == names(second)
    for wrong in ("?sort=sideways", "?page=0", "?page=x", "?who=me", "?q=a&q=b"):
        assert browser.get(wrong).status_code == 422, wrong


def test_every_sort_and_every_filter_takes_every_line(gov: Governance) -> None:
    look(gov, champion(gov), severe=("visib",))
    registered(gov, 3, name="young")
    with gov.database.read() as connection:
        lines = fleet(connection)
    for key in SORTS.values():
        assert {line.name for line in sorted(lines, key=key)} == {NAME, "young"}
    assert [line.name for line in lines if SHOWS["undecided"](line)] == ["young"]
    (full,) = (line for line in lines if line.name == NAME)
    assert (full.champion, full.drift, full.forced) == ("1.0.0", "severe", True)
    assert full.drift_at == AT and full.decided_by == "eve"


def test_the_newest_look_at_the_champion_counts(sqlite_gov: Governance) -> None:
    live = champion(sqlite_gov)
    look(sqlite_gov, live, days_ago=1, severe=("visib",))
    look(sqlite_gov, live)
    with sqlite_gov.database.read() as connection:
        (line,) = fleet(connection)
    assert line.drift == "normal"
    look(sqlite_gov, registered(sqlite_gov, 4), days_ago=-1, severe=("visib",))
    with sqlite_gov.database.read() as connection:
        (line,) = fleet(connection)
    assert line.drift == "normal" and line.drift_at == AT


def test_statements_do_not_grow_with_models(sqlite_gov: Governance) -> None:
    counted = []
    with browsing(sqlite_gov) as browser:
        for number in range(3):
            look(sqlite_gov, champion(sqlite_gov, number, name=f"m{number}"), severe=("visib",))
            record(sqlite_gov.database, event(number), now=AT + timedelta(hours=number))
            with statements(sqlite_gov) as found:
                assert browser.get("").status_code == 200
            counted.append(len(found))
    assert len(set(counted)) == 1 and counted[0] <= 8
