"""POST predict: rows in every form, answered by the champion."""

from __future__ import annotations

import io
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from governance import Governance
from governance.registry.features import FeatureGraph
from tests.registry.lightgbm_models import booster, features
from tests.serving.conftest import PREDICT, STATUS, in_production
from tests.versions import NAME

ARROW = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"


def arrow(table: pa.Table, form: str = ARROW) -> bytes:
    sink = io.BytesIO()
    if form == PARQUET:
        pq.write_table(table, sink)
        return sink.getvalue()
    new = pa.ipc.new_file if form == ARROW_FILE else pa.ipc.new_stream
    with new(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def scores(model: lightgbm.Booster, matrix: Any) -> Any:
    """As JSON has them."""
    return np.asarray(model.predict(matrix)).tolist()


def table_in(content: bytes, form: str) -> pa.Table:
    if form == PARQUET:
        return pq.read_table(io.BytesIO(content))
    opened = pa.ipc.open_file if form == ARROW_FILE else pa.ipc.open_stream
    return opened(pa.py_buffer(content)).read_all()


def register(gov: Governance, model: object, **given: Any) -> None:
    version = gov.registry.register_model(NAME, model, model_type="test", created_by="ann", **given)
    gov.registry.transition(version, "validated", "ann", "looked at it")
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="a test")


def test_the_champion_answers_and_says_who_it_is(
    sqlite_gov: Governance, client: TestClient
) -> None:
    version = in_production(sqlite_gov)
    rows = [{"momentum": 20.0, "volume": 3}, {"volume": 1, "momentum": 1}]
    answer = client.post(PREDICT, json={"rows": rows}, headers={"Request-Id": "mine-1"})
    assert answer.status_code == 200
    assert answer.json() == {
        "model": NAME,
        "version": version.version,
        "version_id": version.id,
        "generation": 1,
        "request_id": "mine-1",
        "predictions": [10.0, 9.0],
    }
    assert answer.headers["model-version"] == version.version
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_lists_come_in_the_order_of_the_features_or_as_columns_says(
    sqlite_gov: Governance, client: TestClient
) -> None:
    in_production(sqlite_gov)
    plain = client.post(PREDICT, json={"rows": [[20, 0], [0, 20]]})
    turned = client.post(
        PREDICT, json={"columns": ["volume", "momentum"], "rows": [[20, 0], [0, 20]]}
    )
    assert plain.json()["predictions"] == [10.0, 9.0]
    assert turned.json()["predictions"] == [9.0, 10.0]


@pytest.mark.parametrize("form", [ARROW, ARROW_FILE, PARQUET])
def test_tables_are_answered_in_their_own_form(
    sqlite_gov: Governance, client: TestClient, form: str
) -> None:
    model = booster("binary")
    register(sqlite_gov, model)
    matrix = features()
    columns = {name: matrix[:, place] for place, name in enumerate(model.feature_name())}
    shuffled = dict(reversed(columns.items()))
    answer = client.post(
        PREDICT, content=arrow(pa.table(shuffled), form), headers={"Content-Type": form}
    )
    assert answer.status_code == 200, answer.text
    made = table_in(answer.content, form).column("prediction").to_numpy()
    assert np.array_equal(made, model.predict(matrix))


def test_json_and_arrow_are_the_same_to_the_bit_and_null_is_missing(
    sqlite_gov: Governance, client: TestClient
) -> None:
    model = booster("regression")
    register(sqlite_gov, model)
    matrix = features()[:50]
    rows = [[None if np.isnan(cell) else cell for cell in row] for row in matrix.tolist()]
    answer = client.post(PREDICT, json={"rows": rows, "columns": model.feature_name()})
    assert answer.json()["predictions"] == scores(model, matrix)


def test_several_classes_give_a_probability_each(
    sqlite_gov: Governance, client: TestClient
) -> None:
    model = booster("multiclass")
    register(sqlite_gov, model)
    matrix = np.nan_to_num(features()[:7])
    answer = client.post(PREDICT, json={"rows": matrix.tolist()})
    assert answer.json()["predictions"] == scores(model, matrix)
    table = pa.table(dict(zip(model.feature_name(), matrix.T, strict=True)))
    told = client.post(PREDICT, content=arrow(table), headers={"Content-Type": ARROW})
    made = table_in(told.content, ARROW).column("prediction").to_pylist()
    assert made == scores(model, matrix)


