"""Every route of the app x everybody who may ask: the table of rights is what happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from governance import Governance
from governance.access.rights import RIGHTS
from governance.access.roles import Role
from governance.api import create_app
from governance.api.guard import PUBLIC, GuardedRoute
from tests.api.conftest import AT_ROOT, OURS, People, identify
from tests.api.world import World, build, request_of, routes
from tests.versions import actions, head

PUBLIC_PATHS = {"/", "/api/v1/health/live", "/api/v1/health/ready"}
ROLES = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "approver": Role.APPROVER}


@pytest.fixture
def world(sqlite_gov: Governance) -> World:
    return build(sqlite_gov)


def _app(people: People) -> FastAPI:
    app = people.client.app
    assert isinstance(app, FastAPI)
    return app


def _ask(people: People, person: str | None, route: APIRoute, world: World) -> Any:
    given = request_of(_app(people), route, world.ids)
    return people[person](given.pop("method"), given.pop("path"), **given)


def _right(route: APIRoute) -> str:
    return str((route.openapi_extra or {})["x-right"])


def _late(route: APIRoute) -> bool:
    return bool((route.openapi_extra or {}).get("x-right-late"))


def test_every_route_declares_a_right_and_is_guarded() -> None:
    app = create_app(identify=identify)
    for route in routes(app):
        assert isinstance(route, GuardedRoute), route.path
        assert route.path.startswith("/api/v1/") or route.path in AT_ROOT, route.path
        assert _right(route) == PUBLIC or _right(route) in RIGHTS, route.path
        concerns_one = "{model}" in route.path or _late(route)
        if _right(route) != PUBLIC and RIGHTS[_right(route)].scope != "model":
            assert not concerns_one or RIGHTS[_right(route)].scope == "any", route.path
    assert {route.path for route in routes(app) if _right(route) == PUBLIC} == PUBLIC_PATHS
    assert len({route.operation_id or route.name for route in routes(app)}) == len(routes(app))


def test_nobody_gets_in(people: People, world: World) -> None:
    for route in routes(_app(people)):
        answer = _ask(people, None, route, world)
        expected = 200 if route.path in PUBLIC_PATHS else 401
        assert answer.status_code == expected, route.path
        if expected == 401:
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "unauthenticated"


def test_tokens_that_are_expired_revoked_or_unknown_get_nobody_in(
    sqlite_gov: Governance, world: World
) -> None:
    tokens = sqlite_gov.access.tokens
    good, _ = tokens.create("max", role="admin", expires_in=timedelta(hours=1), by="ann")
    expired, old = tokens.create("max", role="admin", expires_in=timedelta(hours=1), by="ann")
    with sqlite_gov.database.begin() as tx:
        tx.exec_driver_sql(
            "UPDATE api_tokens SET expires_at = '2013-01-01T00:00:00.000000Z' WHERE id = ?",
            (old.id,),
        )
    revoked, gone = tokens.create("max", role="admin", expires_in=None, by="ann")
    tokens.revoke(gone.id, by="ann")
    app = create_app(sqlite_gov)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/api/v1/models", headers=_bearer(good)).status_code == 200
        for given in (
            _bearer(expired),
            _bearer(revoked),
            _bearer(good[:-1] + ("a" if good[-1] != "a" else "b")),
            _bearer(""),
            {"Authorization": f"Basic {good}"},
            {"Cookie": f"session={good}"},
        ):
            for route in routes(app):
                if route.path in PUBLIC_PATHS:
                    continue
                asked = request_of(app, route, world.ids)
                path = asked.pop("path")
                path = path if path in AT_ROOT else f"/api/v1{path}"
                answer = client.request(
                    asked.pop("method"), path, headers=given, follow_redirects=False, **asked
                )
                assert answer.status_code == 401, (route.path, answer.text)
                assert good not in answer.text


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("person", sorted(ROLES))
def test_a_role_that_is_too_low_changes_nothing(
    person: str, people: People, world: World, sqlite_gov: Governance
) -> None:
    before = head(sqlite_gov)
    refused = 0
    for route in routes(_app(people)):
        if _right(route) == PUBLIC:
            continue
        right = RIGHTS[_right(route)]
        # Our people hold their role on `momentum*`, not on `*`.
        everywhere = right.scope == "everywhere" or (
            right.scope == "model" and "{model}" not in route.path and not _late(route)
        )
        if everywhere or not ROLES[person].includes(right.role):
            answer = _ask(people, person, route, world)
            assert answer.status_code == 403, (route.path, answer.text)
            assert answer.json()["code"] == "forbidden"
            refused += 1
    assert refused
    assert set(actions(sqlite_gov, after=before)) == {"access.denied"}


def test_another_team_sees_and_changes_nothing(
    people: People, world: World, sqlite_gov: Governance
) -> None:
    before = head(sqlite_gov)
    for route in routes(_app(people)):
        if _right(route) == PUBLIC:
            continue
        answer = _ask(people, "stranger", route, world)
        if RIGHTS[_right(route)].scope == "any" and not _late(route) and "{" not in route.path:
            assert answer.status_code == 200, (route.path, answer.text)
            if "openapi" not in route.path and "docs" not in route.path:
                assert world.ids["model"] not in answer.text, route.path
        else:
            assert answer.status_code == (404 if _late(route) else 403), (route.path, answer.text)
            assert world.challenger.digest not in answer.text
    assert set(actions(sqlite_gov, after=before)) == {"access.denied"}


@pytest.mark.parametrize("person", ["viewer", "operator", "approver", "admin"])
def test_who_has_the_right_gets_through(person: str, people: People, world: World) -> None:
    role = ROLES.get(person, Role.ADMIN)
    for route in routes(_app(people)):
        if _right(route) == PUBLIC:
            continue
        right = RIGHTS[_right(route)]
        everywhere = right.scope == "everywhere" or (
            right.scope == "model" and "{model}" not in route.path and not _late(route)
        )
        if not role.includes(right.role) or (everywhere and person != "admin"):
            continue
        answer = _ask(people, person, route, world)
        assert answer.status_code < 500, (route.path, answer.text)
        if route.name == "force_version":  # the right is not enough: force.allowed names nobody
            assert answer.status_code == 403 and "force.allowed" in answer.json()["detail"]
        else:
            assert answer.status_code not in (401, 403), (route.path, answer.text)


def test_a_route_without_a_right_or_without_the_guard_lets_nobody_through(
    sqlite_gov: Governance,
) -> None:
    app = create_app(sqlite_gov, identify=identify)
    called = []

    def careless() -> str:
        called.append("careless")
        return "secret"

    app.add_api_route("/api/v1/careless", careless)
    app.router.routes.append(
        APIRoute("/api/v1/plain", careless, dependencies=app.router.dependencies)
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        for path in ("/api/v1/careless", "/api/v1/plain"):
            answer = client.get(path, headers={"x-test-user": "admin"})
            assert answer.status_code == 403 and "secret" not in answer.text
        assert client.get("/api/v1/careless").status_code == 401
    assert called == []


def test_a_late_route_that_forgets_its_look_gives_nothing_out(sqlite_gov: Governance) -> None:
    from governance.api.guard import right

    app = create_app(sqlite_gov, identify=identify)
    app.add_api_route(
        "/api/v1/forgetful", lambda: "secret", openapi_extra=right("decisions.read", late=True)
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/api/v1/forgetful", headers={"x-test-user": "admin"})
        assert answer.status_code == 403 and "secret" not in answer.text


def test_an_identity_that_cannot_be_established_closes_the_door(sqlite_gov: Governance) -> None:
    def broken(_: object) -> Any:
        raise ImportError("no auth manager")

    with TestClient(create_app(sqlite_gov, identify=broken)) as client:
        answer = client.get("/api/v1/models")
        assert answer.status_code == 503 and "auth manager" not in answer.text
    with TestClient(create_app(sqlite_gov, identify=lambda _: None)) as client:  # type: ignore[arg-type, return-value]
        assert client.get("/api/v1/models").status_code == 401


def test_what_was_refused_is_on_record(
    people: People, world: World, sqlite_gov: Governance
) -> None:
    people["viewer"].post(f"/models/{world.ids['model']}/rollback", {"reason": "mine"})
    people[None].get("/models")
    said = {
        (one.actor, one.model, one.details["right"])
        for one in sqlite_gov.audit.entries(action="access.denied")
    }
    assert said == {("viewer", world.ids["model"], "promotions.rollback"), ("anonymous", "", "api")}
    assert OURS.startswith(world.ids["model"])


def test_no_path_is_redirected(people: People) -> None:
    for path in ("/models/", "//models", "/nothing", "/docs/", "/openapi.json/"):
        assert people["admin"].get(path).status_code == 404, path
    assert people.client.get("/docs", follow_redirects=False).status_code == 404
    assert people.client.get("/openapi.json").status_code == 404
    assert people["admin"]("PUT", "/models").json()["code"] == "method_not_allowed"
    both = people["admin"]("DELETE", "/models/momentum/versions")
    assert (both.status_code, both.headers["allow"]) == (405, "GET, HEAD, POST")
