"""What was asked and answered becomes hours of evidence: a drift scan of the prediction log finds
what it finds in the same rows in files of their owner.
"""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from governance import Governance
from governance.evidence.drift.report import DriftReport
from governance.serving import create_app
from governance.values import iso
from tests.evidence.drift.live_model import (
    AT,
    FEATURES,
    HOUR,
    NAME,
    ROWS,
    START,
    declare,
    hour_rows,
    parquet,
    scan,
    write_hours,
)
from tests.serving.conftest import calling
from tests.serving.test_predict import ARROW, arrow

PREDICT = f"/api/v1/models/{NAME}/predict"
GRAPH = {
    "inputs": list(FEATURES),
    "definitions": [{"name": "x0", "version": "1", "dependencies": ["x0"], "logic": "column"}],
}
ONE_BY_ONE = AT - 2 * HOUR  # from here on each row is a request


def watched(gov: Governance, live: Path) -> None:
    declare(gov.settings.home, parquet(live))
    data = lightgbm.Dataset(np.arange(20.0).reshape(20, 1), np.arange(20.0), feature_name=["x0"])
    model = lightgbm.train({"verbose": -1, "num_threads": 1, "min_data": 1}, data, 1)
    version = gov.registry.register_model(
        NAME, model, model_type="test", created_by="ann", features=GRAPH
    )
    gov.registry.transition(version, "validated", "ann", "looked at it")
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="first", at=START)


def ask(client: TestClient) -> int:
    """Every row of every hour, once; how many there were."""
    hours = [START + n * HOUR for n in range((AT - START) // HOUR)]
    many = pd.concat([hour_rows(hour) for hour in hours if hour < ONE_BY_ONE])
    body = arrow(pa.Table.from_pandas(many, preserve_index=False))
    answer = client.post(PREDICT, content=body, headers={"Content-Type": ARROW})
    assert answer.status_code == 200, answer.text
    few = pd.concat([hour_rows(hour) for hour in hours if hour >= ONE_BY_ONE])
    for row in few.to_dict("records"):
        given = {key: None if pd.isna(value) else value for key, value in row.items()}
        answer = client.post(PREDICT, json={"rows": [{**given, "time": iso(row["time"])}]})
        assert answer.status_code == 200, answer.text
    return len(many) + len(few)


def found(report: DriftReport) -> list[dict[str, object]]:
    return [dict(one.as_json()) for one in report.features]


def test_a_scan_of_the_log_finds_what_a_scan_of_the_rows_finds(
    sqlite_gov: Governance, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    log = sqlite_gov.settings.home / "predictions" / "champions" / NAME
    watched(sqlite_gov, log)
    app = create_app(sqlite_gov, log_interval=60.0)
    with calling(sqlite_gov, app) as client:
        number = ask(client)
        assert app.state.desk.log.flush()
        assert app.state.desk.log.as_json()["written_rows"] == number
    from_log = scan(sqlite_gov)
    own = Governance.open(home=tmp_path / "own")
    request.addfinalizer(own.close)
    watched(own, tmp_path / "live")
    write_hours(tmp_path / "live", START, AT)
    from_files = scan(own)
    assert len(from_log.features) == len(FEATURES)
    assert from_log.rows == from_files.rows == 24 * ROWS
    assert found(from_log) == found(from_files)
    assert found(scan(sqlite_gov)) == found(from_log)  # a second look counts nothing twice
