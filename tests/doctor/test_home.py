"""The home under executors and file systems; what it holds against what the database knows."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from governance.doctor import CHECKS, Status
from governance.doctor import home as checked
from governance.doctor.airflow_settings import AirflowSettings
from governance.doctor.mounts import mount_of
from governance.wiring import Governance
from tests.doctor.conftest import Fit, only, said
from tests.model_bytes import model_bytes


@pytest.mark.parametrize(
    ("executor", "on", "vouched", "status"),
    [
        ("CeleryExecutor", "ext4", False, Status.PROBLEM),
        ("CeleryExecutor", "overlay", False, Status.PROBLEM),
        ("KubernetesExecutor", "tmpfs", False, Status.PROBLEM),
        ("LocalExecutor,CeleryExecutor", "xfs", False, Status.PROBLEM),
        ("CeleryExecutor", "ext4", True, Status.WARNING),
        ("CeleryExecutor", "nfs4", False, Status.OK),
        ("KubernetesExecutor", "cifs", False, Status.OK),
        ("KubernetesExecutor", "fuse.somebodys", False, Status.UNKNOWN),
        ("LocalExecutor", "ext4", False, Status.OK),
        ("my.module.OwnExecutor", "ext4", False, Status.UNKNOWN),
    ],
)
def test_who_runs_tasks_elsewhere_needs_a_home_that_is_seen_there(
    fit: Fit, executor: str, on: str, vouched: bool, status: Status
) -> None:
    installation = fit({"AIRFLOW__CORE__EXECUTOR": executor}, on=on, shared=vouched)
    assert only("home shared", installation).status is status


def test_where_no_table_of_mounts_is_nothing_is_known(fit: Fit, tmp_path: Path) -> None:
    installation = fit({"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"})
    (tmp_path / "mounts").unlink()
    assert only("home shared", installation).status is Status.UNKNOWN
    assert only("database place", installation).status is Status.PROBLEM  # SQLite and Celery
    assert only("database place", fit(on="nfs")).status is Status.PROBLEM
    assert only("database place", fit(on="ext4")).status is Status.OK


@pytest.mark.parametrize(
    ("written", "environment", "executors"),
    [
        ("[core]\nexecutor = CeleryExecutor\n", {}, ("CeleryExecutor",)),
        ("[core]\nexecutor = CeleryExecutor\n", {"": "LocalExecutor"}, ("LocalExecutor",)),
        ("[core]\nexecutor_cmd = cat /x\n", {}, None),
        ("[core]\nplugins_folder = /x\n", {}, ("LocalExecutor",)),
        ("no section", {}, None),
        (None, {"_CMD": "cat /x"}, None),
        (None, {}, None),
    ],
    ids=["file", "variable-first", "command", "default", "broken", "variable-command", "nothing"],
)
def test_which_executor(
    tmp_path: Path,
    written: str | None,
    environment: dict[str, str],
    executors: tuple[str, ...] | None,
) -> None:
    if written is not None:
        (tmp_path / "airflow.cfg").write_text(written)
    given = {f"AIRFLOW__CORE__EXECUTOR{end}": value for end, value in environment.items()}
    found = AirflowSettings.of({"AIRFLOW_HOME": str(tmp_path), **given})
    assert found.executors == executors


def test_the_deepest_and_the_last_mount_counts(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    place = tmp_path / "two words" / "home"
    place.mkdir(parents=True)
    escaped = str(tmp_path / "two words").replace(" ", "\\040")
    table.write_text(f"a / ext4 rw\nb {escaped} ext4 rw\nc {escaped} nfs4 rw\nd /proc proc rw\n\n")
    mount = mount_of(place, table)
    assert mount is not None and (mount.kind, mount.point) == ("nfs4", tmp_path / "two words")


def test_a_home_that_is_a_file_or_is_full(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = fit()
    assert only("home", installation).status is Status.PROBLEM
    (tmp_path / "home").write_text("a file")
    assert "no folder" in only("home", installation).found
    (tmp_path / "home").unlink()
    (tmp_path / "home").mkdir()
    assert only("home", installation).status is Status.OK

    class Usage(NamedTuple):
        free: int

    for free, status in ((2**20, Status.PROBLEM), (2**29, Status.WARNING)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(free))
        assert only("home", installation).status is status


def test_a_home_on_two_file_systems(fit: Fit, tmp_path: Path, elsewhere: Path) -> None:
    installation = fit()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "staging").symlink_to(elsewhere)
    found = only("home", installation)
    assert found.status is Status.PROBLEM and "staging" in found.found


def test_a_home_that_refuses_to_be_written(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    installation = fit()
    installation.settings.home.mkdir()

    def refuses(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuses)
    found = only("home", installation)
    assert found.status is Status.PROBLEM and "Permission denied" in found.found


def test_the_folder_that_refuses_is_named(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    installation = fit()
    models = installation.settings.home / "models"
    models.mkdir(parents=True)
    real = tempfile.TemporaryFile

    def refuses(*, dir: Path) -> Any:
        if dir == models:
            raise PermissionError(13, "Permission denied", str(models))
        return real(dir=dir)

    monkeypatch.setattr("tempfile.TemporaryFile", refuses)
    assert f"{models} cannot be written" in only("home", installation).found


def registered(gov: Governance, folder: Path, seed: int) -> str:
    file = folder / f"{seed}.txt"
    file.write_bytes(model_bytes(seed))
    version = gov.registry.register_model(
        "momentum", model_path=str(file), model_type="lightgbm", created_by="ann"
    )
    return str(version.artifact_path)


def test_files_against_the_database(
    sqlite_gov: Governance, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gov = sqlite_gov
    looked: Callable[[], dict[str, Status]] = lambda: said(CHECKS["files"](installation))  # noqa: E731
    url = gov.database.engine.url.render_as_string(hide_password=False)
    installation = fit(database_url=url)
    path = registered(gov, tmp_path, 1)
    assert looked() == {"files": Status.OK}  # the files have ten minutes to follow
    monkeypatch.setattr(checked, "LAG", timedelta(seconds=-1))
    behind = only("files", installation)
    assert behind.status is Status.WARNING and "reconcile" in behind.remedy
    gov.files.catch_up()
    assert looked() == {"files": Status.OK}
    shutil.move(gov.settings.home / path, tmp_path / "away")
    missing = only("files", installation)
    assert missing.status is Status.PROBLEM and path in missing.found
    shutil.move(tmp_path / "away", gov.settings.home / path)
    assert looked() == {"files": Status.OK}
    with Governance.open(home=tmp_path / "another", database=f"sqlite:///{tmp_path}/b.db"):
        other = fit(database_url=f"sqlite:///{tmp_path}/b.db")
    found = only("files", other)
    assert found.status is Status.PROBLEM and "--adopt" in found.remedy


def test_folders_that_no_version_knows(sqlite_gov: Governance, fit: Fit, tmp_path: Path) -> None:
    import os

    url = sqlite_gov.database.engine.url.render_as_string(hide_password=False)
    path = sqlite_gov.settings.home / registered(sqlite_gov, tmp_path, 1)
    sqlite_gov.files.catch_up()
    left = path.with_name("0123456789ab")
    shutil.copytree(path, left)
    installation = fit(database_url=url)
    assert only("files", installation).status is Status.OK  # young ones are somebody's work
    os.utime(left, (1e9, 1e9))
    found = only("files", installation)
    assert found.status is Status.WARNING and "gc" in found.remedy


def test_predictions(fit: Fit) -> None:
    installation = fit()
    assert only("predictions", installation).status is Status.UNKNOWN
    (installation.settings.home / "predictions").mkdir(parents=True)
    assert only("predictions", installation).status is Status.OK
