"""`governance lineage`: every form, to stdout or into a file; what is not there is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import Governance
from governance.lineage.forms import Format
from tests.cli.conftest import Run
from tests.versions import NAME, champion, registered


@pytest.fixture
def two(home: Path) -> None:
    with Governance.open(home=home) as gov:
        champion(gov, 1)
        registered(gov, 2)


@pytest.mark.usefixtures("two")
def test_people_get_an_indented_list(run: Run) -> None:
    said = run("lineage", NAME)
    assert said.code == 0
    newest, *rest = said.out.splitlines()
    assert newest.startswith(f"{NAME} 1.0.1 [trained]")
    assert rest[0].startswith(f"{NAME} 1.0.0 [production]")
    assert any("activated in generation 1" in line for line in rest)
    assert said.err == ""


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("form", [one for one in Format if one is not Format.TEXT])
def test_programs_get_their_form_and_nothing_else(run: Run, form: Format) -> None:
    begins = {"json": "{", "mermaid": "flowchart", "dot": "digraph", "openlineage": "["}
    assert run("lineage", NAME, "--format", form).out.startswith(begins[form])


@pytest.mark.usefixtures("two")
def test_one_version_into_a_file(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "graph.dot"
    said = run("lineage", NAME, "--version", "1.0.1", "-f", "dot", "-o", str(target))
    assert said.code == 0 and said.out == ""
    assert f"{target} holds 1 nodes and 0 edges" in " ".join(said.err.split())
    assert "1.0.1" in target.read_text() and "1.0.0" not in target.read_text()


@pytest.mark.usefixtures("two")
def test_what_is_left_out_is_said(run: Run) -> None:
    assert "older ones are left out: 1 versions" in run("lineage", NAME, "--limit", "1").out
    said = run("lineage", NAME, "--limit", "1", "-f", "dot")
    assert "older ones are left out: 1 versions" in said.err


@pytest.mark.usefixtures("two")
def test_what_cannot_be_answered(run: Run, tmp_path: Path) -> None:
    assert "not_found" in run("lineage", "nothing").err
    assert "not_found" in run("lineage", NAME, "--version", "9.0.0").err
    assert "from 1 to 200" in run("lineage", NAME, "--limit", "0").err
    assert run("lineage", NAME, "--format", "svg").code == 2
    nowhere = tmp_path / "no" / "graph.dot"
    assert run("lineage", NAME, "-o", str(nowhere)).code != 0
