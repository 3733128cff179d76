"""A database that goes away and comes back under both APIs: who answers what; both recover.

PostgreSQL is stopped at once and started again (the server is this test's own); the file of SQLite
is moved away, restored from a copy, and locked by a writer.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app as management_app
from governance.serving import create_app as serving_app
from tests.faults.test_restarted_database import Server, server
from tests.serving.conftest import PREDICT, STATUS, Running, in_production, token, until
from tests.versions import NAME, registered

__all__ = ["server"]

ONE = {"rows": [[20, 0]]}
MODEL = f"/api/v1/models/{NAME}"


@dataclass
class Both:
    """A serving API under a real server, and a management API, of one home."""

    gov: Governance
    serving: httpx.Client
    management: TestClient

    def predicts(self) -> str:
        answer = self.serving.post(PREDICT, json=ONE)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["version_id"]
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.serving.get(STATUS).json()
        return found


@contextmanager
def both(gov: Governance) -> Iterator[Both]:
    in_production(gov)
    headers = token(gov, "admin")
    with ExitStack() as stack:
        running = stack.enter_context(Running(serving_app(gov)))
        client = stack.enter_context(
            httpx.Client(base_url=running.url, headers=headers, timeout=60)
        )
        made = Both(gov, client, TestClient(management_app(gov), headers=headers))
        until(lambda: client.post(PREDICT, json=ONE).status_code == 200)
        yield made


def answers_without_the_database(apis: Both, before: str) -> None:
    until(lambda: apis.status()["watcher_problem"] is not None)
    assert apis.predicts() == before
    assert apis.status()["state"] == "stale"
    assert apis.serving.get("/api/v1/health/ready").json()["status"] == "degraded"
    for answer in (
        apis.management.get(MODEL),
        apis.management.post(f"{MODEL}/versions/1.0.0/validate", json={}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"]


def recovers(apis: Both) -> None:
    assert apis.management.get(MODEL).status_code == 200
    until(lambda: apis.status()["state"] == "serving")
    second = in_production(apis.gov, 1)
    until(lambda: apis.predicts() == second.id)


def test_postgresql_is_stopped_and_started_again(server: Server, tmp_path: Path) -> None:
    with Governance.open(database=server.url, home=tmp_path / "home") as gov, both(gov) as apis:
        before = apis.predicts()
        server._control("stop", "-m", "immediate")
        try:
            answers_without_the_database(apis, before)
        finally:
            server.restart()  # with the options that it had
        recovers(apis)


def move(path: Path, folder: Path) -> None:
    """The database with its log, which belongs to it and to no other file."""
    folder.mkdir()
    for one in path.parent.glob(f"{path.name}*"):
        shutil.move(one, folder / one.name)


def test_the_sqlite_file_is_moved_away_and_restored(
    sqlite_gov: Governance, sqlite_url: str, tmp_path: Path
) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with both(sqlite_gov) as apis:
        before = apis.predicts()
        with sqlite3.connect(path) as source, sqlite3.connect(tmp_path / "backup.db") as copy:
            source.backup(copy)
        source.close()
        copy.close()
        move(path, tmp_path / "away")
        answers_without_the_database(apis, before)
        assert not path.exists()
        shutil.copy(tmp_path / "backup.db", path)
        recovers(apis)
    old = sqlite3.connect(tmp_path / "away" / path.name)
    assert old.execute("SELECT count(*) FROM model_registry").fetchone() == (1,)
    old.close()


def test_a_writer_who_does_not_let_go_of_the_sqlite_file(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVERNANCE_LOCK_TIMEOUT_SECONDS", "0.1")
    home = tmp_path / "home"
    with Governance.open(database=sqlite_url, home=home) as gov, both(gov) as apis:
        before, waiting = apis.predicts(), registered(gov, 2)
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = apis.management.post(f"{MODEL}/versions/{waiting.version}/validate", json={})
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert apis.management.get(MODEL).status_code == 200
        assert (apis.predicts(), apis.status()["state"]) == (before, "serving")
        other.execute("ROLLBACK")
        other.close()
        recovers(apis)
