"""`/metrics` of the management API: who may read it, in which form, what of requests it counts."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from governance import Governance
from governance.api import create_app
from governance.errors import DatabaseUnavailableError
from tests.api.conftest import People, identify
from tests.api.test_models import statements
from tests.versions import registered

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


def samples(people: People, person: str = "admin") -> dict[tuple[str, frozenset[str]], float]:
    """By name, and the values of its labels but for the process."""
    answer = people[person]("GET", "/metrics", headers=OPENMETRICS)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    found: dict[tuple[str, frozenset[str]], float] = {}
    for family in text_string_to_metric_families(answer.text):  # type: ignore[no-untyped-call]
        for one in family.samples:
            labels = {key: value for key, value in one.labels.items() if key != "process"}
            found[one.name, frozenset(labels.values())] = one.value
    return found


def test_a_viewer_of_everything_may_read_it_and_nobody_less(people: People) -> None:
    for person, status in (("reader", 200), ("admin", 200), ("viewer", 403), ("stranger", 403)):
        assert people[person]("GET", "/metrics").status_code == status
    assert people[None]("GET", "/metrics").status_code == 401
    assert people["admin"]("GET", "/metrics").headers["content-type"].startswith("text/plain")


def test_a_token_is_enough(sqlite_gov: Governance) -> None:
    secret, _ = sqlite_gov.access.tokens.create("p", role="viewer", expires_in=None, by="ann")
    with TestClient(create_app(sqlite_gov)) as client:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200 and "governance_build_info" in answer.text
        assert client.get("/metrics").headers["www-authenticate"] == "Bearer"


def test_requests_are_counted_by_route_and_problem(sqlite_gov: Governance, people: People) -> None:
    registered(sqlite_gov, 1)
    admin = people["admin"]
    for _ in range(3):
        admin.get("/models/momentum")
    admin.get("/models/nothing")
    admin.get("/models/nothing-either")
    admin("BREW", "/models")
    admin("GET", "/no/such/route/" + "x" * 200)
    found = samples(people)
    route = "/api/v1/models/{model}"
    total = "governance_api_requests_total"
    assert found[total, frozenset({"GET", route, "200"})] == 3
    assert found[total, frozenset({"GET", route, "404"})] == 2
    assert found[total, frozenset({"other", "/api/v1/models", "405"})] == 1
    assert found[total, frozenset({"GET", "", "404"})] == 1
    assert found["governance_api_errors_total", frozenset({"not_found"})] == 3
    assert found["governance_api_errors_total", frozenset({"method_not_allowed"})] == 1
    seconds = "governance_api_request_duration_seconds"
    assert found[f"{seconds}_count", frozenset({"GET"})] == 6
    assert found[f"{seconds}_bucket", frozenset({"GET", "+Inf"})] == 6
    assert not any(
        "nothing" in value or "x" * 9 in value for _, values in found for value in values
    )


def test_what_breaks_is_counted_too(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch, people: People
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("nobody foresaw it")

    with monkeypatch.context() as patched:
        patched.setattr("governance.registry.overview.models", broken)
        assert people["admin"].get("/models").status_code == 500
    found = samples(people)
    assert found["governance_api_errors_total", frozenset({"internal_error"})] == 1
    key = frozenset({"GET", "/api/v1/models", "500"})
    assert found["governance_api_requests_total", key] == 1


def test_while_the_database_is_away_the_target_is_down(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch, people: People
) -> None:
    def away(*_: Any) -> Any:
        raise DatabaseUnavailableError("the database does not answer") from OperationalError(
            "", {}, Exception()
        )

    with monkeypatch.context() as patched:
        patched.setattr("governance.api.routes.metrics.read_installation", away)
        answer = people["admin"]("GET", "/metrics")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert people["admin"]("GET", "/metrics").status_code == 200


def test_twenty_models_take_as_many_statements_as_one(
    sqlite_gov: Governance, people: People
) -> None:
    asked = []
    for number in (1, 20):
        for seed in range(len(sqlite_gov.registry.list_models(limit=1000)), number):
            registered(sqlite_gov, seed, name=f"m{seed}")
        with statements(sqlite_gov) as found:
            assert people["admin"]("GET", "/metrics").status_code == 200
        asked.append(len(found))
    assert asked[0] == asked[1]


def test_two_apps_of_one_process_count_for_themselves(sqlite_gov: Governance) -> None:
    for _ in range(2):
        with TestClient(create_app(sqlite_gov, identify=identify)) as client:
            answer = client.get("/metrics", headers={"x-test-user": "admin"})
            assert "governance_api_requests_total{" not in answer.text  # its own comes after it
