"""The serving API: as an application in the test's process, and as a real server on a free port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from governance import Governance
from governance.serving import create_app
from governance.values import ModelVersion
from tests.decisions.eligible import probed
from tests.versions import NAME, validated

PREDICT = f"/api/v1/models/{NAME}/predict"
STATUS = f"/api/v1/models/{NAME}/status"

Promote = Callable[..., ModelVersion]


def token(gov: Governance, role: str = "operator", models: str = "*") -> dict[str, str]:
    """Headers of somebody with this role."""
    secret, _ = gov.access.tokens.create(role, role=role, models=models, expires_in=None, by="root")
    return {"Authorization": f"Bearer {secret}"}


def in_production(gov: Governance, seed: int = 0, **given: Any) -> ModelVersion:
    """A version of ``model_bytes(seed)``, known to load, put into production."""
    version = probed(gov, validated(gov, seed, **given))
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="a test")
    return gov.registry.resolve(version.id)


@contextmanager
def calling(gov: Governance, app: FastAPI, role: str = "operator") -> Iterator[TestClient]:
    """Without the lifespan: every request looks at the database first."""
    client = TestClient(app, headers=token(gov, role))
    try:
        yield client
    finally:
        client.close()
        app.state.desk.stop()


@pytest.fixture
def client(sqlite_gov: Governance) -> Iterator[TestClient]:
    """An operator's calls to an application on an empty home."""
    with calling(sqlite_gov, create_app(sqlite_gov, log_interval=60.0)) as opened:
        yield opened


class Running:
    """A server of an application in a thread of this process."""

    def __init__(self, app: FastAPI, **given: Any) -> None:
        self.app = app
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(app, log_level="warning", access_log=False, **given)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> Running:
        self._thread.start()
        with httpx.Client(base_url=self.url) as asking:
            for _ in range(400):
                try:
                    if asking.get("/api/v1/health/ready").status_code == 200:
                        return self
                except httpx.TransportError:
                    pass
                time.sleep(0.025)
        raise AssertionError("the server is not ready")

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def until(true: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait for something that happens in the background."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
