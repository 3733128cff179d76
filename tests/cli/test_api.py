"""`governance api serve`: the app that is served is the guarded one, on this home."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.cli.conftest import Run


def test_the_management_api_is_served_on_the_home(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: dict[str, Any] = {}

    def serve(app: Any, **given: Any) -> None:
        served.update(given)
        with TestClient(app) as client:
            served["ready"] = client.get("/api/v1/health/ready").json()
            served["anonymous"] = client.get("/api/v1/models").status_code

    monkeypatch.setattr("uvicorn.run", serve)
    said = run("api", "serve", "--port", "8765")
    assert said.code == 0, said.err
    assert "http://127.0.0.1:8765/api/v1" in said.err
    assert (served["host"], served["port"], served["server_header"]) == ("127.0.0.1", 8765, False)
    assert served["http"].__name__ == "Patient"  # `tests/api/test_bodies.py` has what it does
    assert served["ready"]["status"] == "ready" and served["anonymous"] == 401
