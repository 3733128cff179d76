"""Names, methods and headers at the edge of HTTP, on every route of the serving API."""

from __future__ import annotations

import gzip
import json

import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.serving import ServingLimits, create_app
from governance.serving.guard import GuardedRoute
from governance.serving.routes import router
from tests.odd_requests import (
    ODD_NAMES,
    SMUGGLED,
    addresses,
    ambiguous,
    answers_to,
    check_refusal,
    methods,
)
from tests.serving.conftest import PREDICT, Running, in_production, token
from tests.versions import NAME, head

ROUTES = [route for route in router.routes if isinstance(route, GuardedRoute)]
GOOD = {"rows": [[20, 0]]}
QUICK = ServingLimits(body_seconds=0.5)


@pytest.fixture
def headers(sqlite_gov: Governance) -> dict[str, str]:
    in_production(sqlite_gov)
    return token(sqlite_gov, "admin")


def test_an_odd_name_is_nothing_and_changes_nothing(
    client: TestClient, headers: dict[str, str], sqlite_gov: Governance
) -> None:
    before = head(sqlite_gov)
    for route in ROUTES:
        if "{" not in route.path:
            continue
        (method,) = route.methods
        body = {"json": GOOD} if method == "POST" else {}
        for what, odd in ODD_NAMES.items():
            for address in addresses(route.path, odd, {"model": NAME}):
                answer = client.request(method, address, headers=headers, **body)  # type: ignore[arg-type]
                where = f"{what}: {method} {address[:200]}"
                assert answer.status_code in (404, 405, 422), (where, answer.text)
                check_refusal(answer, where)
    assert head(sqlite_gov) == before
    assert not list((sqlite_gov.settings.home / "predictions").rglob("*.parquet"))


def test_other_methods_are_refused_with_those_that_there_are(
    client: TestClient, headers: dict[str, str]
) -> None:
    for route in ROUTES:
        methods(client, route.path.replace("{model}", NAME), set(route.methods), headers)


def test_a_request_with_two_ends_is_one_request(
    sqlite_gov: Governance, headers: dict[str, str]
) -> None:
    bearer = token(sqlite_gov)["Authorization"]
    with Running(create_app(sqlite_gov, log_interval=60.0, limits=QUICK)) as server:
        for what, sent in ambiguous(PREDICT, bearer).items():
            statuses, told = answers_to(server.port, sent)
            assert b'"live"' not in told, what
            assert len(statuses) == 1 and set(statuses) <= {400, 413, 415, 422}, (what, told)
        statuses, _ = answers_to(server.port, SMUGGLED)
        assert statuses == [200]


def test_a_parameter_twice_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    at = "at=2013-01-01T00:00:00Z"
    twice = client.post(f"{PREDICT}?{at}&{at}", json=GOOD, headers=headers)
    assert (twice.status_code, twice.json()["code"]) == (422, "invalid_input")
    listed = client.get(f"/api/v1/models/{NAME}/versions?limit=1&limit=2", headers=headers)
    assert (listed.status_code, listed.json()["code"]) == (422, "invalid_input")
    unknown = client.post(f"{PREDICT}?now=1", json=GOOD, headers=headers)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_input")


def test_no_path_is_redirected(client: TestClient) -> None:
    for headers in ({}, token(client.app.state.desk.gov)):  # type: ignore[attr-defined]
        answer = client.post(f"{PREDICT}/", json=GOOD, headers=headers, follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_body_that_is_packed_on_the_way_is_not_read(
    client: TestClient, headers: dict[str, str]
) -> None:
    body = json.dumps(GOOD).encode()
    for packing, sent, status in (("gzip", gzip.compress(body), 415), ("identity", body, 200)):
        kind = {"Content-Type": "application/json", "Content-Encoding": packing}
        answer = client.post(PREDICT, content=sent, headers={**headers, **kind})
        assert answer.status_code == status, answer.text
