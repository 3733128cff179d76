"""The mount under the FAB auth manager: its roles, roles of somebody's own, and public access.

The server runs with `[fab] auth_role_public = Admin`: Airflow itself lets everybody do everything.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.access.roles import Role
from tests.plugin.conftest import ROOT, Server, serving, signed
from tests.plugin.test_simple_auth import OURS, ROLES, cookie, four_steps

READ, RUN, EDIT = "can_read", "can_create", "can_edit"
SEES = [(READ, "DAGs"), (READ, "DAG Runs")]
STARTS = [*SEES, (EDIT, "DAGs"), (RUN, "DAG Runs")]
CHANGES = [(EDIT, "Connections"), (EDIT, "Variables")]

# Role in Airflow, permissions where it is a role of one's own, and what it is here.
PEOPLE = {
    "reader": ("Viewer", None, Role.VIEWER),
    "someone": ("User", None, Role.OPERATOR),
    "operator": ("Op", None, Role.APPROVER),
    "boss": ("Admin", None, Role.ADMIN),
    "passer-by": ("Public", None, None),
    "quant": ("Quants", STARTS, Role.OPERATOR),
    "risk": ("Risk desk", [*STARTS, *CHANGES], Role.APPROVER),
    "chief": ("Chiefs", [*STARTS, *CHANGES, (EDIT, "Roles")], Role.ADMIN),
    "one-dag": ("One DAG", [(READ, "DAG:promote"), (EDIT, "DAG:promote")], None),
    "keeper": ("Keepers", [*CHANGES, (EDIT, "Roles")], None),
    "pretender": ("admin", SEES, Role.VIEWER),
}
PASSWORDS = {name: f"{name}-password" for name in PEOPLE}


@pytest.fixture(scope="module")
def server(airflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fab")
    database = str(folder / "governance" / "governance.db")
    with serving(
        folder,
        airflow_template,
        {name: (role, permissions) for name, (role, permissions, _) in PEOPLE.items()},
        PASSWORDS,
        AIRFLOW__CORE__AUTH_MANAGER=(
            "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
        ),
        AIRFLOW__FAB__AUTH_ROLE_PUBLIC="Admin",
        AIRFLOW__FAB__CACHE_TTL="0",
        # Found by the connection alone: the home that the settings name is another.
        GOVERNANCE_HOME=str(folder / "another"),
        AIRFLOW_CONN_GOVERNANCE_DB=json.dumps({"conn_type": "sqlite", "host": database}),
    ) as running:
        yield running


def test_the_page_has_the_table_that_holds() -> None:
    page = (ROOT / "docs" / "how-to" / "give-access.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    steps = [row for row in rows if row[-1] in tuple(Role)]
    assert {row[1].strip("`"): Role(row[3]) for row in steps} == {
        ROLES[user]: role for user, role in OURS.items()
    }
    shipped = {row[2].partition(" ")[0]: Role(row[3]) for row in steps}
    assert shipped == {role: ours for role, own, ours in PEOPLE.values() if own is None and ours}


@pytest.mark.parametrize("user", list(PEOPLE))
def test_what_airflow_permits_is_a_role_here(server: Server, user: str) -> None:
    held = PEOPLE[user][2]
    for needed, (method, path, given) in four_steps(server).items():
        answer = server.as_user(user, method, path, **given)
        if held is not None and held.includes(needed):
            assert answer.status_code not in (401, 403), (path, answer.text)
        else:
            assert answer.status_code == 403, (path, answer.text)


def test_public_access_of_airflow_is_none_here(server: Server) -> None:
    assert server.client.get("/api/v2/pools").status_code == 200  # Airflow lets everybody in
    for method, path, given in four_steps(server).values():
        answer = server.ask(method, f"/api/v1{path}", **given)
        assert answer.status_code == 401 and "without a name" in answer.json()["detail"]


def test_a_cookie_is_a_person_and_needs_an_origin_to_write(server: Server) -> None:
    method, path, given = four_steps(server)[Role.OPERATOR]
    session = cookie(server.token("someone"))
    assert server.ask("GET", "/api/v1/models", headers=session).status_code == 200
    foreign = session | {"Origin": "https://evil.example"}
    assert server.ask(method, f"/api/v1{path}", headers=foreign, **given).status_code == 403
    own = session | {"Origin": server.address}
    assert server.ask(method, f"/api/v1{path}", headers=own, **given).status_code == 200


@pytest.mark.parametrize(
    "token",
    [
        signed(exp=1_000_000_000, sub="1"),
        signed(iss="https://somebody.else.invalid", sub="1"),
        signed(sub="999999"),
        signed(sub="boss"),
    ],
    ids=["expired", "issuer", "no-such-user", "no-id"],
)
def test_a_bad_token_lets_nobody_in(server: Server, token: str) -> None:
    assert server.ask("GET", "/api/v1/models", token).status_code == 401


def test_a_role_that_is_taken_away_is_gone_and_so_is_who_is_switched_off(server: Server) -> None:
    method, path, given = four_steps(server)[Role.OPERATOR]
    assert server.as_user("quant", method, path, **given).status_code in (200, 409)
    less = server.client.patch(
        "/auth/fab/v1/users/quant?update_mask=roles",
        json={"roles": [{"name": "Viewer"}]},
        headers={"Authorization": f"Bearer {server.token('boss')}"},
    )
    assert less.status_code == 200, less.text
    assert server.as_user("quant", method, path, **given).status_code == 403
    assert server.as_user("quant", "GET", "/models").status_code == 200
    with sqlite3.connect(server.airflow / "airflow.db") as connection:
        connection.execute("UPDATE ab_user SET active = 0 WHERE username = 'quant'")
    connection.close()
    assert server.as_user("quant", "GET", "/models").status_code == 401
