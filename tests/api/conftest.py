"""Clients of the management API: one for each role, on a real Governance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request

from governance import Governance
from governance.access.roles import Grant, Identity, Role
from governance.api import create_app
from governance.errors import UnauthenticatedError

OURS = "momentum*"
AT_ROOT = {"/", "/metrics"}  # paths that do not begin with /api/v1
WHO = "x-test-user"

PEOPLE: dict[str, tuple[Grant, ...]] = {
    "viewer": (Grant(Role.VIEWER, OURS),),
    "operator": (Grant(Role.OPERATOR, OURS),),
    "approver": (Grant(Role.APPROVER, OURS),),
    "admin": (Grant(Role.ADMIN),),
    "stranger": (Grant(Role.ADMIN, "other-team-*"),),
    "reader": (Grant(Role.VIEWER),),
}


def identify(request: Request) -> Identity:
    name = request.headers.get(WHO)
    if name not in PEOPLE:
        raise UnauthenticatedError("nobody known asks; give a token")
    return Identity(name=name, grants=PEOPLE[name], kind="token")


@dataclass(frozen=True)
class As:
    """Requests as one person; every problem has the shape that all have."""

    client: TestClient
    person: str | None

    def __call__(self, method: str, path: str, **given: Any) -> Any:
        headers = {**given.pop("headers", {})}
        if self.person is not None:
            headers[WHO] = self.person
        whole = path if path in AT_ROOT else f"/api/v1{path}"
        answer = self.client.request(
            method, whole, headers=headers, follow_redirects=False, **given
        )
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", answer.text
            said = answer.json()
            assert said["status"] == answer.status_code and said["code"] and said["detail"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]
        return answer

    def get(self, path: str, **params: Any) -> Any:
        return self("GET", path, params=params)

    def post(self, path: str, json: Any = None, **given: Any) -> Any:
        return self("POST", path, json={} if json is None else json, **given)


@dataclass(frozen=True)
class People:
    client: TestClient

    def __getitem__(self, person: str | None) -> As:
        return As(self.client, person)

    @property
    def names(self) -> Sequence[str]:
        return tuple(PEOPLE)


@pytest.fixture
def people(sqlite_gov: Governance) -> Iterator[People]:
    app = create_app(sqlite_gov, identify=identify)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield People(client)


@pytest.fixture
def admin(people: People) -> As:
    return people["admin"]


@pytest.fixture
def operator(people: People) -> As:
    return people["operator"]


@pytest.fixture
def viewer(people: People) -> As:
    return people["viewer"]


@pytest.fixture
def nobody(people: People) -> As:
    return people[None]