def test_an_estimator_gives_the_probability_of_class_one(
    sqlite_gov: Governance, client: TestClient
) -> None:
    frame = pd.DataFrame(np.nan_to_num(features()[:80, :2]), columns=["b", "a"])
    forest = RandomForestClassifier(5, max_depth=3, random_state=1)
    forest.fit(frame, (frame["a"] > 0).astype(int))
    register(sqlite_gov, forest, features=["a", "b"])
    answer = client.post(PREDICT, json={"rows": frame.to_dict("records")})
    assert answer.json()["predictions"] == forest.predict_proba(frame)[:, 1].tolist()


def test_a_bundle_answers_by_member(sqlite_gov: Governance, client: TestClient) -> None:
    matrix = np.nan_to_num(features()[:40, :2])
    models = {
        "up": LinearRegression().fit(matrix, matrix[:, 0]),
        "down": LinearRegression().fit(matrix, -matrix[:, 0]),
    }
    register(sqlite_gov, models)
    answer = client.post(PREDICT, json={"rows": matrix[:3].tolist()})
    wanted = {name: model.predict(matrix[:3]).tolist() for name, model in models.items()}
    assert answer.json()["predictions"] == wanted


def test_what_the_model_refuses_is_told(sqlite_gov: Governance, client: TestClient) -> None:
    matrix = np.nan_to_num(features()[:40, :2])
    register(sqlite_gov, LinearRegression().fit(matrix, matrix[:, 0]))
    answer = client.post(PREDICT, json={"rows": [[1.0, None]]})
    assert answer.status_code == 422
    assert "NaN" in answer.json()["detail"]


GRAPH: dict[str, Any] = {
    "inputs": ["carrier", "distance"],
    "definitions": [
        {
            "name": "carrier_code",
            "version": "1",
            "dependencies": ["carrier"],
            "logic": "governance.training.feature_logic:category_code",
            "params": {"categories": ["AA", "UA"]},
        },
        {"name": "distance", "version": "1", "dependencies": ["distance"], "logic": "column"},
    ],
}


def with_graph(gov: Governance) -> lightgbm.Booster:
    """A model on ``GRAPH``'s features, in production."""
    frame = pd.DataFrame(
        {"carrier_code": np.arange(200) % 2, "distance": np.linspace(0, 100, 200)}, dtype=float
    )
    params = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5}
    data = lightgbm.Dataset(frame, frame["carrier_code"] * 3 + frame["distance"])
    model = lightgbm.train(params, data, 10)
    register(gov, model, features=GRAPH)
    return model


def test_features_are_computed_from_raw_columns_by_the_registered_graph(
    sqlite_gov: Governance, client: TestClient
) -> None:
    model = with_graph(sqlite_gov)
    raw = [{"carrier": "UA", "distance": 10}, {"carrier": "??", "distance": None}]
    wanted = scores(model, np.array([[1.0, 10.0], [np.nan, np.nan]]))
    assert client.post(PREDICT, json={"rows": raw}).json()["predictions"] == wanted
    table = pa.Table.from_pylist(raw)
    answer = client.post(PREDICT, content=arrow(table), headers={"Content-Type": ARROW})
    assert table_in(answer.content, ARROW).column("prediction").to_pylist() == wanted
    done = [{"carrier_code": 1.0, "distance": 10.0}, {"carrier_code": None, "distance": None}]
    assert client.post(PREDICT, json={"rows": done}).json()["predictions"] == wanted


