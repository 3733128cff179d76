"""The index and its log: small changes are appended, and readers and marks see both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from governance import Governance
from governance.effects import registry_index
from governance.effects.registry_index import read_index
from governance.files import append_line
from governance.registry.home_owner import INDEX, LOG, index_mark, newest_mark
from governance.store.schema import model_registry
from governance.values import ModelVersion, SemanticVersion
from tests.model_bytes import model_file
from tests.versions import NAME, registered, validated


@pytest.fixture
def large(gov: Governance) -> Iterator[Governance]:
    """So many versions that a change of one goes into the log."""
    first = registered(gov, 0, version="9.0.0")
    with gov.database.begin() as tx:
        row = dict(
            tx.execute(model_registry.select().where(model_registry.c.id == first.id))
            .one()
            ._mapping
        )
        tx.execute(insert(model_registry), [row | _numbered(number) for number in range(400)])
    gov.files.catch_up()
    assert not (gov.settings.home / LOG).exists()
    yield gov


def _numbered(number: int) -> dict[str, Any]:
    version = SemanticVersion(1, 0, number)
    return {
        "id": f"{number:012x}",
        "version": str(version),
        "version_order": version.sort_key,
        "stage": "retired",
        "artifact_path": f"models/{NAME}/2012-01-01/{number:012x}",
    }


def _whole(gov: Governance) -> dict[str, Any]:
    """What an index written now would say."""
    with gov.database.read() as connection:
        head = newest_mark(connection)
        found: dict[str, Any] = json.loads(registry_index._whole(connection, head))
    return found


def _moved(gov: Governance, version: ModelVersion, *, times: int = 1) -> None:
    for _ in range(times):
        stage = gov.registry.resolve(version.id).stage
        target = "staging" if stage == "validated" else "validated"
        gov.registry.transition(version.id, target, "eve", "tried")
        gov.files.catch_up()


def test_a_change_among_many_is_a_line_of_the_log(large: Governance) -> None:
    home = large.settings.home
    version = validated(large, 1)
    before = (home / INDEX).read_bytes()
    large.files.catch_up()
    assert (home / INDEX).read_bytes() == before
    (line,) = (home / LOG).read_text().splitlines()
    assert list(json.loads(line)["models"]) == [version.id]
    assert read_index(home) == _whole(large)
    with large.database.read() as connection:
        assert index_mark(home) == newest_mark(connection)
    assert large.files.catch_up() == 0


def test_a_log_that_has_grown_is_folded_into_the_index(large: Governance) -> None:
    home, sizes = large.settings.home, []
    version = validated(large, 1)
    for _ in range(40):
        _moved(large, version)
        sizes.append((home / LOG).stat().st_size if (home / LOG).exists() else 0)
        assert read_index(home) == _whole(large)
    assert 0 in sizes and max(sizes) <= (home / INDEX).stat().st_size / 10
    large.files.reconcile()
    assert not (home / LOG).exists() and json.loads((home / INDEX).read_bytes()) == _whole(large)


@pytest.mark.parametrize("torn", [b'{"history": {"seq": 9', b"\x00\x00\x00", b'{"models"', b"\n"])
def test_half_a_line_says_nothing_and_is_cut_off(large: Governance, torn: bytes) -> None:
    home = large.settings.home
    version = validated(large, 1)
    _moved(large, version)
    whole = (home / LOG).read_bytes()
    mark = index_mark(home)
    (home / LOG).write_bytes(whole + torn)
    assert index_mark(home) == mark
    assert read_index(home) == _whole(large)
    _moved(large, version)
    assert read_index(home) == _whole(large)
    assert (home / LOG).read_bytes().startswith(whole)
    assert large.files.reconcile().mended == ()


def test_lines_older_than_the_index_say_nothing(large: Governance) -> None:
    """A process was killed between writing the index and removing the log."""
    home = large.settings.home
    version = validated(large, 1)
    _moved(large, version)
    old = (home / LOG).read_bytes()
    _moved(large, version)
    large.files.reconcile()
    (home / LOG).write_bytes(old)
    with large.database.read() as connection:
        assert index_mark(home) == newest_mark(connection)
    assert read_index(home) == _whole(large)
    _moved(large, version)
    assert read_index(home) == _whole(large)


def test_a_draft_that_got_its_bytes_is_listed_once(large: Governance) -> None:
    home = large.settings.home
    draft = large.registry.register_model(
        NAME, model_type="x", stage="draft", version="3.0.0", created_by="ann"
    )
    large.files.catch_up()
    assert draft.id in read_index(home)["models"]
    path = model_file(home.parent, 7)
    full = large.registry.register_model(
        NAME, model_path=path, model_type="x", version="3.0.0", created_by="ann"
    )
    large.files.catch_up()
    assert full.id != draft.id and (home / LOG).exists()
    assert draft.id not in read_index(home)["models"]
    assert read_index(home) == _whole(large)


def test_many_changes_at_once_are_no_line(
    large: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_index, "_SHARE", 60)
    home = large.settings.home
    for seed in range(1, 12):
        validated(large, seed)
    large.files.catch_up()
    assert not (home / LOG).exists(), "a line has room in the log, or is none"
    assert read_index(home) == _whole(large)


def test_a_line_is_added_behind_the_last_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append_line(path, b"one")
    with path.open("ab") as file:
        file.write(b"tw")
    append_line(path, b"two")
    assert path.read_bytes() == b"one\ntwo\n"
