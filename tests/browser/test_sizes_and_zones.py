"""What only a browser shows of style sheet and script: sizes, and times in the reader's zone.

Pages of the world that is read, with both files put into them; no server is asked for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from governance.dashboard import static
from tests.browser.conftest import WIDE
from tests.dashboard.conftest import NAME, Shown, shown

__all__ = ["shown"]

Open = Callable[[str], Page]


@pytest.fixture(scope="module")
def window(chromium: Chromium) -> Iterator[Open]:
    context = chromium.new_context(viewport=WIDE, timezone_id="Asia/Tokyo")
    page = context.new_page()

    def shows(text: str) -> Page:
        page.set_content(_whole(text))
        return page

    yield shows
    context.close()


def _whole(text: str) -> str:
    css, js = (_file(name) for name in ("dashboard.css", "dashboard.js"))
    text = re.sub(r'<link rel="stylesheet"[^>]*>', lambda _: f"<style>{css}</style>", text)
    return re.sub(r"<script src=[^>]*></script>", lambda _: f"<script>{js}</script>", text)


def _file(name: str) -> str:
    found = static.by_name(static.current_name(name))
    assert found is not None
    return found.content.decode()


def test_a_picture_with_boxes_is_shown_as_large_as_it_is_drawn(shown: Shown, window: Open) -> None:
    page = window(shown.browser.get(f"/models/{NAME}").text)
    drawn = page.locator("svg.graph").first
    box = drawn.bounding_box()
    scale = drawn.evaluate("one => one.getScreenCTM().a")
    assert box is not None and box["width"] == pytest.approx(
        float(drawn.get_attribute("width") or 0), abs=1
    )
    assert scale == pytest.approx(1, abs=0.01)


def test_times_in_pictures_are_the_readers_too(shown: Shown, window: Open) -> None:
    text = shown.browser.get(f"/models/{NAME}").text
    assert " UTC" in text
    page = window(text)
    said = page.evaluate("""[...document.querySelectorAll("svg")].map(
        (one) => one.textContent + one.getAttribute("aria-label"))""")
    assert said and not [one for one in said if "UTC" in one]
    stamp = re.search(r'data-time="([^"]+)"', text)
    assert stamp is not None
    moved = page.evaluate(
        """(stamp) => new Intl.DateTimeFormat("sv-SE", {timeZone: "Asia/Tokyo"}).format(
        new Date(stamp))""",
        stamp[1],
    )
    assert (page.locator("text[data-time]").first.text_content() or "").startswith(moved)


def test_a_long_name_cuts_no_other_word_in_two(shown: Shown, window: Open) -> None:
    text = shown.browser.get("/decisions").text
    page = window(text.replace(">eve<", f">{'x' * 300}<").replace(">eve ", f">{'x' * 300} "))
    assert page.locator("text=xxxxxxxxxx").count() > 0
    lines = page.evaluate("""[...document.querySelectorAll("td.word")].map((one) => {
        const range = document.createRange(); range.selectNodeContents(one);
        return new Set([...range.getClientRects()].map((rect) => Math.round(rect.top))).size; })""")
    assert lines and set(lines) == {1}
