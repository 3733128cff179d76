"""docs/how-to/read-the-dashboard.md: its commands exist, its pages open, its words are on them."""

from __future__ import annotations

import re
from typing import Any

from typer.main import get_command

from governance.cli.app import app as cli
from governance.settings import Settings
from tests.dashboard.conftest import BASE, Shown
from tests.docs.pages import ROOT, commands_of

PAGE = "how-to/read-the-dashboard.md"


def test_every_page_of_the_table_opens_and_every_page_stands_in_it(shown: Shown) -> None:
    text = (ROOT / "docs" / PAGE).read_text()
    named = re.findall(r"`(/dashboard[^`]*)`", text)
    assert len(named) >= 10
    ids = shown.world.ids
    for path in named:
        opened = path.removeprefix(BASE).format(model=ids["model"], version=ids["version"])
        assert shown.browser.get(opened).status_code == 200, path
    linked = set(re.findall(r'href="(/dashboard/[a-z]+)"', shown.browser.get("").text))
    assert linked <= set(named) and len(linked) == 4


def test_its_commands_exist() -> None:
    for line in commands_of(PAGE):
        known: Any = get_command(cli)
        _, *words = line.split()
        for word in words:
            if not hasattr(known, "commands"):
                break
            known = known.commands[word]
        options = {option for one in known.params for option in one.opts} | {"--help"}
        assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= options, line
    assert "airflow_url" in Settings.model_fields
