"""`governance registry gc`: orphans go, everything that a version points at stays."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from threading import Thread

from governance import Governance
from governance.registry.clean_up import GRACE, collect_garbage
from tests.model_bytes import model_bytes
from tests.versions import registered

ORPHAN = "models/momentum/2017-12-29/0123456789ab"


def _orphan(gov: Governance, *, place: str = ORPHAN, age: timedelta = GRACE * 2) -> Path:
    staged = gov.artifacts.stage({"model.txt": model_bytes(77)})
    folder = gov.artifacts.publish(staged, relative_path=place, documents={})
    return _aged(folder, age)


def _aged(path: Path, age: timedelta) -> Path:
    moment = path.stat().st_mtime - age.total_seconds()
    os.utime(path, (moment, moment))
    return path


def test_an_orphan_goes_and_versions_stay(gov: Governance) -> None:
    version = registered(gov)
    _aged(gov.settings.home / version.artifact_path, GRACE * 2)
    orphan = _orphan(gov)
    assert collect_garbage(gov.database, gov.artifacts) == [ORPHAN]
    assert not orphan.exists()
    assert list(gov.artifacts.iter_folders()) == [version.artifact_path]
    assert gov.artifacts.digest(version.artifact_path) == version.digest
    assert collect_garbage(gov.database, gov.artifacts) == []


def test_a_young_orphan_is_left_to_its_registration(sqlite_gov: Governance) -> None:
    orphan = _orphan(sqlite_gov, age=timedelta())
    assert collect_garbage(sqlite_gov.database, sqlite_gov.artifacts) == []
    assert orphan.exists()
    assert collect_garbage(
        sqlite_gov.database, sqlite_gov.artifacts, older_than=timedelta(seconds=-5)
    ) == [ORPHAN]


def test_a_dry_run_names_and_keeps(sqlite_gov: Governance) -> None:
    orphan = _orphan(sqlite_gov)
    assert collect_garbage(sqlite_gov.database, sqlite_gov.artifacts, dry_run=True) == [ORPHAN]
    assert orphan.exists()


def test_staging_leftovers_of_a_killed_process_go(sqlite_gov: Governance) -> None:
    staged = sqlite_gov.artifacts.stage({"model.txt": model_bytes()})
    _aged(staged.folder, GRACE * 2)
    (removed,) = collect_garbage(sqlite_gov.database, sqlite_gov.artifacts)
    assert removed == staged.folder.relative_to(sqlite_gov.settings.home).as_posix()
    assert not staged.folder.exists()


def test_files_that_are_not_ours_are_never_touched(sqlite_gov: Governance) -> None:
    home = sqlite_gov.settings.home
    strangers = [
        home / "models" / "notes.txt",
        home / "models" / "momentum" / "2017-12-29" / "my-own-copy" / "model.txt",
        home / "models" / "Momentum" / "2017-12-29" / "0123456789ab" / "model.txt",
        home / "staging" / "momentum" / "run" / "data.parquet",
    ]
    for path in strangers:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
        _aged(path, GRACE * 2)
        _aged(path.parent, GRACE * 2)
    assert collect_garbage(sqlite_gov.database, sqlite_gov.artifacts) == []
    assert all(path.read_bytes() == b"mine" for path in strangers)


def test_what_is_being_registered_is_waited_for(sqlite_gov: Governance) -> None:
    """Between its folder and its record a registration holds the store; gc stands outside."""
    found: list[list[str]] = []
    collector = Thread(
        target=lambda: found.append(
            collect_garbage(
                sqlite_gov.database, sqlite_gov.artifacts, older_than=timedelta(seconds=-5)
            )
        )
    )
    with sqlite_gov.artifacts.publishing():
        collector.start()
        version = registered(sqlite_gov)
        assert found == []
    collector.join(30)
    assert found == [[]]
    assert sqlite_gov.artifacts.digest(version.artifact_path) == version.digest
