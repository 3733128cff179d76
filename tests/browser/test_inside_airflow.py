"""The pages inside a real Airflow: its people, its frame, its theme, its forms, links from tasks.

One Airflow serves all tests; they stand in the order in which a day would bring them, and none
needs what another did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, FrameLocator, Page, expect

from tests.browser.airflow import INSIDE, Airflow, airflow
from tests.browser.conftest import (
    MOST,
    NARROW,
    TALL,
    WIDE,
    Watched,
    faults,
    fetched,
    picture,
    window,
)
from tests.browser.world import CHURN, DELAY, MOMENTUM, PIVOT
from tests.plugin.conftest import airflow_template

__all__ = ["airflow_template"]

REASON = """the <b>feed</b> is away & "nobody" knows until when"""
COMMENT = "a month of days speaks for it"
GROUNDS = {"light": "rgb(246, 248, 250)", "dark": "rgb(16, 21, 28)"}


@pytest.fixture(scope="module")
def running(
    chromium: Browser, airflow_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    with airflow(tmp_path_factory.mktemp("inside"), airflow_template) as started:
        yield started


@pytest.fixture(scope="module")
def people(chromium: Browser, running: Airflow) -> Iterator[Callable[[str], Watched]]:
    """The window, used by one person after the other: Airflow's script is fetched once."""
    kept: dict[str, Any] = {}  # cookies, by who uses it or used it; the last is who does
    with window(chromium, running.origin) as seen:
        jar = seen.page.context

        def of(user: str) -> Watched:
            last = next(reversed(kept), None)
            if user != last:
                seen.page.goto("about:blank")  # what is open asks on, and would find nobody
                if last is not None:
                    kept[last] = jar.cookies()
                jar.clear_cookies()
                if user in kept:
                    jar.add_cookies(kept[user])
                else:
                    running.log_in(seen.page, user)
                kept[user] = kept.pop(user, None)
            return seen

        yield of


def inside(page: Page, path: str = "") -> FrameLocator:
    """Open a page of ours by its address in Airflow; its frame."""
    page.goto(f"{INSIDE}/{path}".rstrip("/"))
    frame = page.frame_locator("iframe[title=Governance]")
    expect(frame.locator("h1")).to_be_visible()
    return frame


def framed(page: Page) -> Frame:
    return next(one for one in page.frames if one.parent_frame and "/governance/" in one.url)


def test_the_navigation_leads_to_the_pages_and_links_stay_in_the_frame(
    running: Airflow, people: Callable[[str], Watched]
) -> None:
    page = people("op").page
    page.get_by_role("link", name="Governance").click()
    frame = page.frame_locator("iframe[title=Governance]")
    expect(frame.get_by_role("heading", level=1)).to_have_text("Models")
    expect(frame.locator(".who")).to_have_text("op")
    frame.get_by_role("link", name=DELAY, exact=True).click()
    expect(frame.get_by_role("heading", level=1)).to_have_text(DELAY)
    expect(page).to_have_url(re.compile(f"{INSIDE}/models/{DELAY}$"))  # an address to send on
    frame.get_by_role("link", name="Drift", exact=True).click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text(f"Drift of {DELAY}")
    page.go_back()
    people("op").clean()


def test_pages_inside_weigh_little_have_no_serious_fault_and_take_airflows_theme(
    running: Airflow, people: Callable[[str], Watched]
) -> None:
    seen = people("op")
    sizes = {"challenger": TALL}
    trial = f"models/{MOMENTUM}/versions/{running.shown.challenger.version}/trial"
    for theme in ("dark", "light"):
        seen.page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        frame = inside(seen.page)
        for name, path in (
            ("challenger", trial),
            ("drift", f"models/{DELAY}/drift"),
            ("overview", ""),
        ):
            seen.page.set_viewport_size(sizes.get(name, WIDE))
            framed(seen.page).goto(f"/governance/dashboard/{path}".rstrip("/"))
            expect(frame.locator("body")).to_have_css("background-color", GROUNDS[theme])
            assert 500 < fetched(framed(seen.page)) < MOST
            assert faults(framed(seen.page)) == [], (name, theme)
            shown = name if theme == "light" else ""
            picture(seen.page, f"inside-{name}-1280-{theme}", readme=shown and f"dashboard-{shown}")
    seen.page.set_viewport_size(NARROW)
    picture(seen.page, "inside-overview-390-light")
    seen.page.set_viewport_size(WIDE)
    seen.clean()


def test_the_theme_changes_while_the_page_is_open(people: Callable[[str], Watched]) -> None:
    page = people("op").page
    frame = inside(page)
    expect(frame.locator("body")).to_have_css("background-color", GROUNDS["light"])
    page.get_by_role("button", name="User").click()
    page.get_by_text("Appearance").click()
    page.get_by_text("Dark Mode").click()
    expect(frame.locator("body")).to_have_css("background-color", GROUNDS["dark"])
    page.evaluate("localStorage.setItem('theme', 'light')")


def test_a_viewer_is_offered_no_form_and_fails_with_airflows(
    running: Airflow, people: Callable[[str], Watched]
) -> None:
    page = people("viewer").page
    frame = inside(page, f"models/{PIVOT}/versions/{running.shown.forced.version}")
    expect(frame.locator("[data-airflow]")).to_have_count(0)
    page.goto("/dags/force_promotion")
    submit = fill(page, running.shown.forced.version)
    with page.expect_response(re.compile("/dagRuns$")) as answer:
        submit.click()
    assert answer.value.status == 403
    expect(page.get_by_text("Access Denied")).to_be_visible()
    assert running.rest.run_ids("force_promotion") == []
    production = running.gov.registry.get_production_model(PIVOT)
    assert production is not None and production.id != running.shown.forced.id


