"""A server that ends, challengers that hang: no answer without its row on record, no waiting."""

from __future__ import annotations

import threading
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.serving import champion, create_app, loading
from governance.serving.shadows import Shadows
from tests.serving.conftest import (
    PREDICT,
    Running,
    calling,
    in_production,
    token,
    until,
)
from tests.serving.test_predict import ARROW, arrow
from tests.serving.test_shadows import ROWS, challenger
from tests.versions import NAME


def test_a_server_that_was_stopped_tells_callers_to_come_again(sqlite_gov: Governance) -> None:
    in_production(sqlite_gov)
    app = create_app(sqlite_gov, log_interval=60.0)
    with calling(sqlite_gov, app) as client:
        assert client.post(PREDICT, json=ROWS).status_code == 200
        app.state.desk.stop()
        few = client.post(PREDICT, json=ROWS)
        many = client.post(
            PREDICT,
            content=arrow(pa.table({"momentum": [1.0], "volume": [2.0]})),
            headers={"Content-Type": ARROW},
        )
        for answer in (few, many):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert "retry-after" in answer.headers
        log = app.state.desk.log
        assert log.as_json()["dropped_rows"] == 0
    assert not list((sqlite_gov.settings.home / "predictions" / "writers").iterdir())


def test_a_request_that_is_overtaken_by_the_end_gets_no_answer_without_a_row(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)
    app = create_app(sqlite_gov, log_interval=60.0)
    desk = app.state.desk
    read = desk.bodies.read

    async def stopped_meanwhile(*given: Any) -> Any:
        found = await read(*given)
        desk.stop()
        return found

    monkeypatch.setattr(desk.bodies, "read", stopped_meanwhile)
    client = TestClient(app, headers=token(sqlite_gov))
    assert client.post(PREDICT, json=ROWS).status_code == 503


def test_a_challenger_that_hangs_does_not_keep_the_server_from_ending(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch, logged: Any
) -> None:
    in_production(sqlite_gov)
    challenger(sqlite_gov, 1)
    app = create_app(sqlite_gov, log_interval=60.0)
    desk, free, asked = app.state.desk, threading.Event(), threading.Event()

    def hangs(*_: object) -> None:
        asked.set()
        free.wait()

    monkeypatch.setattr(Shadows, "_score", hangs)
    client = TestClient(app, headers=token(sqlite_gov))
    assert client.post(PREDICT, json=ROWS).status_code == 200
    assert client.post(PREDICT, json=ROWS).status_code == 200
    assert asked.wait(20)
    desk.shadows.close(seconds=0.01)
    assert "2 requests are dropped" in logged.text
    free.set()
    desk.stop()
    assert desk.log.as_json()["waiting_rows"] == 0


def test_a_challenger_that_loads_for_ever_delays_no_champion(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)
    slow, free, asked = challenger(sqlite_gov, 1), threading.Event(), threading.Event()

    def load(gov: Governance, version: Any, *given: Any, **named: Any) -> Any:
        if version.id == slow.id:
            asked.set()
            free.wait()
        return loading.load(gov, version, *given, **named)

    monkeypatch.setattr(champion, "load", load)
    app = create_app(sqlite_gov)
    try:
        with Running(app):  # is ready, although the challenger is not
            assert asked.wait(20)
            second = in_production(sqlite_gov, 2)
            until(lambda: app.state.desk.champions.of(NAME).version.id == second.id)
            assert not app.state.desk.champions.trials.of(NAME)
            free.set()
            until(lambda: bool(app.state.desk.champions.trials.of(NAME)))
    finally:
        free.set()
