"""`/metrics` of a serving process: what it answered, who answers, how its log stands."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from governance import Governance
from tests.serving.conftest import PREDICT, STATUS, in_production, token
from tests.versions import NAME, validated

Found = dict[tuple[str, frozenset[str]], float]


def samples(gov: Governance, client: TestClient) -> Found:
    headers = {**token(gov, "viewer"), "Accept": "application/openmetrics-text"}
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return {
        (one.name.removeprefix("governance_serving_"), frozenset(one.labels.values())): one.value
        for family in text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
        for one in family.samples
    }


def key(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return name, frozenset(labels)


def test_what_was_answered_refused_and_failed(sqlite_gov: Governance, client: TestClient) -> None:
    in_production(sqlite_gov)
    for _ in range(3):
        assert client.post(PREDICT, json={"rows": [[20, 0], [1, 2]]}).status_code == 200
    assert client.post(PREDICT, json={"rows": [["x"]]}).status_code == 422
    assert client.post("/api/v1/models/nothing/predict", json={"rows": []}).status_code == 404
    found = samples(sqlite_gov, client)
    assert found[key("requests_total", NAME, "answered")] == 3
    assert found[key("requests_total", NAME, "refused")] == 1
    assert found[key("requests_total", NAME, "failed")] == 0
    assert found[key("errors_total", NAME, "invalid_input")] == 1
    assert found[key("rows_total", NAME)] == 6
    assert found[key("request_duration_seconds_count", NAME)] == 3
    assert found[key("request_duration_seconds_bucket", NAME, "+Inf")] == 3
    assert 0 < found[key("request_duration_seconds_sum", NAME)] < 60
    assert not any("nothing" in labels for _, labels in found)


def test_to_have_nobody_who_answers_is_a_failure(
    sqlite_gov: Governance, client: TestClient
) -> None:
    validated(sqlite_gov)
    assert client.post(PREDICT, json={"rows": [[20, 0]]}).status_code == 503
    assert samples(sqlite_gov, client)[key("requests_total", NAME, "failed")] == 1


def test_who_answers_and_how_often_that_changed(sqlite_gov: Governance, client: TestClient) -> None:
    for seed, version, swaps in ((0, "1.0.0", 0), (1, "1.0.1", 1), (2, "1.0.2", 2)):
        in_production(sqlite_gov, seed)
        client.get(STATUS)
        found = samples(sqlite_gov, client)
        assert found[key("version_info", NAME, version)] == 1
        assert sum(name == "version_info" for name, _ in found) == 1
        assert found[key("generation", NAME)] == seed + 1
        assert found[key("swaps_total", NAME)] == swaps
        assert found[key("models", "serving")] == 1
    assert found[key("watcher_up")] == 1


def test_how_the_log_stands(sqlite_gov: Governance, client: TestClient) -> None:
    in_production(sqlite_gov)
    client.post(PREDICT, json={"rows": [[20, 0]] * 5})
    before = samples(sqlite_gov, client)
    assert (before[key("log_waiting_rows")], before[key("log_written_rows_total")]) == (5, 0)
    desk = client.app.state.desk  # type: ignore[attr-defined]
    desk.log.flush()
    desk.log.lost_rows = 7
    after = samples(sqlite_gov, client)
    assert (after[key("log_waiting_rows")], after[key("log_written_rows_total")]) == (0, 5)
    assert after[key("log_lost_rows_total")] == 7 and after[key("log_dropped_rows_total")] == 0


def test_an_error_of_ours_is_a_failure(
    sqlite_gov: Governance, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)
    client.get(STATUS)
    desk = client.app.state.desk  # type: ignore[attr-defined]

    def broken(_: object) -> None:
        raise RuntimeError("nobody foresaw it")

    monkeypatch.setattr(desk, "answering", broken)
    assert client.post(PREDICT, json={"rows": [[20, 0]]}).status_code == 500
    found = samples(sqlite_gov, client)
    assert found[key("requests_total", NAME, "failed")] == 1
    assert found[key("errors_total", NAME, "internal_error")] == 1


def test_models_beyond_the_bound_have_no_series(sqlite_gov: Governance, client: TestClient) -> None:
    for name in ("m1", "m2"):
        in_production(sqlite_gov, name=name)
        client.get(f"/api/v1/models/{name}/status")
    settings = sqlite_gov.settings.model_copy(update={"metrics_models": 1})
    sqlite_gov.settings = settings
    found = samples(sqlite_gov, client)
    assert found[key("models_left_out")] == 1
    assert found[key("models", "serving")] == 2
    assert not any("m2" in labels for _, labels in found)


def test_the_page_asks_the_database_for_the_token_alone(
    sqlite_gov: Governance, client: TestClient
) -> None:
    from tests.api.test_models import statements

    in_production(sqlite_gov)
    client.get(STATUS)
    headers = token(sqlite_gov, "viewer")
    client.get("/metrics", headers=headers)
    with statements(sqlite_gov) as found:
        assert client.get("/metrics", headers=headers).status_code == 200
    assert found == []
