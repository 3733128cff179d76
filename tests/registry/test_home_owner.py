"""A home belongs to one database: another one neither removes nor rewrites anything in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from governance import Governance
from governance.errors import ConflictError
from governance.registry.clean_up import collect_garbage
from governance.registry.home_owner import INDEX, MARK
from tests.model_bytes import model_bytes
from tests.versions import registered

AT_ONCE = timedelta(seconds=-5)
ORPHAN = "models/momentum/2017-12-29/0123456789ab"


def _tree(home: Path) -> dict[str, bytes]:
    files = (path for path in (home / "models").rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in files}


def _refused(gov: Governance) -> None:
    """Clean-up and reconcile refuse and change nothing; catching up changes nothing."""
    before = _tree(gov.settings.home)
    for call in (
        lambda: collect_garbage(gov.database, gov.artifacts, older_than=AT_ONCE),
        lambda: collect_garbage(gov.database, gov.artifacts, dry_run=True),
        gov.files.rebuild,
    ):
        with pytest.raises(ConflictError, match=r"GOVERNANCE_HOME and GOVERNANCE_DATABASE_URL"):
            call()
    assert gov.files.catch_up() == 0
    assert _tree(gov.settings.home) == before


def _without(home: Path, *names: Path) -> None:
    for name in names:
        (home / name).unlink(missing_ok=True)


@pytest.mark.parametrize("lost", [(), (INDEX,), (MARK,)], ids=["both", "first mark", "index"])
def test_a_forgotten_url_removes_nothing_from_the_shared_home(
    gov: Governance, tmp_path: Path, lost: tuple[Path, ...]
) -> None:
    """The database of the home may be PostgreSQL or SQLite; the wrong one is a fresh SQLite."""
    home = gov.settings.home
    version = registered(gov)
    gov.files.catch_up()
    _without(home, *lost)
    with Governance.open(database=f"sqlite:///{tmp_path}/wrong.db", home=home) as wrong:
        _refused(wrong)
        with pytest.raises(ConflictError, match="adopts no home"):
            wrong.files.rebuild(adopt=True)
        stray = registered(wrong, 7)
        _refused(wrong)
    assert gov.artifacts.digest(version.artifact_path) == version.digest
    assert collect_garbage(gov.database, gov.artifacts, older_than=AT_ONCE) == [stray.artifact_path]
    assert list(gov.artifacts.iter_folders()) == [version.artifact_path]


def test_a_home_that_was_never_indexed_is_protected_from_its_first_version_on(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    registered(sqlite_gov)
    home = sqlite_gov.settings.home
    assert not (home / INDEX).exists()
    with Governance.open(database=f"sqlite:///{tmp_path}/wrong.db", home=home) as wrong:
        _refused(wrong)


def test_a_restored_backup_removes_nothing_until_it_adopts_the_home(
    sqlite_url: str, tmp_path: Path
) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup.db"
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    with Governance.open(database=sqlite_url, home=home) as gov:
        first = registered(gov, 1)
        gov.files.catch_up()
    shutil.copy(file, backup)
    with Governance.open(database=sqlite_url, home=home) as gov:
        later = registered(gov, 2)
        gov.files.catch_up()
    shutil.copy(backup, file)
    with Governance.open(database=sqlite_url, home=home) as gov:
        _refused(gov)
        third = registered(gov, 3)  # its history is as long again, and another one
        _refused(gov)
        assert gov.artifacts.digest(later.artifact_path) == later.digest
        gov.files.rebuild(adopt=True)
        index = json.loads((home / INDEX).read_bytes())
        assert set(index["models"]) == {first.id, third.id}
        removed = collect_garbage(gov.database, gov.artifacts, older_than=AT_ONCE)
        assert removed == [later.artifact_path]
        assert gov.artifacts.digest(third.artifact_path) == third.digest


def test_the_orphan_of_a_killed_first_registration_can_go(sqlite_gov: Governance) -> None:
    staged = sqlite_gov.artifacts.stage({"model.txt": model_bytes(77)})
    sqlite_gov.artifacts.publish(staged, relative_path=ORPHAN, documents={})
    assert collect_garbage(sqlite_gov.database, sqlite_gov.artifacts, older_than=AT_ONCE) == [
        ORPHAN
    ]


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"seq": "1", "hash": ""}', b"\xff"])
def test_a_first_mark_that_cannot_be_read_is_nobodys(sqlite_gov: Governance, broken: bytes) -> None:
    registered(sqlite_gov)
    (sqlite_gov.settings.home / MARK).write_bytes(broken)
    _refused(sqlite_gov)
    sqlite_gov.files.rebuild(adopt=True)
    assert sqlite_gov.files.rebuild() == 1


def _as_directory(path: Path) -> None:
    path.mkdir(parents=True)


def _beyond_any_number(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"history": {"seq": 1 << 70, "hash": "a"}}))


@pytest.mark.parametrize(
    ("change", "refused"), [(_as_directory, False), (_beyond_any_number, True)]
)
def test_an_odd_index_is_answered_not_stumbled_over(
    gov: Governance, change: Callable[[Path], None], refused: bool
) -> None:
    change(gov.settings.home / INDEX)
    if refused:
        _refused(gov)
    else:
        assert collect_garbage(gov.database, gov.artifacts) == []


def test_a_mark_that_cannot_be_written_does_not_undo_a_registration(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch, logged: pytest.LogCaptureFixture
) -> None:
    real = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == MARK.name:
            raise OSError(28, "injected")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    assert registered(sqlite_gov, 1).created
    assert "could not be marked" in logged.text
    monkeypatch.undo()
    registered(sqlite_gov, 2)
    assert (sqlite_gov.settings.home / MARK).exists()
