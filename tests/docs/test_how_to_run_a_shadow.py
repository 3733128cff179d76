"""docs/how-to/run-a-shadow.md, done to the letter: a challenger earns production."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from governance.evidence.shadow.session_stats import SessionStats
from governance.policy.promotion.paired_test import MIN_PAIRS
from tests.docs.pages import ROOT, commands_of, written
from tests.docs.reader import Reader

PAGE = "how-to/run-a-shadow.md"


def test_the_page_brings_a_challenger_into_production(tmp_path: Path) -> None:
    folder = written(tmp_path, PAGE)
    policy = folder / "config" / "promotion_policy.yaml"
    (folder / "config" / "governance.yaml").write_text("models: {}\n")
    commands = commands_of(PAGE)
    answers = Reader(folder, {"GOVERNANCE_POLICY": str(policy)}).succeeds(commands)
    said = dict(zip(commands, answers, strict=True))
    first, second, third, single = (
        answer for name, answer in zip(commands, answers, strict=True) if " record " in name
    )
    assert "4 sessions recorded, 0 known before" in first
    assert "4 sessions recorded" in second and "0 sessions recorded, 4 known before" in third
    assert "1 session recorded" in single
    listed = said["governance shadow list"]
    assert re.search(r"1\.1\.0 +1\.0\.0 +2024-12-02 14:30:00Z +4 +4 +6 of 8 +open", listed), listed
    shown = said["governance shadow show momentum:1.1.0"]
    assert re.search(r"comparison\.pairs +4 ", shown), shown
    checked = next(text for name, text in said.items() if " promotion check " in name)
    assert f"{MIN_PAIRS - 4} more sessions are needed at least" in checked
    assert "observe" in checked and "gates pass" in checked
    stopped = next(text for name, text in said.items() if " shadow stop " in name)
    assert re.search(r"stage +validated", stopped)
    assert "(generation 2)" in answers[-1]


def test_the_page_speaks_of_every_figure() -> None:
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    assert [field.name for field in fields(SessionStats) if f"`{field.name}`" not in page] == []
    assert f"At least\n{MIN_PAIRS} shared sessions" in page
