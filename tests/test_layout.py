"""The shape of the house: sizes, names, and commands that exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from local.line_budget import EXCEPTIONS, measured, problems, python_files, read_exceptions
from tests.conftest import LONGEST

ROOT = Path(__file__).resolve().parents[1]


def test_every_module_is_within_its_budget_or_has_a_reason() -> None:
    assert problems(measured(python_files()), read_exceptions(EXCEPTIONS.read_text())) == []


def test_an_exception_needs_a_reason_and_goes_when_it_is_no_longer_needed() -> None:
    with pytest.raises(ValueError, match="without a reason"):
        read_exceptions("governance/a.py\n")
    listed = {"a.py": "one table", "gone.py": "was long"}
    assert problems({"a.py": 301}, listed) == [
        "gone.py is listed in line_budget.txt and does not exist"
    ]
    assert "take it off" in problems({"a.py": 10, "gone.py": 301}, listed)[0]


def test_names_that_say_nothing_are_refused() -> None:
    assert "says nothing" in problems({"governance/utils.py": 10}, {})[0]


def test_make_help_names_every_command_that_people_use() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    commands = set(re.findall(r"^  make ([a-z-]+)", shown.stdout, re.MULTILINE))
    asked = "help setup demo up down test lint lock bench faults docs clean"
    assert set(asked.split()) <= commands


def test_ci_runs_what_people_run() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make lint test" in script.read_text()


def test_the_files_that_begin_first_are_there() -> None:
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []
