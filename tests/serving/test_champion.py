"""Who answers after a promotion, a rollback, a change of features, or damage on the disk."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from governance import Governance
from governance.errors import DatabaseUnavailableError
from governance.serving import create_app, lookups
from governance.values import ModelVersion
from tests.serving.conftest import PREDICT, STATUS, Running, calling, in_production, until
from tests.versions import NAME

ROWS = {"rows": [[20, 0]]}


def damage(gov: Governance, version: ModelVersion) -> bytes:
    """Change a byte of its artifact; what was there before."""
    [path] = (gov.settings.home / version.artifact_path).glob("model.*")
    before = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(before.replace(b"leaf_value=9 10", b"leaf_value=9 99"))
    return before


def restore(gov: Governance, version: ModelVersion, data: bytes) -> None:
    [path] = (gov.settings.home / version.artifact_path).glob("model.*")
    path.write_bytes(data)


def declare(gov: Governance, *names: str) -> None:
    """``governance.yaml`` with a model whose features are these columns."""
    definitions = "".join(
        f'\n            - {{name: {one}, version: "1", dependencies: [{one}]}}' for one in names
    )
    path = gov.settings.config_path
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"""
    models:
      {NAME}:
        kind: regressor
        owner: quant
        source: {{function: "governance.training.flights:flights"}}
        label: {{function: "governance.training.flights:late_arrival"}}
        features:
          inputs: [{", ".join(names)}]
          definitions:{definitions}
        trainer: {{function: "governance.training.trainers.lightgbm:train"}}
        splits: {{method: time}}
        metrics: [rmse]
    """
    path.write_text(textwrap.dedent(text))


def graph(*names: str) -> dict[str, object]:
    return {
        "inputs": list(names),
        "definitions": [
            {"name": one, "version": "1", "dependencies": [one], "logic": "column"} for one in names
        ],
    }


def test_a_promotion_and_a_rollback_change_who_answers(
    sqlite_gov: Governance, client: TestClient
) -> None:
    first, second = in_production(sqlite_gov, 0), in_production(sqlite_gov, 1)
    assert client.post(PREDICT, json=ROWS).json()["version"] == second.version
    sqlite_gov.promotion.rollback_model(NAME, to_version=first.version, by="eve", reason="bad")
    answer = client.post(PREDICT, json=ROWS).json()
    assert (answer["version"], answer["generation"]) == (first.version, 3)


def test_damaged_bytes_leave_the_old_champion_answering_and_say_so(
    sqlite_gov: Governance, client: TestClient
) -> None:
    first = in_production(sqlite_gov, 0)
    assert client.post(PREDICT, json=ROWS).status_code == 200
    second = in_production(sqlite_gov, 1)
    data = damage(sqlite_gov, second)
    assert client.post(PREDICT, json=ROWS).json()["version"] == first.version
    status = client.get(STATUS).json()
    assert (status["state"], status["wanted"]) == ("stale", second.ref)
    assert status["problem"]["code"] == "artifact_integrity"
    assert client.get("/api/v1/health/ready").json()["status"] == "degraded"
    restore(sqlite_gov, second, data)
    reloaded = client.post(f"/api/v1/models/{NAME}/reload").json()
    assert (reloaded["state"], reloaded["serving"]["version"]) == ("serving", second.version)
    assert client.post(PREDICT, json=ROWS).json()["version"] == second.version


def test_without_an_old_one_nobody_answers(sqlite_gov: Governance, client: TestClient) -> None:
    damage(sqlite_gov, in_production(sqlite_gov))
    answer = client.post(PREDICT, json=ROWS)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "artifact_integrity" in answer.json()["detail"]
    assert "retry-after" in answer.headers


def test_a_failed_champion_without_a_target_answers_no_more(
    sqlite_gov: Governance, client: TestClient
) -> None:
    version = in_production(sqlite_gov)
    assert client.post(PREDICT, json=ROWS).status_code == 200
    damage(sqlite_gov, version)
    sqlite_gov.health.check(NAME)
    answer = client.post(PREDICT, json=ROWS)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_production_version")


def test_changed_features_block_until_a_version_has_them(
    sqlite_gov: Governance, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(sqlite_gov, "momentum", "volume")
    old = graph("momentum", "volume")
    first = in_production(sqlite_gov, 0, features=old)
    assert client.post(PREDICT, json=ROWS).status_code == 200
    declare(sqlite_gov, "momentum", "turnover")
    refused = client.post(PREDICT, json=ROWS)
    assert (refused.status_code, refused.json()["code"]) == (409, "feature_graph_mismatch")
    assert "feature volume is missing" in refused.json()["detail"]
    assert "feature turnover is new" in refused.json()["detail"]
    assert client.get(STATUS).json()["state"] == "blocked"
    new = in_production(sqlite_gov, 1, features=graph("momentum", "turnover"))
    assert client.post(PREDICT, json=ROWS).json()["version"] == new.version
    sqlite_gov.promotion.rollback_model(NAME, to_version=first.version, by="eve", reason="bad")
    assert client.post(PREDICT, json=ROWS).status_code == 409
    monkeypatch.setenv("ALLOW_FEATURE_MISMATCH", "1")
    client.post(f"/api/v1/models/{NAME}/reload")
    assert client.post(PREDICT, json=ROWS).status_code == 200


def test_a_broken_governance_yaml_changes_nothing(
    sqlite_gov: Governance, client: TestClient
) -> None:
    declare(sqlite_gov, "momentum", "volume")
    in_production(sqlite_gov, 0, features=graph("momentum", "volume"))
    assert client.post(PREDICT, json=ROWS).status_code == 200
    sqlite_gov.settings.config_path.write_text("models: [")
    assert client.post(PREDICT, json=ROWS).status_code == 200


def test_changed_data_block_and_missing_data_do_not(
    sqlite_gov: Governance, client: TestClient, tmp_path: Path
) -> None:
    data = tmp_path / "train.csv"
    data.write_text("momentum,volume\n1,2\n")
    in_production(sqlite_gov, 0, dataset_paths=[data])
    assert client.post(PREDICT, json=ROWS).status_code == 200
    assert client.get(STATUS).json()["serving"]["dataset"] == "same"
    in_production(sqlite_gov, 1, dataset_paths=[data])
    data.write_text("momentum,volume\n1,3\n")
    refused = client.post(PREDICT, json=ROWS)
    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_mismatch")
    assert "Dataset hash mismatch" in refused.json()["detail"]
    data.unlink()
    client.post(f"/api/v1/models/{NAME}/reload")
    assert client.post(PREDICT, json=ROWS).status_code == 200
    assert client.get(STATUS).json()["serving"]["dataset"] == "unavailable"


def test_a_database_that_is_away_stops_nobody_who_was_there(
    sqlite_gov: Governance, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_production(sqlite_gov)
    assert client.post(PREDICT, json=ROWS).status_code == 200

    def away(*_: object) -> None:
        raise DatabaseUnavailableError("the database is away")

    monkeypatch.setattr(lookups, "live", away)
    assert client.post(PREDICT, json=ROWS).status_code == 200
    assert client.get(STATUS).json()["watcher_problem"] == "the database is away"
    unknown = client.post("/api/v1/models/other/predict", json=ROWS)
    assert (unknown.status_code, unknown.json()["code"]) == (503, "database_unavailable")


def test_a_fresh_home_is_ready_and_the_first_champion_is_found(gov: Governance) -> None:
    app = create_app(gov)
    with Running(app) as server, calling(gov, app) as client:
        assert server.port and client.get("/api/v1/health/live").json() == {"status": "live"}
        assert client.get("/api/v1/health/ready").json()["status"] == "ready"
        in_production(gov)
        champions = app.state.desk.champions
        until(lambda: (s := champions.slot(NAME)) is not None and s.state == "serving")
        second = in_production(gov, 1)
        until(lambda: champions.of(NAME).version.id == second.id)


def test_only_the_models_that_match_are_served(sqlite_gov: Governance) -> None:
    in_production(sqlite_gov)
    app = create_app(sqlite_gov, models=["team-*"])
    with calling(sqlite_gov, app) as client:
        assert client.post(PREDICT, json=ROWS).status_code == 404
        assert client.get("/api/v1/health/ready").json()["models"]["models"] == 0


def test_one_query_a_look_however_many_models(sqlite_gov: Governance) -> None:
    app = create_app(sqlite_gov)
    in_production(sqlite_gov)
    champions = app.state.desk.champions
    champions.look()
    asked: list[str] = []
    event.listen(
        sqlite_gov.database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: asked.append(statement),
    )
    champions.look()
    assert len(asked) == 1
