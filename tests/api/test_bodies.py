"""What callers send: sizes, depths, types and texts that are refused before anybody parses them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException
from starlette.requests import Request

from governance import Governance
from governance.api import body, create_app
from governance.api.body import MAX_DEPTH, MAX_JSON
from tests.api.conftest import As, People, identify
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
