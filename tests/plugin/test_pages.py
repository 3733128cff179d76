"""The pages as Airflow's own API server gives them, on one that is reached below a path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import Server, serving
from tests.plugin.test_simple_auth import PASSWORDS, ROLES, cookie

BELOW = "/airflow"
BASE = f"{BELOW}/governance/dashboard"


@pytest.fixture(scope="module")
def server(airflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("pages"),
        airflow_template,
        {},
        PASSWORDS,
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=",".join(map(":".join, ROLES.items())),
        AIRFLOW__API__BASE_URL=f"https://airflow.example.com{BELOW}/",
    ) as running:
        running.address += BELOW  # as a proxy that keeps the path passes requests on
        yield running


def origin(server: Server) -> str:
    return server.address.removesuffix(BELOW)


def get(server: Server, path: str, user: str | None = "operator") -> Any:
    headers = {"Accept": "text/html", **(cookie(server.token(user)) if user else {})}
    return server.client.get(f"{origin(server)}{path}", headers=headers, follow_redirects=False)


def post(server: Server, path: str, **headers: str) -> Any:
    told = {"Accept": "text/html", **headers}
    return server.client.post(
        f"{origin(server)}{path}", headers=told, data={"hours": "4"}, follow_redirects=False
    )


def test_the_navigation_has_one_entry_with_its_path(server: Server) -> None:
    bearer = {"Authorization": f"Bearer {server.token('boss')}"}
    said = server.client.get("/api/v2/plugins", headers=bearer).json()["plugins"]
    (ours,) = [one for one in said if one["name"] == "governance"]
    (view,) = ours["external_views"]
    assert (view["href"], view["destination"], view["url_route"]) == (BASE, "nav", "governance")
    assert view["icon"].startswith("data:image/svg+xml,")  # nothing to fetch
    assert ours["operator_extra_links"] == [], "links are on the operators' classes"


def test_every_address_on_a_page_is_below_the_path_and_there(server: Server) -> None:
    page = get(server, BASE)
    assert page.status_code == 200
    found = set(re.findall(r'(?:href|src|action)="([^"#]+)"', page.text))
    assert len(found) > 10 and all(one.startswith(f"{BELOW}/") for one in found), found
    ours = sorted(one for one in found if one.startswith(BASE))
    assert {
        one: get(server, one.replace("&amp;", "&")).status_code for one in ours
    } == dict.fromkeys(ours, 200)


def test_pages_may_stand_in_airflows_frame_and_nothing_else_of_ours_may(server: Server) -> None:
    page, api = get(server, BASE).headers, get(server, f"{BELOW}/governance/api/v1/models").headers
    assert page["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in page["content-security-policy"]
    assert api["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in api["content-security-policy"]


@pytest.mark.parametrize(
    ("user", "forms"),
    [
        ("reader", set()),
        ("someone", {"promotion", "rollback"}),
        ("operator", {"promotion", "rollback"}),
        ("boss", {"promotion", "rollback"}),
    ],
)
def test_forms_are_offered_to_who_may(server: Server, user: str, forms: set[str]) -> None:
    page = get(server, f"{BASE}/models/{server.world.ids['model']}", user)
    assert set(re.findall(rf'href="{BELOW}/dags/(\w+)"', page.text)) == forms


def test_nobody_known_gets_a_page_that_says_so(server: Server) -> None:
    answer = get(server, BASE, None)
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert "Nobody known asks" in answer.text and "Log in to Airflow" in answer.text
    assert server.world.ids["model"] not in answer.text


def test_a_form_by_cookie_needs_its_origin_and_a_session(server: Server) -> None:
    path = f"{BASE}/alerts/{server.world.ids['incident_id']}/snooze"
    known = cookie(server.token("operator"))
    assert post(server, path, **known).status_code == 403
    assert post(server, path, **known, Origin="https://evil.example").status_code == 403
    ended = post(server, path, Origin=origin(server))
    assert ended.status_code == 401 and "What you sent was not taken" in ended.text
    taken = post(server, path, **known, Origin=origin(server))
    assert taken.status_code == 303
    assert taken.headers["location"] == path.removesuffix("/snooze")
