"""Files, colours and words: served once, readable, and the same everywhere."""

from __future__ import annotations

import gzip
import re
from itertools import product
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from governance.cli.app import app as cli
from governance.dashboard import static, words
from governance.dashboard.charts.svg import Scale, element, spread, ticks
from governance.dashboard.templating import templates
from governance.effects.drift_report.words import STYLES, Style
from governance.values import Severity, Stage, Verdict
from tests.dashboard.conftest import BASE, Browser, Shown

FILES = ("dashboard.css", "dashboard.js", "mark.svg")


def test_files_are_kept_for_ever_under_the_name_of_their_content(shown: Shown) -> None:
    nobody = shown.browser.as_(None)
    for name in FILES:
        path = f"/files/{static.current_name(name)}"
        answer = nobody.get(path)
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        again = nobody.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304 and not again.content
        assert nobody.get(f"/files/{name}").status_code == 404
    assert nobody.get("/files/..%2fmount.py").status_code == 404


def test_a_browser_fetches_less_than_a_megabyte_and_only_from_here(shown: Shown) -> None:
    page = shown.browser.get("").text
    fetched = set(re.findall(r'(?:src|href)="(/dashboard/files/[^"]+)"', page))
    assert len(fetched) == 3
    whole = sum(len(shown.browser.get(one.removeprefix(BASE)).content) for one in fetched)
    assert whole + len(page) < 100_000
    sheet, script = (static.by_name(static.current_name(name)) for name in FILES[:2])
    assert sheet is not None and script is not None
    assert b"url(" not in sheet.content and b"@import" not in sheet.content
    assert not re.search(rb"https?://|eval\(|innerHTML|document\.write", script.content)


def test_pages_are_packed_for_who_takes_it(shown: Shown) -> None:
    plain = shown.browser.get("", headers={"accept-encoding": "identity"})
    packed = shown.browser.get("", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.text == plain.text
    assert gzip.compress(b"") and "Accept-Encoding" in packed.headers["vary"]


PAIRS = [
    *product(["ink", "soft", "link"], ["ground", "paper"]),
    ("ink", "raised"),
    ("soft", "raised"),
    *((word, f"{word}-ground") for word in ("good", "warn", "bad", "open")),
    ("ink", "good-ground"),
    ("ink", "bad-ground"),
    ("ink", "warn-ground"),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_have_enough_contrast(theme: int) -> None:
    sheet = static.by_name(static.current_name("dashboard.css"))
    assert sheet is not None
    found = re.findall(r"--([a-z-]+): light-dark\((#\w+), (#\w+)\)", sheet.content.decode())
    colours = {name: pair[theme] for name, *pair in found}
    for ink, ground in PAIRS:
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    """WCAG 2: ratio of relative luminances."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_severities_are_said_as_in_the_drift_report() -> None:
    for severity in Severity:
        style: Style = STYLES[severity]
        tag = words.SEVERITIES[severity]
        assert (tag.word, tag.mark) == (style.word, style.mark)
    assert set(words.VERDICTS) == set(Verdict) and set(words.STAGES) == set(Stage)
    for tags in (words.SEVERITIES, words.VERDICTS):
        assert len({tag.mark for tag in tags.values()}) == len(tags)  # never by colour alone


def test_pages_name_only_commands_that_exist() -> None:
    environment = templates()
    assert environment.loader is not None
    named = []
    for name in environment.list_templates(extensions=["html"]):
        source, _, _ = environment.loader.get_source(environment, name)
        named += re.findall(r"<code>governance ([^<]+)</code>", source)
    assert len(named) > 12
    for line in set(named) - {"--help"}:
        known: Any = get_command(cli)
        for word in line.split():
            if not hasattr(known, "commands"):
                break
            assert word in known.commands, line
            known = known.commands[word]
        assert not hasattr(known, "commands"), f"{line} is no whole command"
        options = {option for one in known.params for option in one.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= options, line


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_few_and_within(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert len(found) <= 7
    air = 1e-6 * span + 1e-9 * abs(low)  # of rounding
    assert all(low - air <= one <= low + span + air for one in found)


@given(st.lists(st.floats(-1e300, 1e300) | st.sampled_from([None, float("nan"), float("inf")])))
def test_a_range_shows_all_that_is_a_number(values: list[float | None]) -> None:
    low, high = spread(values)
    scale = Scale(low, high, 0, 100)
    for value in values:
        if value is not None and isfinite(value):
            assert -1e-6 <= scale(value) <= 100 + 1e-6


@given(st.text())
def test_no_text_leaves_its_element(text: str) -> None:
    made = element("text", text, title=text)
    assert made.count("<") == 2 and made.count(">") == 2 and made.count('"') == 2


def test_the_pages_stand_beside_each_other(browser: Browser) -> None:
    page = browser.get("").text
    assert re.findall(r'aria-current="page">(\w+)', page) == ["Overview"]
    assert 'href="#main"' in page and '<main id="main" tabindex="-1">' in page
