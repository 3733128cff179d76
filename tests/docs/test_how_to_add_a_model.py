"""docs/how-to/add-a-model.md, done to the letter in an empty folder: the package is not touched."""

from __future__ import annotations

from pathlib import Path

from tests.docs.pages import commands_of, written
from tests.docs.reader import Reader

PAGE = "how-to/add-a-model.md"


def test_the_page_adds_a_third_model(tmp_path: Path) -> None:
    outputs = Reader(written(tmp_path, PAGE)).succeeds(commands_of(PAGE))
    assert "temperature:1.0.0" in outputs[1] and "validated" in outputs[1]
    assert "dataset_hash" in outputs[2]
    assert "in production (generation 1)" in outputs[3]
