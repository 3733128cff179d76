"""The plugin as Airflow would find it, the connection of its tasks, versions that do not fit."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from governance.doctor import Status, libraries
from tests.doctor.conftest import Fit, only

ROOT = Path(__file__).resolve().parents[2]
POINT = metadata.EntryPoint(
    "governance", "governance_airflow.airflow_plugin:GovernancePlugin", "airflow.plugins"
)


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[metadata.EntryPoint]:
    """The entry points of what is installed; the list may be changed."""
    found: list[metadata.EntryPoint] = []
    monkeypatch.setattr(metadata, "entry_points", lambda group: list(found))
    return found


def test_the_plugin_is_found_by_one_way_or_the_other(
    fit: Fit, tmp_path: Path, points: list[metadata.EntryPoint]
) -> None:
    folder = tmp_path / "airflow" / "plugins"
    folder.mkdir(parents=True)
    assert only("plugin", fit()).status is Status.PROBLEM
    points.append(POINT)
    assert only("plugin", fit()).status is Status.OK
    (folder / "governance_plugin.py").write_text(
        (ROOT / "plugins/governance_plugin.py").read_text()
    )
    assert only("plugin", fit()).status is Status.OK  # it gives way
    points.clear()
    assert only("plugin", fit()).status is Status.OK


def test_a_plugin_that_is_there_twice_or_does_not_load(
    fit: Fit, tmp_path: Path, points: list[metadata.EntryPoint]
) -> None:
    folder = tmp_path / "airflow" / "plugins"
    folder.mkdir(parents=True)
    points.append(POINT)
    (folder / "governance_plugin.py").write_text("class GovernancePlugin(AirflowPlugin): ...\n")
    found = only("plugin", fit())
    assert found.status is Status.WARNING and "remove" in found.remedy
    (folder / "governance_plugin.py").unlink()
    (folder / "governance_airflow").mkdir()
    assert ".airflowignore" in only("plugin", fit()).remedy
    (folder / ".airflowignore").write_text("# ours\ngovernance_airflow/\n")
    assert only("plugin", fit()).status is Status.OK
    points[:] = [metadata.EntryPoint("governance", "governance_airflow.gone:X", "airflow.plugins")]
    assert only("plugin", fit()).status is Status.PROBLEM


def test_tasks_and_commands_use_one_database(fit: Fit, tmp_path: Path) -> None:
    def looked(connection: str, **given: str) -> Status:
        found = only("connection", fit({"AIRFLOW_CONN_GOVERNANCE_DB": connection}, **given))
        assert "hunter2" not in repr(found)
        return found.status

    postgres = {"conn_type": "postgres", "host": "db", "schema": "governance", "login": "g"}
    text = json.dumps(postgres | {"password": "hunter2"})
    url = "postgresql://g:hunter2@db:5432/governance"
    assert looked(text, database_url=url) is Status.OK
    assert looked("postgres://g:hunter2@db/governance", database_url=url) is Status.OK
    assert looked(text, database_url=url.replace("5432", "5433")) is Status.PROBLEM
    assert looked(text) is Status.PROBLEM  # commands would use SQLite in the home
    file = str(tmp_path / "home" / "governance.db")
    assert looked(json.dumps({"conn_type": "sqlite", "host": file})) is Status.OK
    assert looked("{hunter2") is Status.PROBLEM
    assert looked("") is Status.UNKNOWN


def test_what_is_installed_fits_and_a_trap_is_seen(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert only("libraries", fit()).status is Status.OK
    version = libraries._installed
    for name, wrong, status in (
        ("celery", "5.7.0", Status.WARNING),
        ("sqlalchemy", "1.4.54", Status.PROBLEM),
        ("pandas", None, Status.PROBLEM),
    ):
        monkeypatch.setattr(
            libraries,
            "_installed",
            lambda asked, name=name, wrong=wrong: wrong if asked == name else version(asked),
        )
        found = only("libraries", fit())
        assert found.status is status and name in found.found
        assert (name == "celery") == ("scheduler" in found.found)
