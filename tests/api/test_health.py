"""Live and ready for everybody, also where nothing was ever opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app
from governance.errors import DatabaseUnavailableError
from tests.api.conftest import WHO, identify


def test_a_fresh_home_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVERNANCE_HOME", str(tmp_path / "home"))
    with TestClient(create_app()) as client:
        assert client.get("/api/v1/health/live").json() == {"status": "live"}
        assert not (tmp_path / "home").exists()
        ready = client.get("/api/v1/health/ready")
        assert (ready.status_code, ready.json()["database"]) == (200, "sqlite")
        refused = client.get("/api/v1/models", follow_redirects=False)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.json()["code"] == "unauthenticated"


def test_a_database_that_cannot_be_opened_is_not_ready_and_lets_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GOVERNANCE_HOME", str(tmp_path / "file"))
    with TestClient(create_app()) as client:
        assert client.get("/api/v1/health/live").status_code == 200
        ready = client.get("/api/v1/health/ready")
        assert ready.status_code == 503 and ready.headers["retry-after"]
        assert client.get("/api/v1/models").status_code == 503


def test_where_the_database_is_is_told_to_nobody_unknown(sqlite_gov: Governance) -> None:
    with TestClient(create_app(sqlite_gov, identify=identify)) as client:
        away = DatabaseUnavailableError("the database 'gov' on db.internal cannot be reached")

        def broken(*_: object, **__: object) -> None:
            raise away

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(sqlite_gov.database), "read", broken)
            for path in ("/api/v1/health/ready", "/api/v1/models"):
                told = client.get(path)
                assert told.status_code in (401, 503) and "db.internal" not in told.text, path
            assert client.get("/api/v1/health/ready").json()["code"] == "database_unavailable"
            known = client.get("/api/v1/models", headers={WHO: "viewer"})
            assert known.status_code == 503 and "db.internal" in known.text
