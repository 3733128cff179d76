"""Every page x everybody who may open it: the guard and the table of rights hold here, too."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute

from governance.access.rights import RIGHTS
from governance.access.roles import Role
from governance.api.guard import PUBLIC
from governance.dashboard import static
from governance.dashboard.pages import HEADERS, PageRoute
from tests.dashboard.conftest import BASE, Browser, Shown

PUBLIC_PATHS = {f"{BASE}/files/{{name}}", f"{BASE}/{{rest:path}}"}
ROLES = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "approver": Role.APPROVER}


def pages(browser: Browser) -> list[APIRoute]:
    return [
        route
        for route in browser.app.routes
        if isinstance(route, APIRoute) and route.path.startswith(BASE)
    ]


def ask(shown: Shown, person: str | None, route: APIRoute) -> Any:
    path = route.path.removeprefix(BASE)
    known = {
        **shown.world.ids,
        "cell": shown.cell,
        "name": static.current_name("dashboard.css"),
        "rest:path": "nowhere",
    }
    for name, value in known.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"the world has nothing for {path}"
    (method,) = route.methods
    if method == "GET":
        return shown.browser.as_(person).get(path)
    return shown.browser.as_(person).post(path, data={"hours": "4"})


def _right(route: APIRoute) -> str:
    return str((route.openapi_extra or {})["x-right"])


def _late(route: APIRoute) -> bool:
    return bool((route.openapi_extra or {}).get("x-right-late"))


def _everywhere(route: APIRoute) -> bool:
    """Does the right have to be held on every model?"""
    scope = RIGHTS[_right(route)].scope
    return scope == "model" and "{model}" not in route.path and not _late(route)


def test_every_page_is_a_guarded_page_with_a_right(shown: Shown) -> None:
    found = pages(shown.browser)
    assert len(found) > 14
    for route in found:
        assert isinstance(route, PageRoute), route.path
        assert not route.include_in_schema, route.path
        assert _right(route) in RIGHTS or route.path in PUBLIC_PATHS, route.path
    assert not any(path.startswith(BASE) for path in shown.browser.app.openapi()["paths"])


def test_nobody_gets_in_and_is_told_so_by_a_page(shown: Shown) -> None:
    for route in pages(shown.browser):
        answer = ask(shown, None, route)
        if _right(route) == PUBLIC:
            assert answer.status_code == (404 if "{rest" in route.path else 200)
            continue
        assert answer.status_code == 401, route.path
        assert "Log in to Airflow" in answer.text
        assert shown.world.ids["model"] not in answer.text.replace(answer.request.url.path, "")


def test_another_team_sees_no_name(shown: Shown) -> None:
    for route in pages(shown.browser):
        if _right(route) == PUBLIC:
            continue
        answer = ask(shown, "stranger", route)
        if RIGHTS[_right(route)].scope == "any" and not _late(route):
            assert answer.status_code == 200, (route.path, answer.text)
            assert "momentum" not in answer.text, route.path
        else:
            assert answer.status_code == (404 if _late(route) else 403), route.path
            assert shown.world.challenger.digest not in answer.text


@pytest.mark.parametrize("person", ["viewer", "operator", "approver", "admin"])
def test_who_has_the_right_gets_the_page(person: str, shown: Shown) -> None:
    opened = 0
    for route in pages(shown.browser):
        (method,) = route.methods
        if _right(route) == PUBLIC or method == "POST":
            continue
        role = ROLES.get(person, Role.ADMIN)
        may = role.includes(RIGHTS[_right(route)].role)
        may = may and (person == "admin" or not _everywhere(route))
        answer = ask(shown, person, route)
        assert answer.status_code == (200 if may else 403), (route.path, answer.text)
        assert answer.headers["content-type"].startswith("text/html")
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert answer.headers["cache-control"] == "no-store"
        opened += may
    assert opened > 10


def test_a_viewer_changes_nothing(shown: Shown) -> None:
    for route in pages(shown.browser):
        (method,) = route.methods
        if method == "POST" and RIGHTS[_right(route)].role is not Role.VIEWER:
            assert ask(shown, "viewer", route).status_code == 403, route.path


def test_who_asks_for_no_html_gets_the_problem_as_programs_do(shown: Shown) -> None:
    answer = shown.browser.get("/models/nothing", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_head_on_every_page_answers_as_get_without_a_body(shown: Shown) -> None:
    asked = 0
    for route in pages(shown.browser):
        (method,) = route.methods
        if method == "POST":
            continue
        for person in ("admin", "viewer", None):
            got = ask(shown, person, route)
            path = got.request.url.raw_path.decode().removeprefix(BASE)
            head = shown.browser.as_(person)("HEAD", path)
            assert (head.status_code, head.text) == (got.status_code, ""), path
            assert head.headers.get("content-type") == got.headers.get("content-type")
            asked += 1
    assert asked > 30
