"""More than one caller may send, and more rows than the disk takes at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.errors import StorageFullError
from governance.serving import ServingLimits, create_app
from tests.serving.conftest import PREDICT, STATUS, calling, in_production, token, until

ONE = {"rows": [[20, 0]]}
MANY = {"rows": [[20.125, 0.125]] * 600}  # 1800 cells, and too many bytes for the event loop


@pytest.fixture
def limited(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Governance]:
    monkeypatch.setenv("GOVERNANCE_SERVING_REQUESTS_PER_SECOND", "0.5")
    with Governance.open(database=sqlite_url, home=tmp_path / "home") as opened:
        in_production(opened)
        yield opened


def test_a_caller_who_asks_too_often_is_told_to_wait_and_nobody_else(limited: Governance) -> None:
    with calling(limited, create_app(limited, log_interval=60.0)) as client:
        found = [client.post(PREDICT, json=ONE) for _ in range(4)]
        assert [one.status_code for one in found] == [200, 200, 429, 429]
        assert found[-1].headers["retry-after"] == "1"
        assert found[-1].json()["code"] == "rate_limited"
        assert found[-1].headers["content-type"] == "application/problem+json"
        assert client.post(PREDICT, json=ONE, headers=token(limited, "admin")).status_code == 200
        assert client.get("/api/v1/health/ready").status_code == 200


def test_a_stranger_who_tries_tokens_too_often_is_told_so(limited: Governance) -> None:
    with calling(limited, create_app(limited, log_interval=60.0)) as client:
        wrong = {"Authorization": "Bearer gov_000000000000_" + "A" * 43}
        found = [client.post(PREDICT, json=ONE, headers=wrong).status_code for _ in range(4)]
        assert found == [401, 401, 429, 429]
        assert client.post(PREDICT, json=ONE).status_code == 200


def test_there_is_no_limit_by_default(sqlite_gov: Governance) -> None:
    in_production(sqlite_gov)
    with calling(sqlite_gov, create_app(sqlite_gov, log_interval=60.0)) as client:
        assert {client.post(PREDICT, json=ONE).status_code for _ in range(50)} == {200}


@pytest.fixture
def full(sqlite_gov: Governance) -> Iterator[TestClient]:
    """The log has room for one request of many rows."""
    in_production(sqlite_gov)
    patient = ServingLimits(log_seconds=600.0)
    with calling(sqlite_gov, create_app(sqlite_gov, limits=patient, log_interval=60.0)) as client:
        log = client.app.state.desk.log  # type: ignore[attr-defined]
        log._most_cells, log._batch_rows = 2000, 10**9
        assert client.post(PREDICT, json=MANY).status_code == 200
        yield client


def told(client: TestClient) -> dict[str, int]:
    found: dict[str, int] = client.get(STATUS).json()["prediction_log"]
    return found


def beside(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def test_many_rows_wait_for_room_in_the_log(full: TestClient) -> None:
    log = full.app.state.desk.log  # type: ignore[attr-defined]
    asked = beside(lambda: full.post(PREDICT, json=MANY))
    until(lambda: log._room._waiters)
    assert log.flush()
    asked.join()
    assert (told(full)["dropped_rows"], told(full)["waiting_rows"]) == (0, 600)


def test_few_rows_never_wait_and_are_dropped_and_counted(full: TestClient) -> None:
    log = full.app.state.desk.log  # type: ignore[attr-defined]
    log._most_cells = 1801
    assert full.post(PREDICT, json={"rows": [[20, 0]]}).status_code == 200
    assert (told(full)["dropped_rows"], told(full)["waiting_rows"]) == (1, 600)


def test_nobody_waits_for_a_disk_that_is_full(
    full: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = full.app.state.desk.log  # type: ignore[attr-defined]

    def no_room(path: Path, data: bytes) -> None:
        raise StorageFullError("no space left")

    monkeypatch.setattr("governance.serving.prediction_log.write_atomic", no_room)
    assert not log.flush()
    assert full.post(PREDICT, json=MANY).status_code == 200
    assert (told(full)["dropped_rows"], told(full)["waiting_rows"]) == (600, 600)


def test_a_request_larger_than_all_that_may_wait_is_logged_when_nothing_waits(
    full: TestClient,
) -> None:
    log = full.app.state.desk.log  # type: ignore[attr-defined]
    assert log.flush()
    log._most_cells = 10
    assert full.post(PREDICT, json=MANY).status_code == 200
    assert (told(full)["dropped_rows"], told(full)["waiting_rows"]) == (0, 600)