def test_op_forces_through_the_form_and_the_task_links_to_its_decision(
    running: Airflow, people: Callable[[str], Watched]
) -> None:
    seen, version = people("op"), running.shown.forced
    page = seen.page
    frame = inside(page, f"models/{PIVOT}/versions/{version.version}")
    frame.get_by_role("link", name="Force").click()
    page.wait_for_url("**/dags/force_promotion")  # in Airflow's window, not in the frame
    submit = fill(page, version.version)
    picture(page, "form-1280-light")
    with page.expect_response(re.compile("/dagRuns$")) as answer:
        submit.click()
    run = answer.value.json()["dag_run_id"]
    follow(running, page, "force_promotion", run, "force")
    expect(frame.get_by_role("heading", level=1)).to_contain_text(f"Promotion of {PIVOT}")
    expect(frame.locator("main")).to_contain_text(REASON)
    expect(frame.locator("main")).to_contain_text("Forced past its gates by op")
    picture(page, "inside-decision-1280-light")
    seen.clean()
    production = running.gov.registry.get_production_model(PIVOT)
    assert production is not None and production.id == version.id


def fill(page: Page, version: str) -> Any:
    """Airflow's form of `force_promotion`; its button, enabled once the form is complete."""
    page.get_by_test_id("trigger-dag-button").click()
    form = page.get_by_role("dialog")
    submit = form.get_by_test_id("trigger-dag-submit")
    expect(form.locator("#element_version")).to_be_visible()
    expect(submit).to_be_disabled()
    form.get_by_role("combobox", name="Model").fill(PIVOT)
    page.keyboard.press("Enter")
    form.locator("#element_version").fill(version)
    form.locator("#element_reason").fill(REASON)
    form.get_by_text("I know that no gate is asked").click()
    expect(submit).to_be_enabled()
    return submit


def follow(running: Airflow, page: Page, dag: str, run: str, task: str) -> None:
    """Once the task has ended: by its link, which has to be there when its page is opened."""
    running.until_task("success", dag, run, task)
    page.goto(f"/dags/{dag}/runs/{run}/tasks/{task}/details")
    page.get_by_role("link", name="Decision", exact=True).click()


def test_an_approval_is_answered_in_airflow_with_a_comment(
    running: Airflow, people: Callable[[str], Watched]
) -> None:
    running.until_asked(running.asked)
    page = people("op").page
    frame = inside(page)
    waits = frame.locator("section.waiting")
    expect(waits).to_contain_text(f"{CHURN} 1.0.0: admin asks to promote it")
    waits.get_by_role("link", name="answer in Airflow").click()
    page.wait_for_url("**/required_actions")
    page.get_by_role("link", name=f"Promote {CHURN}:1.0.0?").click()
    approve = page.get_by_role("button", name="Approve", exact=True)
    expect(approve).to_be_disabled()
    page.get_by_role("group").filter(has_text="Comment").get_by_role("textbox").fill(COMMENT)
    approve.click()
    follow(running, page, "promotion", running.asked, "promote")
    expect(frame.get_by_role("heading", level=1)).to_contain_text(f"Promotion of {CHURN}")
    production = running.gov.registry.get_production_model(CHURN)
    assert production is not None and production.id == running.shown.candidate.id
    (approval,) = running.gov.approvals.list(CHURN)
    assert (approval.state, approval.answered_by, approval.comment) == ("used", "op", COMMENT)


def test_an_alert_is_acknowledged_and_a_session_that_ended_loses_nothing(
    running: Airflow, people: Callable[[str], Watched]
) -> None:
    seen = people("op")
    frame = inside(seen.page, f"alerts/{running.shown.incident}")
    frame.get_by_role("button", name="Acknowledge").click()
    expect(frame.locator("main")).to_contain_text("op, since")
    expect(frame.get_by_role("button", name="Acknowledge")).to_have_count(0)
    # By itself, since Airflow's own page would notice that the session has ended, and leave.
    page, cookies = seen.page, seen.page.context.cookies()
    page.goto(f"/governance/dashboard/alerts/{running.shown.incident}")
    page.get_by_label("Silence for").select_option(label="3 days")
    page.context.clear_cookies()
    page.get_by_role("button", name="Snooze").click()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended; nothing was sent")
    expect(page.get_by_label("Silence for")).to_have_value("72")
    page.context.add_cookies(cookies)  # type: ignore[arg-type]  # logged in again, beside it
    page.get_by_role("button", name="Snooze").click()
    expect(page.get_by_text("Silent until").locator("xpath=..//time")).to_be_visible()
    seen.clean()


def test_nobody_known_is_told_to_log_in(chromium: Browser, running: Airflow) -> None:
    with window(chromium, running.origin) as seen:
        answer = seen.page.goto("/governance/dashboard")
        assert answer is not None and answer.status == 401
        expect(seen.page.get_by_role("heading", level=1)).to_have_text("Nobody known asks")
        expect(seen.page.locator("main")).to_contain_text("Log in to Airflow")
        seen.clean()
