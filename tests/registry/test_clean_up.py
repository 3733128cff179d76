"""`governance registry gc`: orphans go, everything that a version points at stays."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from governance import Governance
from governance.registry.artifacts import ArtifactStore, StagedArtifact
from governance.registry.clean_up import GRACE, collect_garbage
from governance.registry.documents import FILE_NAMES
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


def test_bytes_that_are_being_staged_are_waited_for(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registration holds the store from its first staged byte on, not only from its folder on."""
    staged, go_on = Event(), Event()
    real = ArtifactStore.stage

    def slowly(store: ArtifactStore, members: dict[str, bytes | Path]) -> StagedArtifact:
        made = real(store, members)
        staged.set()
        assert go_on.wait(30)
        return made

    monkeypatch.setattr(ArtifactStore, "stage", slowly)
    registration = Thread(target=registered, args=(sqlite_gov,))
    registration.start()
    assert staged.wait(30)
    found: list[list[str]] = []
    collector = Thread(
        target=lambda: found.append(
            collect_garbage(
                sqlite_gov.database, sqlite_gov.artifacts, older_than=timedelta(seconds=-5)
            )
        )
    )
    collector.start()
    collector.join(0.3)
    assert found == [] and collector.is_alive()
    go_on.set()
    registration.join(30)
    collector.join(30)
    assert found == [[]]
    (version,) = sqlite_gov.registry.list_models()
    assert sqlite_gov.artifacts.digest(version.artifact_path) == version.digest


def test_clean_up_without_an_age_never_disturbs_registrations(gov: Governance) -> None:
    done = Event()
    removed: list[str] = []

    def collect() -> None:
        while not done.is_set():
            removed.extend(
                collect_garbage(gov.database, gov.artifacts, older_than=timedelta(seconds=-5))
            )
            time.sleep(0.005)

    collector = Thread(target=collect)
    collector.start()
    try:
        versions = [registered(gov, seed) for seed in range(12)]
        for version in versions:
            gov.registry.transition(version, "validated", "eve", "fine")
            gov.files.catch_up()
    finally:
        done.set()
        collector.join(30)
    assert removed == []
    assert all(gov.artifacts.digest(v.artifact_path) == v.digest for v in versions)


def test_temporary_names_of_killed_writers_go_when_they_are_old(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov)
    home = sqlite_gov.settings.home
    folder = home / version.artifact_path
    names = [f".{name}.{'0a' * 8}.tmp" for name in ("registry_index.json", ".database")]
    left = [home / "models" / name for name in names]
    left += [folder / f".{name}.{'0a' * 8}.tmp" for name in FILE_NAMES]
    young = folder / f".meta.json.{'0b' * 8}.tmp"
    strangers = [folder / ".notes.tmp", folder / f".model.txt.{'0a' * 8}.tmp", home / left[2].name]
    for path in (*left, young, *strangers):
        path.write_bytes(b"half")
        if path != young:
            _aged(path, GRACE * 2)
    expected = sorted(path.relative_to(home).as_posix() for path in left)
    assert sorted(collect_garbage(sqlite_gov.database, sqlite_gov.artifacts, dry_run=True)) == (
        expected
    )
    assert all(path.exists() for path in left)
    assert sorted(collect_garbage(sqlite_gov.database, sqlite_gov.artifacts)) == expected
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in (young, *strangers))
    assert sqlite_gov.artifacts.digest(version.artifact_path) == version.digest