def test_a_request_with_another_feature_graph_is_refused_with_the_difference(
    sqlite_gov: Governance, client: TestClient
) -> None:
    with_graph(sqlite_gov)
    row = {"carrier_code": 1.0, "distance": 10.0}
    own = client.get(STATUS).json()["serving"]["feature_graph"]
    assert own == FeatureGraph.from_spec(GRAPH).hash
    for same in (own, GRAPH):
        told = client.post(PREDICT, json={"rows": [row], "feature_graph": same})
        assert told.status_code == 200, told.text
    changed = {**GRAPH, "definitions": [{**GRAPH["definitions"][0], "version": "2"}]}
    refused = client.post(PREDICT, json={"rows": [row], "feature_graph": changed})
    assert (refused.status_code, refused.json()["code"]) == (409, "feature_graph_mismatch")
    assert "feature carrier_code: version 1 → 2" in refused.json()["detail"]
    assert "feature distance is missing" in refused.json()["detail"]
    header = client.post(PREDICT, json={"rows": [row]}, headers={"Feature-Graph": "0" * 64})
    assert header.status_code == 409
    assert own in header.json()["detail"]


def test_a_logic_that_a_request_names_is_not_imported(
    sqlite_gov: Governance, client: TestClient
) -> None:
    with_graph(sqlite_gov)
    logic = {**GRAPH["definitions"][0], "logic": "antigravity:fly"}
    told = client.post(
        PREDICT,
        json={
            "rows": [{"carrier_code": 1.0, "distance": 10.0}],
            "feature_graph": {**GRAPH, "definitions": [logic, GRAPH["definitions"][1]]},
        },
    )
    assert told.status_code == 409
    assert "antigravity" not in __import__("sys").modules


def test_rows_may_have_their_own_time_and_at_is_for_all(
    sqlite_gov: Governance, client: TestClient
) -> None:
    in_production(sqlite_gov)
    row = {"momentum": 1, "volume": 1}
    timed = {**row, "time": "2013-02-08T18:30:00Z"}
    for body in ({"rows": [timed]}, {"rows": [row], "at": "2013-02-08T19:30:00Z"}):
        assert client.post(PREDICT, json=body).status_code == 200
    at = client.post(f"{PREDICT}?at=2013-02-08T20:30:00Z", json={"rows": [row]})
    assert at.status_code == 200
    naive = client.post(PREDICT, json={"rows": [row], "at": "2013-02-08T19:30:00"})
    assert (naive.status_code, naive.json()["code"]) == (422, "naive_datetime")
    client.app.state.desk.log.flush()  # type: ignore[attr-defined]
    folder = sqlite_gov.settings.home / "predictions" / "champions" / NAME / "date=2013-02-08"
    assert sorted(path.name for path in folder.iterdir()) == ["hour=18", "hour=19", "hour=20"]


def test_status_and_versions(sqlite_gov: Governance, client: TestClient) -> None:
    first = in_production(sqlite_gov, 0)
    second = in_production(sqlite_gov, 1)
    client.post(PREDICT, json={"rows": [[1, 2], [3, 4]]})
    client.post(PREDICT, json={"rows": [[1]]})
    status = client.get(STATUS).json()
    assert status["state"] == "serving"
    assert status["serving"]["version_id"] == second.id
    assert (status["figures"]["requests"], status["figures"]["rows"]) == (1, 2)
    assert status["figures"]["errors"] == {"invalid_input": 1}
    page = client.get(f"/api/v1/models/{NAME}/versions?limit=1").json()
    assert [(one["id"], one["serving"]) for one in page["items"]] == [(second.id, True)]
    rest = client.get(
        f"/api/v1/models/{NAME}/versions", params={"cursor": page["next_cursor"]}
    ).json()
    assert [(one["id"], one["serving"]) for one in rest["items"]] == [(first.id, False)]


def test_unknown_models_and_models_without_a_champion(
    sqlite_gov: Governance, client: TestClient
) -> None:
    sqlite_gov.registry.register_model(NAME, booster(), model_type="lightgbm", created_by="ann")
    none = client.post(PREDICT, json={"rows": [[1, 2]]})
    assert (none.status_code, none.json()["code"]) == (503, "no_production_version")
    assert int(none.headers["retry-after"]) > 0
    assert client.get(STATUS).json()["state"] == "none"
    for path in ("nope/predict", "UPPER/predict", "..%2f..%2fetc/predict"):
        assert client.post(f"/api/v1/models/{path}", json={"rows": [[1]]}).status_code == 404
    assert client.get("/api/v1/models/nope/status").status_code == 404
    assert client.get("/api/v1/models/nope/versions").status_code == 404
