"""The address without a path, and HEAD on every address: alone, with the pages, mounted, served."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app
from governance.dashboard import mount_dashboard
from governance.errors import ForeignDatabaseError
from tests.api.conftest import WHO, People, identify
from tests.api.world import World, build, request_of, routes
from tests.serving.conftest import Running, token

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def world(sqlite_gov: Governance) -> World:
    return build(sqlite_gov)


def with_pages(gov: Governance) -> FastAPI:
    return mount_dashboard(create_app(gov, identify=identify), login=False)


def test_programs_are_told_where_things_are(sqlite_gov: Governance) -> None:
    """Each address that is told exists; the pages are told of where there are any."""
    for app, pages in (
        (create_app(sqlite_gov, identify=identify), False),
        (with_pages(sqlite_gov), True),
    ):
        with TestClient(app) as client:
            said = client.get("/")
            assert said.status_code == 200 and said.headers["vary"] == "Accept"
            told = said.json()
            assert ("pages" in told) is pages
            for name, path in told.items():
                if name != "api":
                    answer = client.get(path, headers={WHO: "admin"})
                    assert answer.status_code == 200, (name, path)
                    assert path.startswith(told["api"]) or name in ("metrics", "pages")


def test_people_are_sent_on_to_the_pages(sqlite_gov: Governance) -> None:
    with TestClient(with_pages(sqlite_gov), follow_redirects=False) as client:
        answer = client.get("/", headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (307, "/dashboard")
        assert answer.headers["vary"] == "Accept"
        assert client.post("/", headers=BROWSER).status_code == 405
        assert client.get("/?x=1").status_code == 422
    with TestClient(create_app(sqlite_gov, identify=identify), follow_redirects=False) as client:
        assert client.get("/", headers=BROWSER).json()["api"] == "/api/v1"  # no pages to go to


def test_inside_another_app_the_addresses_are_those_of_a_browser(sqlite_gov: Governance) -> None:
    outer = FastAPI()
    outer.mount("/governance", with_pages(sqlite_gov))
    with TestClient(outer, follow_redirects=False) as client:
        answer = client.get("/governance/", headers=BROWSER)
        assert answer.headers["location"] == "/governance/dashboard"
        told = client.get("/governance/").json()
        assert all(path.startswith("/governance/") for path in told.values())
        assert client.get(told["live"]).json() == {"status": "live"}


def test_the_start_is_there_when_nothing_else_is() -> None:
    def away() -> Governance:
        raise ForeignDatabaseError("the database 'airflow' on db.internal is another product's")

    app = mount_dashboard(create_app(opening=away), login=True)
    with TestClient(app) as client:
        assert client.get("/").status_code == 200
        refused = client.get("/api/v1/health/ready")
        assert refused.status_code == 503
        assert "db.internal" not in refused.text  # for who has not said who they are


def _head_is_get(client: Any, path: str, **given: Any) -> int:
    got, headed = client.get(path, **given), client.request("HEAD", path, **given)
    assert headed.status_code == got.status_code, (path, headed.status_code, got.text[:300])
    assert headed.content == b"" and headed.headers.get("allow") == got.headers.get("allow")
    assert set(headed.headers) == set(got.headers), path
    for name in ("content-type", "location", "etag", "cache-control", "www-authenticate"):
        assert headed.headers.get(name) == got.headers.get(name), (path, name)
    return int(headed.status_code)


def test_head_answers_as_get_without_a_body(people: People, world: World) -> None:
    app = people.client.app
    assert isinstance(app, FastAPI)
    asked = 0
    for route in routes(app):
        given = request_of(app, route, world.ids)
        if given["method"] != "GET":
            continue
        path = given["path"] if route.path in ("/", "/metrics") else f"/api/v1{given['path']}"
        known = _head_is_get(people.client, path, headers={WHO: "admin"})
        assert known == (404 if "/jobs/" in path else 200), path
        public = path == "/" or path.startswith("/api/v1/health/")
        assert _head_is_get(people.client, path) == (200 if public else 401), path
        asked += 1
    assert asked > 30


def test_head_of_what_is_nowhere_wrong_or_only_written_to(people: People) -> None:
    admin = {WHO: "admin"}
    for path, status in (
        ("/api/v1/nothing", 404),
        ("/api/v1/models?x=1", 422),
        ("/api/v1/models/momentum/rollback", 405),
    ):
        assert _head_is_get(people.client, path, headers=admin) == status


def test_head_on_a_server_and_the_connection_goes_on(sqlite_gov: Governance, world: World) -> None:
    """What a server announces and does not send would be taken from the next answer."""
    app = mount_dashboard(create_app(sqlite_gov), login=True)
    headers = token(sqlite_gov, "admin")
    paths = ("/", "/api/v1/models", "/dashboard", "/dashboard/login", "/metrics", "/api/v1/no")
    with Running(app) as server, httpx.Client(base_url=server.url) as client:
        for path in paths * 2:
            status = _head_is_get(client, path, headers={**headers, **BROWSER})
            assert status == {"/": 307, "/api/v1/no": 404}.get(path, 200), path


def test_a_head_is_counted_as_one(people: People) -> None:
    for _ in range(3):
        people.client.request("HEAD", "/api/v1/models", headers={WHO: "admin"})
    people.client.request("HEAD", "/api/v1/nothing")
    text = people["admin"]("GET", "/metrics").text
    (line,) = [
        one
        for one in text.splitlines()
        if one.startswith("governance_api_requests_total")
        and 'method="HEAD"' in one
        and 'route="/api/v1/models"' in one
    ]
    assert line.rpartition(" ")[2] in ("3", "3.0")
    assert 'code="not_found"' in text


def test_a_fault_of_ours_has_no_body_either(sqlite_gov: Governance) -> None:
    app = create_app(sqlite_gov, identify=identify)

    def broken() -> str:
        raise RuntimeError("a secret of the inside")

    from governance.api.guard import PUBLIC, right

    app.add_api_route("/api/v1/broken", broken, openapi_extra=right(PUBLIC))
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.request("HEAD", "/api/v1/broken")
        assert (answer.status_code, answer.content) == (500, b"")
