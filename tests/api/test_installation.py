"""Policy, audit log, configuration, jobs and the API's own document."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.api import create_app
from governance.api.jobs import MAX_OPEN, MAX_OPEN_EACH, Jobs
from governance.api.shapes import history, shadow
from governance.api.shapes.parts import Asked, Shown
from governance.errors import (
    BacktestWindowError,
    IdempotencyConflictError,
    NotFoundError,
    RateLimitedError,
    UnavailableError,
)
from governance.settings import Settings
from tests.api.conftest import As, People, identify
from tests.api.test_models import statements
from tests.api.world import build
from tests.decisions.eligible import policy, promoted
from tests.versions import NAME, head, registered

FIRST = f"/models/{NAME}/versions/1.0.0"


def test_the_policy_is_shown_explained_checked_and_tried(
    sqlite_gov: Governance, people: People
) -> None:
    policy(sqlite_gov)
    promoted(sqlite_gov, 1)
    policy(sqlite_gov, "max_avg_latency_ms: 5")
    viewer = people["viewer"]
    said = viewer.get(f"/models/{NAME}/policy").json()
    assert said["limits"]["max_avg_latency_ms"] == 5 and said["problem"] is None
    asked = {"overrides": {"max_avg_latency_ms": 9.0}}
    other = viewer.post(f"/models/{NAME}/policy/explain", asked).json()
    assert other["origins"]["max_avg_latency_ms"] == "request"
    assert other["loosened"] == ["max_avg_latency_ms"]
    wrong = viewer.post(f"/models/{NAME}/policy/explain", {"overrides": {"min_sharp": 1}})
    assert wrong.status_code == 422
    text = {"policy": "kinds: {trading: {min_sharp: 1}}"}
    refused = viewer.post("/policy/check", text)
    assert (refused.status_code, refused.json()["code"]) == (422, "config_invalid")
    assert "1:19" in refused.json()["detail"]
    stricter = {"policy": "kinds: {trading: {min_soak_hours: 24}}"}
    assert viewer.post("/policy/check", stricter).json()["models"] == []
    before = head(sqlite_gov)
    tried = viewer.post(f"/models/{NAME}/policy/backtest", stricter).json()
    assert tried["judged"] == 1 and len(tried["flips"]) == 1
    assert viewer.post("/policy/backtest", stricter).status_code == 403  # all models at once
    assert people["admin"].post("/policy/backtest", stricter).json()["judged"] == 1
    assert head(sqlite_gov) == before + 1  # the refusal


def test_the_audit_log_of_a_model_and_of_all(sqlite_gov: Governance, people: People) -> None:
    registered(sqlite_gov, 1)
    registered(sqlite_gov, 2, name="other-team-x")
    own = people["viewer"].get(f"/models/{NAME}/audit").json()["items"]
    assert {entry["model"] for entry in own} == {NAME}
    assert people["viewer"].get("/audit").status_code == 403
    reader = people["reader"]
    page = reader.get("/audit", limit=1).json()
    (second,) = reader.get("/audit", limit=1, cursor=page["next_cursor"]).json()["items"]
    assert (page["items"][0]["seq"], second["seq"]) == (1, 2)
    (whole,) = {entry["actor"] for entry in own}
    assert people["viewer"].get(f"/models/{NAME}/audit", actor=whole).json()["items"] == own
    assert people["viewer"].get(f"/models/{NAME}/audit", actor="eve").json()["items"] == []
    assert people["viewer"].get("/audit", actor="viewer").status_code == 403
    mine = reader.get("/audit", actor="viewer").json()["items"]  # that they were refused
    assert {(entry["actor"], entry["action"]) for entry in mine} == {("viewer", "access.denied")}
    assert reader.get("/audit", actor="a\nb").status_code == 422
    verified = reader.get("/audit/verify").json()
    assert verified["intact"] and verified["head"] == sqlite_gov.audit.verify().head
    with sqlite_gov.database.begin() as tx:
        for name in ("audit_log_no_update", "audit_log_no_delete"):
            tx.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        triggers = tx.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
        ).scalars()
        for name in list(triggers):
            tx.exec_driver_sql(f'DROP TRIGGER "{name}"')
        tx.exec_driver_sql("UPDATE audit_log SET actor = 'eve' WHERE seq = 1")
    broken = reader.get("/audit/verify")
    assert (broken.status_code, broken.json()["code"], broken.json()["seq"]) == (
        409,
        "audit_chain",
        1,
    )


def test_the_configuration_has_no_secret_in_it(tmp_path: Path) -> None:
    settings = Settings.load(
        home=tmp_path / "home",
        smtp_url="smtp://ann:hunter2@mail.example.com:587?from=a@example.com",
    )
    with (
        Governance.open(settings=settings) as gov,
        TestClient(create_app(gov, identify=identify)) as client,
    ):
        answer = People(client)["admin"].get("/config")
        assert "hunter2" not in answer.text and "ann:" not in answer.text
        said = answer.json()["settings"]
        assert said["smtp_url"] == "smtp://mail.example.com"
        assert said["home"] == str(tmp_path / "home")


def test_the_document_and_its_page_are_for_who_is_known(people: People) -> None:
    document = people["viewer"].get("/openapi.json").json()
    assert document["paths"]["/api/v1/models/{model}"]["get"]["x-right"] == "models.read"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"] and operation["tags"], path
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]
            body = operation.get("requestBody")
            if body is not None and "application/json" in body["content"]:
                assert method == "post"
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Asked"):
            assert schema.get("examples") or name == "StatsAsked", name
    page = people["viewer"].get("/docs")
    assert "<script" not in page.text and "/api/v1/models" in page.text


def test_a_back_test_is_a_job(
    sqlite_gov: Governance, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(sqlite_gov)
    window = {"start": "2013-01-01T00:00:00Z", "end": "2013-02-01T00:00:00Z"}
    operator = people["operator"]
    key = {"Idempotency-Key": "b1"}
    asked = operator.post(f"{FIRST}/backtest", window, headers=key)
    assert asked.status_code == 202
    assert asked.headers["location"] == f"/api/v1/jobs/{asked.json()['id']}"
    assert (
        operator.post(f"{FIRST}/backtest", window, headers=key).json()["id"] == asked.json()["id"]
    )
    other = {**window, "end": "2013-03-01T00:00:00Z"}
    assert operator.post(f"{FIRST}/backtest", other, headers=key).status_code == 409
    path = f"/jobs/{asked.json()['id']}"
    _finished(people)
    said = people["viewer"].get(path).json()
    # It is declared nowhere, so it fails, with the code that the library gives.
    assert (said["state"], said["problem"]["code"]) == ("failed", "config_invalid")
    assert people["stranger"].get(path).status_code == 404
    # A restart forgets it.
    with TestClient(create_app(sqlite_gov, identify=identify)) as client:
        assert People(client)["operator"].get(path).status_code == 404


def _finished(people: People) -> None:
    """Jobs run one after the other: once this one is over, the earlier ones are."""
    app: Any = people.client.app
    over = threading.Event()

    def work() -> dict[str, Any]:
        over.set()
        return {}

    app.state.jobs.start(
        work, kind="backtest", model=NAME, version="", by="x", arguments=None, key=None
    )
    assert over.wait(30)


def test_jobs_are_bounded_and_keep_what_came_out() -> None:
    jobs, gate = Jobs(), threading.Event()
    common: dict[str, Any] = {"kind": "backtest", "model": "m", "version": "1.0.0", "by": "ann"}

    def waits() -> dict[str, Any]:
        assert gate.wait(30)
        return {"rows": 1}

    def refuses() -> dict[str, Any]:
        raise BacktestWindowError("the window is empty")

    first = jobs.start(waits, arguments=1, key="k", **common)
    assert jobs.start(waits, arguments=1, key="k", **common).id == first.id
    with pytest.raises(IdempotencyConflictError):
        jobs.start(waits, arguments=2, key="k", **common)
    failing = jobs.start(refuses, arguments=2, key=None, **common)
    odd = jobs.start(lambda: 1 / 0, arguments=3, key=None, **common)  # type: ignore[arg-type, return-value]
    for number in range(3, MAX_OPEN_EACH):
        jobs.start(waits, arguments=number, key=None, **common)
    with pytest.raises(RateLimitedError):
        jobs.start(waits, arguments=98, key=None, **common)
    common["by"] = "max"  # one caller does not keep another from theirs
    for number in range(MAX_OPEN_EACH, MAX_OPEN):
        jobs.start(waits, arguments=number, key=None, **common)
    with pytest.raises(UnavailableError):
        jobs.start(waits, arguments=99, key=None, **{**common, "by": "eve"})
    gate.set()
    pool = jobs._pool
    assert pool is not None
    pool.shutdown(wait=True)
    done = jobs.get(first.id)
    assert (done.state, done.result) == ("done", {"rows": 1})
    assert done.finished_at is not None and done.finished_at <= datetime.now(UTC)
    said = jobs.get(failing.id)
    assert said.state == "failed" and said.problem is not None
    assert said.problem["code"] == "backtest_window"
    hidden = jobs.get(odd.id)
    assert hidden.problem is not None and "ZeroDivision" not in str(hidden.problem)
    with pytest.raises(NotFoundError):
        jobs.get("nothing")
    jobs.close()


def test_every_list_asks_as_often_for_many_models_as_for_one(
    sqlite_gov: Governance, admin: As
) -> None:
    paths = (
        "/models",
        "/versions",
        "/decisions",
        "/approvals",
        "/shadow",
        "/drift/reports",
        "/drift/alerts",
        "/alerts",
        "/dashboard",
        "/audit",
    )
    asked: dict[str, list[int]] = {path: [] for path in paths}
    for number in (1, 6):
        for more in range(number):
            name = f"momentum-{more}"
            if not sqlite_gov.registry.list_models(name):
                build(sqlite_gov, name)
        for path in paths:
            with statements(sqlite_gov) as found:
                assert admin.get(path).status_code == 200
            asked[path].append(len(found))
    assert all(one == many for one, many in asked.values()), asked


def test_every_shape_that_is_asked_or_answered_has_an_example_that_fits() -> None:
    """A page is shown by its items, the dashboard by what stands in it."""
    document = create_app().openapi()
    schemas = document["components"]["schemas"]
    whole = [name for name in schemas if not name.startswith(("Page_", "Body_"))]
    without = {name for name in whole if not schemas[name].get("examples")}
    parts = {"CheckShown", "FlipShown", "StatsAsked"}
    words = {name for name in without if "enum" in schemas[name]}
    assert without - words == {"DashboardShown"} | parts
    for module in (history, shadow):
        for shape in vars(module).values():
            if isinstance(shape, type) and issubclass(shape, Shown | Asked):
                for one in shape.model_json_schema().get("examples", ()):
                    shape.model_validate_json(json.dumps(one))
