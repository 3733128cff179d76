"""Folders of old runs: listed by the time of their newest file, and nothing else is."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from governance.training.old_runs import old_runs, remove_runs
from governance.training.run_folder import RunFolder

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def _run(home: Path, name: str, *, days: float) -> RunFolder:
    folder = RunFolder(home, "momentum", name)
    folder.finish("data", {}, {"model/model.txt": b"tree"})
    moment = (NOW - timedelta(days=days)).timestamp()
    for path in (folder.path, *folder.path.rglob("*")):
        os.utime(path, (moment, moment))
    return folder


def test_a_run_goes_when_its_newest_file_is_old(tmp_path: Path) -> None:
    old, young = _run(tmp_path, "old", days=31), _run(tmp_path, "young", days=29)
    found = old_runs(tmp_path, before=NOW - timedelta(days=30))
    assert found == [old.path.relative_to(tmp_path).as_posix()]
    remove_runs(tmp_path, found)
    assert not old.path.exists() and young.file("data.json").is_file()


def test_one_young_file_keeps_a_run(tmp_path: Path) -> None:
    run = _run(tmp_path, "repeated", days=90)
    os.utime(run.file("model/model.txt"), (NOW.timestamp(), NOW.timestamp()))
    assert old_runs(tmp_path, before=NOW - timedelta(days=30)) == []


def test_the_artifact_stores_own_staging_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "staging" / "artifacts" / "stage-0").mkdir(parents=True)
    assert old_runs(tmp_path, before=datetime.max.replace(tzinfo=UTC)) == []


def test_a_home_without_runs_has_none(tmp_path: Path) -> None:
    assert old_runs(tmp_path, before=NOW) == []
