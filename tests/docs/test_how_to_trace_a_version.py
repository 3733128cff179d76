"""docs/how-to/trace-a-version.md: its commands run, and what it says of the graph is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from governance import Governance
from governance.api import create_app
from governance.cli.app import app
from governance.lineage.forms import Format
from governance.lineage.graph import Edge, Node
from governance.lineage.tracing import MOST_VERSIONS, USUAL_VERSIONS
from tests.docs.pages import ROOT
from tests.versions import champion

PAGE = (ROOT / "docs" / "how-to" / "trace-a-version.md").read_text(encoding="utf-8")


def test_the_commands_run(
    sqlite_gov: Governance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(sqlite_gov, 1)
    monkeypatch.chdir(tmp_path)
    place = ["--home", str(sqlite_gov.settings.home), "--database", sqlite_gov.settings.url]
    commands = re.findall(r"^\$ governance (.+)$", PAGE, re.M)
    assert len(commands) == 4
    for command in commands:
        done = CliRunner().invoke(app, [*place, *command.split()])
        assert done.exit_code == 0, (command, done.output)
    assert (tmp_path / "lineage.dot").read_text().startswith('digraph "momentum"')
    assert json.loads((tmp_path / "events.json").read_text())[0]["job"]["name"].startswith("mom")


def test_forms_routes_and_bounds_are_those_of_the_code() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.M) == [one.value for one in Format]
    paths = create_app().openapi()["paths"]
    routes = re.findall(r"`GET (/api/v1/\S+lineage)`", PAGE)
    assert len(routes) == 2 and all("get" in paths[path] for path in routes)
    assert f"newest {USUAL_VERSIONS} versions (`limit`, up to {MOST_VERSIONS})" in " ".join(
        PAGE.split()
    )
    (json_row,) = (line for line in PAGE.splitlines() if line.startswith("| `json`"))
    assert {"source", "target", "relation"} == set(Edge.__slots__)
    for name in (*Node.__slots__, *Edge.__slots__, "left_out"):
        assert f"`{name}`" in json_row
