"""Live and ready for everybody, also where nothing was ever opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from governance.api import create_app


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
