"""`registry_index.json` and the documents: derived, never ahead of history, rebuilt at will."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from governance import Governance
from governance.errors import ConflictError
from governance.registry.documents import FILE_NAMES
from governance.registry.home_owner import INDEX
from tests.versions import champion, head, registered, validated


class Crash(BaseException):
    """Stands for the end of the process."""


def _index(gov: Governance) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((gov.settings.home / INDEX).read_bytes())
    return found


def _tree(gov: Governance) -> dict[str, bytes]:
    models = gov.settings.home / "models"
    return {str(p.relative_to(models)): p.read_bytes() for p in models.rglob("*") if p.is_file()}


def _status(gov: Governance, folder: str) -> str:
    meta = json.loads((gov.settings.home / folder / "meta.json").read_bytes())
    return str(meta["governance"]["status"])


def test_the_index_names_every_version_as_document_000_does(gov: Governance) -> None:
    first, second = champion(gov, 1), registered(gov, 2)
    gov.files.catch_up()
    index = _index(gov)
    assert index["history"] == {"seq": head(gov), "hash": gov.audit.verify().head}
    assert {key: entry["status"] for key, entry in index["models"].items()} == {
        first.id: "production",
        second.id: "trained",
    }
    assert index["models"][first.id]["path"] == first.artifact_path
    assert index["models"][first.id]["strategy"] == first.name


def test_catching_up_renders_what_changed_and_then_nothing(gov: Governance) -> None:
    version = registered(gov)
    assert gov.files.catch_up() == 3, "index, manifest and history; the documents are published"
    gov.registry.transition(version, "validated", "eve", "fine")
    assert _status(gov, version.artifact_path) == "trained"
    assert gov.files.catch_up() == 4
    assert _status(gov, version.artifact_path) == "validated"
    assert gov.files.catch_up() == 0


def test_an_empty_history_needs_no_index(sqlite_gov: Governance) -> None:
    assert sqlite_gov.files.catch_up() == 0


def test_rebuilding_from_nothing_gives_the_same_files(sqlite_gov: Governance) -> None:
    champion(sqlite_gov, 1)
    champion(sqlite_gov, 2)
    sqlite_gov.files.catch_up()
    expected = _tree(sqlite_gov)
    for version in sqlite_gov.registry.list_models():
        for name in FILE_NAMES:
            (sqlite_gov.settings.home / version.artifact_path / name).unlink()
    (sqlite_gov.settings.home / INDEX).unlink()
    assert sqlite_gov.files.rebuild() == 2 * len(FILE_NAMES) + 1
    assert _tree(sqlite_gov) == expected
    assert sqlite_gov.files.rebuild() == 1, "only what differs is written again"


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"history": {"seq": "7"}}', b"\xff"])
def test_an_index_that_cannot_be_read_is_made_again(sqlite_gov: Governance, broken: bytes) -> None:
    version = validated(sqlite_gov)
    sqlite_gov.files.catch_up()
    (sqlite_gov.settings.home / INDEX).write_bytes(broken)
    sqlite_gov.files.catch_up()
    assert version.id in _index(sqlite_gov)["models"]


def test_an_index_of_a_lost_future_is_left_until_it_is_adopted(
    sqlite_gov: Governance, logged: pytest.LogCaptureFixture
) -> None:
    """The database came back from a backup: the index claims entries that do not exist."""
    version = registered(sqlite_gov)
    sqlite_gov.files.catch_up()
    index = _index(sqlite_gov) | {"history": {"seq": 1000, "hash": "ab" * 32}}
    (sqlite_gov.settings.home / INDEX).write_text(json.dumps(index))
    sqlite_gov.registry.transition(version, "validated", "eve", "fine")
    before = _tree(sqlite_gov)
    assert sqlite_gov.files.catch_up() == 0, "what was done stays done"
    assert "reconcile --adopt" in logged.text
    with pytest.raises(ConflictError, match="another database"):
        sqlite_gov.files.rebuild()
    assert _tree(sqlite_gov) == before
    sqlite_gov.files.rebuild(adopt=True)
    assert _index(sqlite_gov)["history"]["seq"] == 2
    assert _status(sqlite_gov, version.artifact_path) == "validated"
    assert sqlite_gov.files.rebuild() == 1


def test_a_draft_and_a_lost_artifact_stop_nobody(sqlite_gov: Governance) -> None:
    draft = sqlite_gov.registry.register_model(
        "momentum", model_type="x", stage="draft", created_by="ann"
    )
    lost = registered(sqlite_gov)
    shutil.rmtree(sqlite_gov.settings.home / lost.artifact_path)
    sqlite_gov.files.rebuild()
    assert set(_index(sqlite_gov)["models"]) == {draft.id, lost.id}
    assert not (sqlite_gov.settings.home / lost.artifact_path).exists()


def test_a_writer_killed_between_its_files_repeats_and_loses_none(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [validated(sqlite_gov, seed) for seed in range(3)]
    written: list[Path] = []

    replace = os.replace

    def killed_at_the_third(source: Path, target: Path) -> None:
        if len(written) == 2:
            raise Crash
        written.append(target)
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed_at_the_third)
        with pytest.raises(Crash):
            sqlite_gov.files.catch_up()
    assert not (sqlite_gov.settings.home / INDEX).exists(), "the place moves last"
    sqlite_gov.files.catch_up()
    assert [_status(sqlite_gov, v.artifact_path) for v in versions] == ["validated"] * 3
    assert len(_index(sqlite_gov)["models"]) == 3


def test_writers_at_once_end_at_the_newest_state(gov: Governance) -> None:
    versions = [registered(gov, seed) for seed in range(6)]

    def move_and_render(version: Any) -> None:
        gov.registry.transition(version, "validated", "eve", "fine")
        gov.files.catch_up()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(move_and_render, versions))
    index = _index(gov)
    assert index["history"] == {"seq": head(gov), "hash": gov.audit.verify().head}
    assert {entry["status"] for entry in index["models"].values()} == {"validated"}
    assert {_status(gov, version.artifact_path) for version in versions} == {"validated"}
