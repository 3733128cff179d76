"""What callers send: sizes, depths, types and texts that are refused before anybody parses them."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException
from starlette.requests import Request

from governance import Governance
from governance.api import body, create_app, patience
from governance.api.body import MAX_DEPTH, MAX_JSON
from tests.api.conftest import WHO, As, People, identify
from tests.serving.conftest import Running, token
from tests.versions import NAME, head, registered

METRICS = f"/models/{NAME}/versions/1.0.0/metrics"
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def _a_version(sqlite_gov: Governance) -> None:
    registered(sqlite_gov)


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b'{"metrics": {"test": {"auc": NaN}}}', 422, "NaN"),
        (b'{"metrics": {"test": {"auc": -Infinity}}}', 422, "Infinity"),
        (b'{"metrics": {"test": {"auc": 1e999}}}', 422, "too large"),
        (b'{"metrics": {"test": {"auc": ' + b"9" * 5000 + b"}}}", 422, "too many digits"),
        (b'{"metrics": ' + b"[" * 100_000, 422, "nested deeper"),
        (b'{"metrics":' * 40 + b"1" + b"}" * 40, 422, f"deeper than {MAX_DEPTH}"),
        (b'{"metrics": {}, "metrics": {}}', 422, "twice"),
        (b'{"metrics": {"te\\u0000st": {"auc": 1}}}', 422, "NUL"),
        (b'{"metrics": {"te\\ud800st": {"auc": 1}}}', 422, "lone surrogate"),
        (b'{"metrics": {"test": {"auc": "0.7"}}}', 422, "valid number"),
        (b'{"metrics": {"test": {"auc": 0.7}}, "by": "eve"}', 422, "by"),
        (b"[\xff]", 422, "UTF-8"),
        (b"{", 422, "no JSON"),
        (b"[]", 422, "body"),
        (b"", 422, "body"),
        (b'{"metrics": "' + b"x" * MAX_JSON + b'"}', 413, "larger"),
    ],
    ids=lambda value: value[:24].decode("ascii", "replace") if isinstance(value, bytes) else None,
)
def test_a_body_that_can_never_be_right(
    content: bytes, status: int, says: str, operator: As, sqlite_gov: Governance
) -> None:
    before = head(sqlite_gov)
    answer = operator("POST", METRICS, content=content, headers=JSON)
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert head(sqlite_gov) == before


def test_other_content_types_are_named(operator: As) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
        answer = operator("POST", METRICS, content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415, kind
        assert answer.json()["code"] == "unsupported_media_type"
    answer = operator("POST", f"/models/{NAME}/versions", content=b"{}", headers=JSON)
    assert answer.status_code == 422


def test_a_body_without_a_length_is_counted_as_it_comes(operator: As) -> None:
    def pieces() -> Any:
        for _ in range(20):
            yield b"x" * (MAX_JSON // 10)

    answer = operator("POST", METRICS, content=pieces(), headers=JSON)
    assert answer.status_code == 413 and answer.json()["code"] == "too_large"


def test_a_body_that_stops_half_way_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "PIECE_SECONDS", 0.01)

    async def never() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "POST", "headers": [], "path": "/", "query_string": b""}
    with pytest.raises(HTTPException) as refused:
        asyncio.run(body.limited(Request(scope, never), MAX_JSON).body())
    assert refused.value.status_code == 408


def test_a_silent_connection_is_closed_and_keeps_nobody_out(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.05)
    bearer = token(sqlite_gov, "viewer")["Authorization"]
    asked = f"GET /api/v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n".encode()
    with Running(create_app(sqlite_gov), http=patience.patient(), timeout_keep_alive=1) as server:
        for begun in (b"", b"GET /api/v1/mod", asked + asked[:20], b"X" * 10):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as one:
                one.sendall(begun)
                told = b"".join(iter(lambda: one.recv(65536), b""))  # ends when it is closed
            assert told.count(b"200 OK") == (1 if asked in begun else 0), told
        # A request whose head is whole is waited for, whatever its answer takes.
        answer = httpx.get(f"{server.url}/api/v1/models", headers={"Authorization": bearer})
        assert answer.status_code == 200


def test_what_stands_twice_in_the_head_is_refused(
    sqlite_gov: Governance, operator: As, people: People
) -> None:
    good = token(sqlite_gov, "viewer")["Authorization"]
    with TestClient(create_app(sqlite_gov)) as client:
        for both in ((good, "Bearer nobody"), ("Bearer nobody", good), (good, good)):
            answer = client.get("/api/v1/models", headers=[("Authorization", one) for one in both])
            assert answer.status_code == 401, both
    path = f"/api/v1/models/{NAME}/rollback"
    for name, one, other in (("If-Match", '"0"', "*"), ("Idempotency-Key", "a", "b")):
        headers = [(WHO, "operator"), (name, one), (name, other)]
        refused = people.client.post(path, json={"reason": "errors"}, headers=headers)
        assert refused.status_code == 422 and "twice" in refused.text, name


def test_a_query_is_as_strict(viewer: As) -> None:
    for params in ({"stgae": "failed"}, {"stage": "nowhere"}, {"limit": "x"}, {"tag": "a\0b"}):
        assert viewer("GET", "/versions", params=params).status_code == 422, params
    assert viewer("GET", "/versions?limit=1&limit=2").status_code == 422
    assert viewer("GET", f"/versions?tag={'x' * 9000}").status_code == 422


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fetc", "%2e%2e", "a%00b", "A", "x" * 65, "%ff%fe", "m;drop", "-a"]
)
def test_a_name_that_is_none_is_refused_and_echoed_nowhere_as_a_path(
    name: str, admin: As, viewer: As
) -> None:
    assert admin.get(f"/models/{name}").status_code in (404, 422)
    assert viewer.get(f"/models/{name}").status_code in (403, 404)


def test_a_caller_who_asks_too_often_waits(sqlite_gov: Governance) -> None:
    settings = sqlite_gov.settings.model_copy(update={"api_requests_per_second": 1.0})
    with Governance.open(settings=settings) as gov:
        app = create_app(gov, identify=identify)
        with TestClient(app) as client:
            headers = {"x-test-user": "viewer"}
            answers = [client.get("/api/v1/models", headers=headers) for _ in range(20)]
            refused = [one for one in answers if one.status_code == 429]
            assert refused and refused[0].json()["code"] == "rate_limited"
            assert refused[0].headers["retry-after"]
            other = client.get("/api/v1/models", headers={"x-test-user": "reader"})
            assert other.status_code == 200
            assert client.get("/api/v1/health/live").status_code == 200


def test_a_write_by_cookie_comes_from_our_own_pages(people: People) -> None:
    path = f"/models/{NAME}/versions/1.0.0/metrics"
    good = {"metrics": {"test": {"auc": 0.7}}}
    client = people["operator"]
    cookie = {"cookie": "session=abc"}
    for headers in (
        cookie,
        {**cookie, "origin": "https://evil.example"},
        {**cookie, "origin": "null"},
        {**cookie, "origin": "http://testserver.evil.example"},
    ):
        assert client.post(path, good, headers=headers).status_code == 403, headers
    assert client("GET", "/models", headers=cookie).status_code == 200
    own = {**cookie, "origin": "http://testserver"}
    assert client.post(path, good, headers=own).status_code == 200
    # A bearer token is sent by nobody's browser on its own.
    token = {**cookie, "authorization": "Bearer x", "origin": "https://evil.example"}
    assert client.post(path, good, headers=token).status_code == 200


def test_a_request_id_is_kept_where_it_is_a_plain_word(viewer: As) -> None:
    assert (
        viewer("GET", "/models", headers={"x-request-id": "abc-1"}).headers["x-request-id"]
        == "abc-1"
    )
    odd = viewer("GET", "/models", headers={"x-request-id": "a b<script>"})
    assert odd.headers["x-request-id"] != "a b<script>"


def test_what_nobody_foresaw_says_nothing_of_itself(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch, viewer: As
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the password is hunter2")

    monkeypatch.setattr("governance.registry.overview.models", broken)
    answer = viewer.get("/models")
    assert answer.status_code == 500 and "hunter2" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-security-policy"]
