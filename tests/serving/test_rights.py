"""Who gets in: every route with every identity, from the route table itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.routing import Route

from governance import Governance
from governance.access.rights import RIGHTS, allowed
from governance.access.roles import Grant, Identity, Role
from governance.errors import DatabaseUnavailableError
from governance.serving import create_app, metrics
from governance.serving.guard import PUBLIC, GuardedRoute, right
from governance.serving.routes import router
from tests.serving.conftest import PREDICT, STATUS, calling, in_production, token
from tests.versions import NAME

ROUTES = [
    route for route in (*router.routes, *metrics.router.routes) if isinstance(route, GuardedRoute)
]
OPEN = {"/api/v1/health/live", "/api/v1/health/ready"}


@pytest.fixture
def app(sqlite_gov: Governance) -> Iterator[FastAPI]:
    in_production(sqlite_gov)
    made = create_app(sqlite_gov, log_interval=60.0)
    yield made
    made.state.desk.stop()


def ask(app: FastAPI, route: GuardedRoute, headers: dict[str, str], model: str = NAME) -> Any:
    path = route.path.replace("{model}", model)
    [method] = route.methods
    body = {"json": {"rows": [[1, 2]]}} if method == "POST" else {}
    return TestClient(app).request(method, path, headers=headers, **body)  # type: ignore[arg-type]


def test_every_route_declares_a_right_that_exists(app: FastAPI) -> None:
    found = [one for one in app.routes if isinstance(one, Route)]
    assert {route.path for route in found} == {route.path for route in ROUTES}
    for route in ROUTES:
        assert route.right is not None, route.path
        assert (route.right == PUBLIC) == (route.path in OPEN)


ROLES = [role.value for role in Role]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_the_table_of_rights_decides(
    sqlite_gov: Governance, app: FastAPI, route: GuardedRoute, role: str
) -> None:
    there = ask(app, route, token(sqlite_gov, role, "momentum*"))
    elsewhere = ask(app, route, token(sqlite_gov, role, "other-*"))
    if route.right == PUBLIC:
        assert (there.status_code, elsewhere.status_code) == (200, 200)
        return
    assert route.right is not None and route.right in RIGHTS
    model = NAME if "{model}" in route.path else None
    for answer, pattern in ((there, "momentum*"), (elsewhere, "other-*")):
        identity = Identity(name=role, grants=(Grant(Role(role), pattern),), kind="token")
        may = allowed(identity, route.right, model)
        assert answer.status_code == (200 if may else 403), (route.path, pattern)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_nobody_else_gets_in(sqlite_gov: Governance, app: FastAPI, route: GuardedRoute) -> None:
    tokens = sqlite_gov.access.tokens
    past = datetime.now(UTC) - timedelta(days=2)
    day = timedelta(days=1)
    revoked, made = tokens.create("a", role="admin", expires_in=None, by="root")
    tokens.revoke(made.id, by="root")
    for header in (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": f"Bearer {revoked}"},
        {"Authorization": f"Bearer gov_{made.id}_{'A' * 43}"},
        {"Authorization": f"Bearer {expired(sqlite_gov, past, day)}"},
    ):
        answer = ask(app, route, header)
        if route.right == PUBLIC:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "unauthenticated"


def expired(gov: Governance, made_at: datetime, lasts: timedelta) -> str:
    """A token whose time is over."""
    from sqlalchemy import update

    from governance.store.access_tables import api_tokens

    secret, made = gov.access.tokens.create("old", role="admin", expires_in=lasts, by="root")
    with gov.database.begin() as tx:
        tx.execute(
            update(api_tokens)
            .where(api_tokens.c.id == made.id)
            .values(created_at=made_at, expires_at=made_at + lasts)
        )
    return secret


def test_a_route_without_a_right_is_nobodys(sqlite_gov: Governance) -> None:
    app = create_app(sqlite_gov)
    for path, extra in (("/api/v1/bare", None), ("/api/v1/odd", right("no.such.right"))):
        app.router.routes.append(
            GuardedRoute(path, lambda: {"secret": 1}, methods=["GET"], openapi_extra=extra)
        )
    with calling(sqlite_gov, app, "admin") as client:
        assert client.get("/api/v1/bare").status_code == 403
        assert client.get("/api/v1/odd").status_code == 403
        assert client.get("/docs").status_code == 404


def test_a_model_that_one_may_not_see_and_one_that_is_not_there_look_alike(
    sqlite_gov: Governance, app: FastAPI
) -> None:
    client = TestClient(app, headers=token(sqlite_gov, "admin", "other-*"))
    hidden = client.post(PREDICT, json={"rows": [[1, 2]]})
    absent = client.post("/api/v1/models/nothing/predict", json={"rows": [[1, 2]]})
    assert hidden.status_code == absent.status_code == 403
    assert hidden.json()["detail"].replace(NAME, "nothing") == absent.json()["detail"]


def test_a_refusal_is_on_record_once(sqlite_gov: Governance, app: FastAPI) -> None:
    client = TestClient(app, headers=token(sqlite_gov, "viewer"))
    for _ in range(3):
        assert client.post(PREDICT, json={"rows": [[1, 2]]}).status_code == 403
    [entry] = sqlite_gov.audit.entries(action="access.denied")
    assert (entry.actor, entry.model) == ("viewer", NAME)
    assert entry.details["right"] == "predictions.make"


def test_the_hot_path_asks_for_a_token_once_and_believes_it_for_its_seconds(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)
    tokens = sqlite_gov.access.tokens
    asked: list[str] = []
    real = tokens.authenticate
    monkeypatch.setattr(tokens, "authenticate", lambda s: asked.append(s) or real(s))  # type: ignore[func-returns-value]
    secret, made = tokens.create("a", role="operator", expires_in=None, by="root")
    headers = {"Authorization": f"Bearer {secret}"}
    with calling(sqlite_gov, create_app(sqlite_gov, token_seconds=1000.0)) as client:
        for _ in range(3):
            assert client.get(STATUS, headers=headers).status_code == 200
        assert len(asked) == 1
        guard = client.app.state.desk.guard  # type: ignore[attr-defined]
        guard._seconds = 0.0
        tokens.revoke(made.id, by="root")
        assert client.get(STATUS, headers=headers).status_code == 401


def test_while_the_database_is_away_the_known_are_let_in_and_others_come_again(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)
    known, other = token(sqlite_gov), token(sqlite_gov)
    with calling(sqlite_gov, create_app(sqlite_gov, token_seconds=0.0)) as client:
        assert client.get(STATUS, headers=known).status_code == 200

        def away(_: str) -> Identity:
            raise DatabaseUnavailableError("away")

        monkeypatch.setattr(sqlite_gov.access.tokens, "authenticate", away)
        assert client.get(STATUS, headers=known).status_code == 200
        answer = client.get(STATUS, headers=other)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


def test_another_way_to_say_who_asks(sqlite_gov: Governance) -> None:
    in_production(sqlite_gov)

    def identify(request: Request) -> Identity:
        name = request.headers["x-user"]
        return Identity(name=name, grants=(Grant(Role.VIEWER),), kind="local")

    with calling(sqlite_gov, create_app(sqlite_gov, identify=identify)) as client:
        assert client.get(STATUS, headers={"X-User": "ann"}).status_code == 200
        assert client.post(PREDICT, headers={"X-User": "ann"}).status_code == 403
        assert client.get(STATUS).status_code == 500  # a broken identify lets nobody in


def test_the_description_names_every_answer(sqlite_gov: Governance, app: FastAPI) -> None:
    client = TestClient(app, headers=token(sqlite_gov, "viewer"))
    said = client.get("/api/v1/openapi.json").json()
    predict = said["paths"]["/api/v1/models/{model}/predict"]["post"]
    assert predict["x-right"] == "predictions.make"
    wanted = {"200", "401", "403", "404", "408", "409", "413", "415", "422", "429", "503"}
    assert set(predict["responses"]) == wanted
    assert all(re.search(r"\w", one["description"]) for one in predict["responses"].values())
