"""Challengers beside the champion: computed later, logged apart, never in the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.errors import InvalidInputError
from governance.serving import create_app, shadows
from governance.serving.predicting import Predictor
from governance.values import ModelVersion
from tests.decisions.eligible import probed
from tests.model_bytes import model_bytes
from tests.serving.conftest import PREDICT, STATUS, calling, in_production
from tests.versions import NAME

ROWS = {"rows": [[20, 0], [1, 0]], "at": "2013-02-08T18:30:00Z"}


def challenger(gov: Governance, seed: int, **given: Any) -> ModelVersion:
    """In a trial; answers 9 and 12 where the champion answers 9 and 10."""
    path = gov.settings.home.parent / f"challenger-{seed}.txt"
    path.write_bytes(model_bytes(seed).replace(b"leaf_value=9 10", b"leaf_value=9 12"))
    version = gov.registry.register_model(
        NAME, model_path=path, model_type="lightgbm", created_by="ann", **given
    )
    probed(gov, gov.registry.transition(version, "validated", "ann", "looked at it"))
    gov.shadow.start_shadow_testing(version, by="ann")
    return gov.registry.resolve(version.id)


@pytest.fixture
def shadowed(sqlite_gov: Governance) -> Iterator[TestClient]:
    in_production(sqlite_gov)
    with calling(sqlite_gov, create_app(sqlite_gov, log_interval=60.0)) as client:
        yield client


def desk(client: TestClient) -> Any:
    return client.app.state.desk  # type: ignore[attr-defined]


def logged(gov: Governance, client: TestClient, place: str) -> list[dict[str, Any]]:
    desk(client).shadows.drain()
    assert desk(client).log.flush()
    folder = gov.settings.home / "predictions" / place
    tables = [pq.read_table(path) for path in folder.rglob("*.parquet")]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist() if tables else []
    return rows


def test_every_challenger_sees_what_the_champion_saw(
    sqlite_gov: Governance, shadowed: TestClient
) -> None:
    one, two = challenger(sqlite_gov, 1), challenger(sqlite_gov, 2)
    answer = shadowed.post(PREDICT, json=ROWS, headers={"Request-Id": "r1"})
    assert answer.json()["predictions"] == [10.0, 9.0]
    for version in (one, two):
        rows = logged(sqlite_gov, shadowed, f"challengers/{NAME}/{version.version}")
        assert [row["prediction"] for row in rows] == [12.0, 9.0]
        assert [row["champion_prediction"] for row in rows] == [10.0, 9.0]
        assert {row["governance_request"] for row in rows} == {"r1"}
    assert len(logged(sqlite_gov, shadowed, "champions")) == 2
    running = shadowed.get(STATUS).json()["shadows"]["running"]
    assert [(row["version"], row["scored_rows"]) for row in running] == [
        (one.version, 2),
        (two.version, 2),
    ]


def test_a_trial_that_ends_is_shadowed_no_more(
    sqlite_gov: Governance, shadowed: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.serving.trials.LOOK_SECONDS", 0.0)
    version = challenger(sqlite_gov, 1)
    shadowed.post(PREDICT, json=ROWS)
    sqlite_gov.shadow.stop_shadow_testing(version, by="ann", reason="enough")
    shadowed.post(PREDICT, json=ROWS)
    assert len(logged(sqlite_gov, shadowed, "challengers")) == 2


def test_a_full_queue_drops_and_counts_and_the_answer_is_there_all_the_same(
    sqlite_gov: Governance, shadowed: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenger(sqlite_gov, 1)
    go_on = threading.Event()
    real = shadows.rows_for

    def waiting(*given: Any) -> Any:
        go_on.wait(20)
        return real(*given)

    monkeypatch.setattr(shadows, "rows_for", waiting)
    shadowed.post(PREDICT, json=ROWS)
    desk(shadowed).shadows._most_cells = 5  # the first one holds six of them
    for _ in range(3):
        assert shadowed.post(PREDICT, json=ROWS).json()["predictions"] == [10.0, 9.0]
    go_on.set()
    assert shadowed.get(STATUS).json()["shadows"]["dropped_rows"] == 6
    assert len(logged(sqlite_gov, shadowed, "challengers")) == 2


def test_a_challenger_that_fails_is_named(
    sqlite_gov: Governance, shadowed: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = challenger(sqlite_gov, 1)
    shadowed.post(PREDICT, json=ROWS)
    desk(shadowed).shadows.drain()
    real = Predictor.__call__
    [loaded] = desk(shadowed).champions.trials.of(NAME)

    def fails(self: Predictor, matrix: Any) -> Any:
        if self is loaded.predictor:
            raise InvalidInputError("it cannot")
        return real(self, matrix)

    monkeypatch.setattr(Predictor, "__call__", fails)
    assert shadowed.post(PREDICT, json=ROWS).status_code == 200
    desk(shadowed).shadows.drain()
    [told] = shadowed.get(STATUS).json()["shadows"]["running"]
    assert told == {
        "version": version.version,
        "scored_rows": 2,
        "failed_rows": 2,
        "problem": "it cannot",
    }


def test_a_challenger_takes_the_columns_in_its_own_order(
    sqlite_gov: Governance, shadowed: TestClient
) -> None:
    path = sqlite_gov.settings.home.parent / "turned.txt"
    text = model_bytes(5).replace(b"momentum volume", b"volume momentum")
    path.write_bytes(text)  # it splits on its first column, which is the volume
    version = sqlite_gov.registry.register_model(
        NAME, model_path=path, model_type="lightgbm", created_by="ann"
    )
    probed(sqlite_gov, sqlite_gov.registry.transition(version, "validated", "ann", "seen"))
    sqlite_gov.shadow.start_shadow_testing(version, by="ann")
    shadowed.post(PREDICT, json=ROWS)
    rows = logged(sqlite_gov, shadowed, "challengers")
    assert [row["prediction"] for row in rows] == [9.0, 9.0]
    assert [row["momentum"] for row in rows] == [20.0, 1.0]


def test_a_challenger_that_cannot_be_loaded_is_named_and_disturbs_nobody(
    sqlite_gov: Governance, shadowed: TestClient
) -> None:
    version = challenger(sqlite_gov, 1)
    [member] = (sqlite_gov.settings.home / version.artifact_path).glob("model.*")
    member.unlink()
    assert shadowed.post(PREDICT, json=ROWS).status_code == 200
    told = shadowed.get(STATUS).json()["shadows"]["not_loaded"]
    assert list(told) == [version.version]
    assert "artifact_missing" in told[version.version]
