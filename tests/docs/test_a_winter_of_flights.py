"""The story of a winter: what it prints and draws follows from the looks alone."""

from __future__ import annotations

import os
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from governance.history.incident_handling import Incident
from local.winter_story import END, HOUR, PICTURES, START, STORM, Look, draw, replay, told
from tests.docs.pages import ROOT

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
PAGE = ROOT / "docs" / "a-winter-of-flights.md"

Replayed = tuple[list[Look], list[Incident]]


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Ten days, the storm among them; the whole plan replays the whole winter."""
    end = END if FULL else START + timedelta(days=10)
    return replay(tmp_path_factory.mktemp("story") / "home", end=end)


def test_every_hour_is_looked_at_once(replayed: Replayed) -> None:
    looks, _ = replayed
    assert [look.at for look in looks] == [START + n * HOUR for n in range(1, len(looks) + 1)]
    closes = [look.at for look in looks if look.close]
    assert len(closes) == len({close.date() for close in closes}) >= 10


def test_the_story_tells_the_storm(replayed: Replayed) -> None:
    looks, incidents = replayed
    assert incidents[0].opened_at == STORM
    lines = told(looks, incidents)
    assert lines[1].startswith("8 February 20:00  severe, rule urgent: departure_minute")
    assert "  Fri 8 February  severe, 461 flights: " in "\n".join(lines)


@pytest.mark.skipif(not FULL, reason="the whole plan replays the whole winter")
def test_the_page_quotes_what_the_story_prints(replayed: Replayed) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [line for line in told(*replayed) if line not in page] == []
    drawn = draw(*replayed)
    assert {name: (PICTURES / name).read_text(encoding="utf-8") for name in drawn} == drawn


def test_a_picture_is_one_svg_that_is_the_same_each_time(replayed: Replayed) -> None:
    drawn = draw(*replayed)
    assert drawn == draw(*replayed)
    assert "winter-storm.svg" in drawn
    for text in drawn.values():
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("aria-label")
        assert float(root.get("width", 0)) > float(root.get("height", 0)) > 0


def test_every_picture_of_the_page_is_there_and_every_picture_is_used() -> None:
    page = PAGE.read_text(encoding="utf-8")
    unused = [path.name for path in PICTURES.glob("*.svg") if f"pictures/{path.name}" not in page]
    assert not unused
