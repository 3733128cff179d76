"""docs/how-to/watch-live-data.md, done to the letter with the model of the page before it."""

from __future__ import annotations

import re
from pathlib import Path

from governance.config.document import take
from governance.config.drift import DriftDeclaration
from governance.config.strict_yaml import parse_yaml
from governance.policy.drift.limits import DriftLimits
from tests.docs.pages import ROOT, blocks_of, commands_of, written
from tests.docs.reader import Reader

MODEL_PAGE, PAGE = "how-to/add-a-model.md", "how-to/watch-live-data.md"


def test_the_page_watches_a_model(tmp_path: Path) -> None:
    folder = written(tmp_path, MODEL_PAGE, PAGE)
    policy = folder / "config" / "promotion_policy.yaml"
    reader = Reader(folder, {"GOVERNANCE_POLICY": str(policy)})
    (train,) = [command for command in commands_of(MODEL_PAGE) if " retrain run " in command]
    _, *answers = reader.succeeds([train, *commands_of(PAGE)])
    said = dict(zip(commands_of(PAGE), answers, strict=True))
    assert "in production (generation 1)" in answers[0]
    assert re.search(r"rows +936 ", answers[2]), answers[2]
    assert re.search(r"temperature:1\.0\.0 +2013-07-10 04:00:00Z +normal +24 ", answers[3])
    assert answers[4].count(" normal ") == 8
    assert "<html" in (folder / "page.html").read_text(encoding="utf-8")
    explained = said["governance drift explain temperature humid --at 2013-07-10T04:00:00Z"]
    assert "KS distance" in explained and "flagged from 0.1" in explained
    assert said["governance drift calibration"].count("temperature") == 1
    compared = said["python compare.py"].splitlines()
    assert [line.split()[0] for line in compared] == ["temp", "dewp", "humid", "ks_test"]
    assert compared[0].startswith("temp severe True")


def test_the_other_sources_are_declared_as_the_page_says() -> None:
    kinds = []
    for block in blocks_of(PAGE, "yaml"):
        declared = take(parse_yaml(block.encode(), source=PAGE), DriftDeclaration)
        kinds.append(declared.live.kind)
    assert kinds == ["parquet", "sql"]


def test_the_page_speaks_of_every_limit_and_every_key() -> None:
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    names = [*DriftLimits.model_fields, *DriftDeclaration.model_fields]
    assert [name for name in names if f"`{name}`" not in page and f"{name}:" not in page] == []
