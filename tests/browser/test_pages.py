"""Every page in a real browser, without Airflow: look, weight, keyboard, scripts, bad luck."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Literal

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.browser.conftest import (
    MOST,
    NARROW,
    WIDE,
    Alone,
    Watched,
    faults,
    fetched,
    picture,
    window,
)
from tests.browser.looks import ATTACK
from tests.browser.world import CHURN, DELAY, HOSTILE, MOMENTUM, Shown

BASE = "/dashboard"
SIZES: dict[str, ViewportSize] = {"1280": WIDE, "390": NARROW}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def pages(shown: Shown) -> dict[str, str]:
    """Path below the first page, by a name for its picture."""
    trial = f"models/{MOMENTUM}/versions/{shown.challenger.version}"
    return {
        "overview": "",
        "model": f"models/{DELAY}",
        "version": trial,
        "challenger": f"{trial}/trial",
        "challengers": "challengers",
        "drift": f"models/{DELAY}/drift",
        "cell": shown.cell,
        "decisions": "decisions",
        "alerts": "alerts",
        "alert": f"alerts/{shown.incident}",
        "audit": "audit",
        "nothing": "models/nobody",
    }


def hostile_pages(shown: Shown) -> list[str]:
    assert shown.hostile is not None
    version = f"models/{HOSTILE}/versions/{shown.hostile.version}"
    return [
        "",
        f"models/{HOSTILE}",
        version,
        f"{version}/trial",
        f"models/{HOSTILE}/drift",
        f"decisions?model={HOSTILE}",
        f"alerts?model={HOSTILE}",
        f"alerts/{shown.hostile_incident}",
        f"models/{HOSTILE}/audit",
    ]


def address(path: str) -> str:
    return f"{BASE}/{path}".rstrip("/")


def log_in(seen: Watched, token: str) -> None:
    seen.page.goto(f"{BASE}/login")
    seen.page.get_by_label("API token").fill(token)
    seen.page.get_by_role("button", name="Log in").click()
    expect(seen.page.get_by_role("heading", level=1)).to_have_text("Models")


@pytest.fixture(scope="module")
def operator(chromium: Browser, alone: Alone) -> Iterator[Watched]:
    with window(chromium, alone.origin) as seen:
        log_in(seen, alone.tokens["operator"])
        yield seen


def test_every_page_weighs_little_comes_from_here_and_has_no_serious_fault(
    operator: Watched, alone: Alone
) -> None:
    page = operator.page
    for name, path in pages(alone.shown).items():
        page.goto(address(path))
        assert 500 < fetched(page) < MOST, name
        for (side, size), scheme in product(SIZES.items(), SCHEMES):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            assert faults(page) == [], (name, side, scheme)
            root = "document.documentElement"
            beyond = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
            assert beyond <= 0, f"{name} scrolls sideways at {side}"
            picture(page, f"{name}-{side}-{scheme}")
    operator.clean()
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")


def test_no_text_runs_as_a_script(operator: Watched, alone: Alone) -> None:
    said = 0
    for path in hostile_pages(alone.shown):
        operator.page.goto(address(path))
        said += operator.page.locator("body").inner_text().count("onerror")
        assert operator.page.locator("main img, main script").count() == 0
    assert said > 10, "the texts are on the pages, as texts"
    operator.page.goto(address(f"models/{HOSTILE}/drift"))
    operator.page.get_by_role("row", name=re.compile("onerror")).get_by_role("link").last.click()
    expect(operator.page.locator("#detail")).to_contain_text(ATTACK[:20])
    operator.clean()


def test_a_cell_opens_beside_the_map(operator: Watched, alone: Alone) -> None:
    operator.page.goto(address(f"models/{DELAY}/drift"))
    before = operator.page.url
    operator.page.locator("table.heat a.s").first.click()
    expect(operator.page.locator("#detail svg, #detail table").first).to_be_visible()
    assert operator.page.url == before
    operator.clean()


def test_a_list_changes_without_a_reload_and_back_goes_back(operator: Watched) -> None:
    operator.page.goto(BASE)
    operator.page.evaluate("window.kept = true")
    operator.page.get_by_label("Name contains").fill(CHURN)
    operator.page.get_by_role("button", name="Filter").click()
    expect(operator.page.get_by_role("row")).to_have_count(2)
    assert operator.page.evaluate("window.kept === true") and f"q={CHURN}" in operator.page.url
    operator.page.go_back()
    expect(operator.page.get_by_role("row")).to_have_count(6)
    operator.clean()


def test_all_is_reached_by_the_keyboard_and_the_focus_is_seen(operator: Watched) -> None:
    page = operator.page
    page.goto(BASE)
    order: list[str] = []
    for _ in range(14):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.textContent.trim()"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", order[-1]
    assert order[0] == "Skip to the content"
    assert order[2:7] == ["Overview", "Challengers", "Decisions", "Alerts", "Audit"]
    page.goto(BASE)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("link", name=DELAY, exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(DELAY)


def test_times_are_the_viewers(operator: Watched, alone: Alone) -> None:
    operator.page.goto(address(f"alerts/{alone.shown.incident}"))
    expect(operator.page.locator("#zone")).to_have_text("Europe/Berlin")
    moment = operator.page.locator("main time").first
    utc = moment.get_attribute("datetime") or ""
    local = operator.page.evaluate("t => new Date(t).toLocaleString('sv-SE').slice(0, 16)", utc)
    assert moment.inner_text() == local and "UTC" in (moment.get_attribute("title") or "")


def test_a_session_that_ends_mid_form_loses_nothing(chromium: Browser, alone: Alone) -> None:
    with window(chromium, alone.origin) as seen:
        log_in(seen, alone.tokens["operator"])
        seen.page.goto(address(f"alerts/{alone.shown.incident}"))
        seen.page.get_by_label("Silence for").select_option(label="3 days")
        cookies = seen.page.context.cookies()
        seen.page.context.clear_cookies()
        seen.page.get_by_role("button", name="Snooze").click()
        notice = seen.page.get_by_role("alert")
        expect(notice).to_contain_text("Your session has ended; nothing was sent")
        expect(seen.page.get_by_label("Silence for")).to_have_value("72")
        expect(notice.get_by_role("link", name="Log in")).to_have_attribute(
            "href", re.compile("/dashboard/login$")
        )
        seen.page.context.add_cookies(cookies)  # type: ignore[arg-type]
        seen.page.get_by_role("button", name="Snooze").click()
        expect(seen.page.get_by_text("Silent until").locator("xpath=..//time")).to_be_visible()
        seen.clean()


def test_what_is_asked_for_elsewhere_is_noticed_and_not_found(
    chromium: Browser, alone: Alone
) -> None:
    with window(chromium, alone.origin) as seen:
        elsewhere = "https://elsewhere.example/dot.png"
        with seen.page.expect_event("requestfailed"):
            seen.page.set_content(f"<img src='{elsewhere}'>")
        assert seen.outside == [elsewhere]


def test_without_the_script_the_pages_work(chromium: Browser, alone: Alone) -> None:
    with window(chromium, alone.origin, java_script_enabled=False) as seen:
        log_in(seen, alone.tokens["operator"])
        seen.page.get_by_label("Name contains").fill(CHURN)
        seen.page.get_by_role("button", name="Filter").click()
        expect(seen.page.get_by_role("row")).to_have_count(2)
        seen.page.goto(address(f"alerts/{alone.shown.hostile_incident}"))
        seen.page.get_by_role("button", name="Acknowledge").click()
        expect(seen.page.locator("main")).to_contain_text("operator-person, since")
        seen.page.context.clear_cookies()
        seen.page.get_by_role("button", name="Snooze").click()
        expect(seen.page.locator("main")).to_contain_text("What you sent was not taken")
        assert seen.outside == [] and seen.errors == []


def test_a_viewer_sees_no_form(chromium: Browser, alone: Alone) -> None:
    with window(chromium, alone.origin) as seen:
        log_in(seen, alone.tokens["viewer"])
        seen.page.goto(address(f"alerts/{alone.shown.incident}"))
        expect(seen.page.locator("main")).to_contain_text("takes the role operator")
        expect(seen.page.locator("main form")).to_have_count(0)
        seen.clean()
