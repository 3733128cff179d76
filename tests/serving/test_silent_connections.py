"""Connections that send half a head, or nothing: closed after a while, so that others get in."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from governance import Governance
from governance.api import patience
from governance.cli.app import app as command_line
from tests.serving.conftest import PREDICT, Running, in_production, token


def test_silent_connections_are_closed_and_others_are_answered(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Served as `governance serve` has uvicorn serve."""
    in_production(sqlite_gov)
    given: dict[str, Any] = {}
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(uvicorn, "run", lambda app, **named: given.update(app=app, **named))
    home = str(sqlite_gov.settings.home)
    url = str(sqlite_gov.database.engine.url)
    said = CliRunner().invoke(command_line, ["--home", home, "--database", url, "serve"])
    assert said.exit_code == 0, said.output
    with Running(given["app"], http=given["http"]) as server:
        for begun in (b"", b"POST /api/v1/models/x/predict HTTP/1.1\r\nHo"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as silent:
                silent.sendall(begun)
                assert silent.recv(1) == b""
        with httpx.Client(base_url=server.url, headers=token(sqlite_gov)) as client:
            assert client.post(PREDICT, json={"rows": [[20, 0]]}).status_code == 200
