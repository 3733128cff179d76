"""Names, methods and headers at the edge of HTTP, on every route of the management API."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app
from tests.api.conftest import WHO, People
from tests.api.world import World, build, request_of, routes
from tests.odd_requests import (
    ODD_NAMES,
    SMUGGLED,
    addresses,
    ambiguous,
    answers_to,
    check_refusal,
    methods,
)
from tests.serving.conftest import Running, token
from tests.versions import actions, head

ADMIN = {WHO: "admin"}


@pytest.fixture
def world(sqlite_gov: Governance) -> World:
    return build(sqlite_gov)


@pytest.fixture
def client(people: People) -> TestClient:
    return people.client


def _app(client: TestClient) -> FastAPI:
    assert isinstance(client.app, FastAPI)
    return client.app


def test_an_odd_name_in_any_place_is_nothing_and_changes_nothing(
    client: TestClient, world: World, sqlite_gov: Governance
) -> None:
    before = head(sqlite_gov)
    app = _app(client)
    for route in routes(app):
        if "{" not in route.path:
            continue
        given: dict[str, Any] = request_of(app, route, world.ids)
        method = given.pop("method")
        del given["path"]
        for what, odd in ODD_NAMES.items():
            for address in addresses(route.path, odd, world.ids):
                answer = client.request(method, address, headers=ADMIN, **given)
                where = f"{what}: {method} {address[:200]}"
                assert answer.status_code in (404, 405, 422), (where, answer.text)
                check_refusal(answer, where)
    assert actions(sqlite_gov, after=before) == []


def test_other_methods_are_refused_with_those_that_there_are(
    client: TestClient, world: World
) -> None:
    found: dict[str, set[str]] = {}
    for route in routes(_app(client)):
        path = route.path
        for name, value in world.ids.items():
            path = path.replace(f"{{{name}}}", value)
        also = {"HEAD"} if "GET" in route.methods else set()
        found.setdefault(path, set()).update(route.methods | also)
    for path, known in found.items():
        methods(client, path, known, ADMIN)


def test_a_parameter_twice_is_refused_wherever_there_is_one(
    client: TestClient, world: World
) -> None:
    app = _app(client)
    asked = 0
    for route in routes(app):
        names = [field.alias for field in route.dependant.query_params]
        if not names:
            continue
        given = request_of(app, route, world.ids)
        for name in names:
            answer = client.request(
                given["method"],
                f"/api/v1{given['path']}?{name}=1&{name}=1",
                headers=ADMIN,
                json=given.get("json"),
            )
            assert answer.status_code == 422 and "twice" in answer.text, (route.path, name)
            asked += 1
    assert asked > 20


def test_a_request_with_two_ends_is_one_request(sqlite_gov: Governance, world: World) -> None:
    path = f"/api/v1/models/{world.ids['model']}/rollback"
    bearer = token(sqlite_gov, "viewer")["Authorization"]
    with Running(create_app(sqlite_gov)) as server:
        for what, sent in ambiguous(path, bearer).items():
            statuses, told = answers_to(server.port, sent)
            assert b'"live"' not in told, what
            assert len(statuses) == 1 and set(statuses) <= {400, 403, 413, 415, 422}, (what, told)
        statuses, _ = answers_to(server.port, SMUGGLED)
        assert statuses == [200]


def test_who_asks_is_not_read_from_other_headers(sqlite_gov: Governance) -> None:
    with TestClient(create_app(sqlite_gov)) as client:
        good = token(sqlite_gov, "admin")["Authorization"]
        for headers in (
            {"X-Forwarded-User": "admin", "X-Remote-User": "admin", "Remote-User": "admin"},
            {"Proxy-Authorization": good},
            {"X-Original-URL": "/api/v1/health/live", "X-Rewrite-URL": "/api/v1/health/live"},
            {"X-HTTP-Method-Override": "GET", "Authorization": "Bearer"},
        ):
            answer = client.get("/api/v1/models", headers=headers)
            assert answer.status_code == 401, headers
            check_refusal(answer, str(headers))
        # Two identities are none.
        twice = client.get(
            "/api/v1/models",
            headers=[("Authorization", "Bearer nobody"), ("Authorization", good)],
        )
        assert twice.status_code == 401
