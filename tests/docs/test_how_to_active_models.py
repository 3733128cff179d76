"""docs/how-to/active-models.md, done to the letter with the model of the page before it."""

from __future__ import annotations

import re
from pathlib import Path

from governance.effects.active_models.manifests import FILE_NAMES
from governance.effects.active_models.status import _DONE
from tests.docs.pages import ROOT, commands_of, written
from tests.docs.reader import Reader

MODEL_PAGE, PAGE = "how-to/add-a-model.md", "how-to/active-models.md"


def test_the_page_finds_what_decides(tmp_path: Path) -> None:
    folder = written(tmp_path, MODEL_PAGE, PAGE)
    (train,) = [command for command in commands_of(MODEL_PAGE) if " retrain run " in command]
    promote, check, serve, reconcile = commands_of(PAGE)
    answers = Reader(folder).succeeds([train, promote, check, serve, reconcile])
    assert "generation 1" in answers[1]
    assert re.search(r"differ +0", answers[2])
    assert re.fullmatch(r"1\.0\.0 1 \['model\.[^]]+\]\n", answers[3])
    assert re.search(r"mended +0", answers[4])
    assert {path.name for path in (folder / "home" / "active" / "temperature").iterdir()} == {
        *FILE_NAMES
    }


def test_the_page_names_every_file_and_every_action() -> None:
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    assert [name for name in FILE_NAMES if name not in page] == []
    actions = [*_DONE.values(), "registered", "refused"]
    assert [action for action in actions if f"`{action}`" not in page] == []
