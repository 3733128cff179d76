"""The mount under SimpleAuthManager: real users, real tokens, HTTP to Airflow's own API server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.access.roles import Role
from governance.api import create_app
from governance.api.guard import PUBLIC
from tests.api.world import PREFIX, request_of, routes
from tests.model_bytes import model_bytes
from tests.plugin.conftest import Server, serving, signed

ROLES = {"reader": "viewer", "someone": "user", "operator": "op", "boss": "admin"}
OURS = {
    "reader": Role.VIEWER,
    "someone": Role.OPERATOR,
    "operator": Role.APPROVER,
    "boss": Role.ADMIN,
}
PASSWORDS = {name: f"{name}-password" for name in ROLES}


@pytest.fixture(scope="module")
def server(airflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("simple"),
        airflow_template,
        {},
        PASSWORDS,
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=",".join(map(":".join, ROLES.items())),
    ) as running:
        yield running


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"_token={token}"}


def four_steps(server: Server) -> dict[Role, tuple[str, str, dict[str, Any]]]:
    """A route of each role, with a body that is right."""
    ids = server.world.ids
    return {
        Role.VIEWER: ("GET", f"/models/{ids['model']}", {}),
        Role.OPERATOR: (
            "POST",
            f"/alerts/{ids['incident_id']}/acknowledge",
            {"json": {}},
        ),
        Role.APPROVER: (
            "POST",
            f"/approvals/{ids['approval_id']}/answer",
            {"json": {"approve": True, "comment": "looked at it"}},
        ),
        Role.ADMIN: ("GET", "/config", {}),
    }


def test_nobody_gets_in_by_any_route(server: Server) -> None:
    app = create_app()
    walked = 0
    for route in routes(app):
        asked = request_of(app, route, server.world.ids)
        method, path = asked.pop("method"), asked.pop("path")
        if route.path.startswith(PREFIX):
            path = f"{PREFIX}{path}"
        public = (route.openapi_extra or {})["x-right"] == PUBLIC
        for headers in ({}, cookie("not-a-token")):
            answer = server.ask(method, path, headers=headers, **asked)
            assert answer.status_code == (200 if public else 401), (route.path, answer.text)
            assert public or answer.headers["www-authenticate"] == "Bearer"
        walked += 1
    assert walked > 40


@pytest.mark.parametrize("user", list(ROLES))
def test_airflows_role_is_a_role_here(server: Server, user: str) -> None:
    for needed, (method, path, given) in four_steps(server).items():
        answer = server.as_user(user, method, path, **given)
        if OURS[user].includes(needed):
            assert answer.status_code not in (401, 403), (path, answer.text)
        else:
            assert answer.status_code == 403, (path, answer.text)
            assert f"{user!r} may not do" in answer.json()["detail"]


@pytest.mark.parametrize(
    "token",
    [
        signed(exp=1_000_000_000),
        signed(iss="https://somebody.else.invalid"),
        signed(iss=None),
        signed(aud="urn:airflow.apache.org:task"),
        signed(key="another key, of the length that this algorithm wants " * 2),
        signed(exp=None),
        signed(sub=None),
        signed(key="", algorithm="none"),
        "gov_0123456789ab_" + "A" * 43,
        "not-a-token",
    ],
    ids=[
        "expired",
        "issuer",
        "no-issuer",
        "audience",
        "key",
        "for-ever",
        "nobody",
        "unsigned",
        "api-token",
        "no-token",
    ],
)
def test_a_bad_token_lets_nobody_in(server: Server, token: str) -> None:
    model = server.world.ids["model"]
    for headers in ({"Authorization": f"Bearer {token}"}, cookie(token)):
        answer = server.ask("GET", f"/api/v1/models/{model}", headers=headers)
        assert answer.status_code == 401 and answer.json()["code"] == "unauthenticated"
    # A credential that is shown counts before the one that is sent along.
    both = cookie(server.token("boss")) | {"Authorization": f"Bearer {token}"}
    assert server.ask("GET", f"/api/v1/models/{model}", headers=both).status_code == 401
    assert server.ask("GET", f"/api/v1/models/{model}", signed()).status_code == 200


def test_who_logs_out_is_out_at_once(server: Server) -> None:
    asked = {"username": "reader", "password": PASSWORDS["reader"]}
    token = server.client.post("/auth/token", json=asked).json()["access_token"]
    assert server.ask("GET", "/api/v1/models", token).status_code == 200
    assert server.ask("GET", "/api/v1/models", headers=cookie(token)).status_code == 200
    server.client.get("/api/v2/auth/logout", headers=cookie(token), follow_redirects=False)
    assert server.ask("GET", "/api/v1/models", token).status_code == 401
    assert server.ask("GET", "/api/v1/models", headers=cookie(token)).status_code == 401


def test_a_write_by_cookie_comes_from_our_own_pages(server: Server) -> None:
    _, path, given = four_steps(server)[Role.OPERATOR]
    by_cookie = cookie(server.token("someone"))
    basic = {"Authorization": "Basic c29tZW9uZTpzb21lb25l"}
    refused: tuple[dict[str, str], ...] = (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{server.address}.evil.example"},
        {"Origin": "https://evil.example", **basic},
    )
    for headers in refused:
        answer = server.ask("POST", f"/api/v1{path}", headers=by_cookie | headers, **given)
        assert answer.status_code == 403, headers
        assert "own pages" in answer.json()["detail"]
    own = {"Origin": server.address}
    answer = server.ask("POST", f"/api/v1{path}", headers=by_cookie | own, **given)
    assert answer.status_code == 200, answer.text
    foreign = {"Origin": "https://evil.example"}
    answer = server.ask("POST", f"/api/v1{path}", server.token("someone"), headers=foreign, **given)
    assert answer.status_code == 200, answer.text


def test_the_record_says_who_it_was(server: Server) -> None:
    model = server.world.ids["model"]
    answer = server.as_user(
        "someone",
        "POST",
        f"/models/{model}/versions",
        data={"registration": '{"model_type": "lightgbm"}'},
        files=[("artifact", ("model.txt", model_bytes(7)))],
    )
    assert answer.status_code == 201, answer.text
    made = server.gov.registry.resolve(answer.json()["id"])
    assert made.created_by == "someone"


def test_the_documentation_is_for_those_who_are_known(server: Server) -> None:
    assert server.as_user("reader", "GET", "/docs").status_code == 200
    document = server.as_user("reader", "GET", "/openapi.json").json()
    assert document["servers"] == [{"url": "/governance"}]
    assert "/api/v1/models" in document["paths"]
    page = server.as_user("reader", "GET", "/docs").text
    assert "<td>/governance/api/v1/models</td>" in page
    for path in ("/docs", "/redoc", "/openapi.json", "/models", "/api/v1/models/"):
        assert server.ask("GET", path).status_code == 404, path
        assert server.ask("GET", path, server.token("boss")).status_code == 404, path
    told = server.ask("GET", "/").json()  # of use to who wonders what is mounted here
    assert told["pages"] == "/governance/dashboard" and told["live"].startswith("/governance/api/")
    wrong = server.as_user("boss", "DELETE", f"/models/{server.world.ids['model']}/versions")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")


def test_governance_yaml_stands_above_airflow(server: Server) -> None:
    model = server.world.ids["model"]
    token, _ = server.gov.access.tokens.create(
        "scorer", role="viewer", expires_in=timedelta(hours=1), by="ann"
    )
    try:
        server.declare(
            "access:\n  others: nothing\n  grants:\n"
            "    - {user: reader, role: admin}\n"
            "    - {user: boss, role: viewer, models: other-*}\n"
        )
        assert server.as_user("reader", "GET", "/config").status_code == 200
        assert server.as_user("someone", "GET", f"/models/{model}").status_code == 403
        assert server.as_user("boss", "GET", f"/models/{model}").status_code == 403
        assert server.as_user("boss", "GET", "/models").json()["items"] == []
        server.declare("access: [broken\n")
        for user in ROLES:
            answer = server.as_user(user, "GET", f"/models/{model}")
            assert answer.status_code == 503 and "governance.yaml" in answer.json()["detail"]
        assert server.ask("GET", "/api/v1/models").status_code == 401
        assert server.ask("GET", f"/api/v1/models/{model}", token).status_code == 200
    finally:
        server.declare("models: {}\n")
    assert server.as_user("someone", "GET", f"/models/{model}").status_code == 200
