"""The back-test as a task of a DAG: small JSON out, nothing recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from governance.store import schema
from governance.wiring import Governance

DAG = """
from airflow.sdk import DAG
from governance_airflow.backtest_operator import BacktestModelOperator

with DAG("yearly", schedule=None, params={"ref": "tiny:1.0.0"}):
    BacktestModelOperator(
        task_id="backtest",
        ref="{{ params.ref }}",
        start="2021-06-01T00:00:00Z",
        end="2021-08-01T00:00:00Z",
    )
"""


@pytest.fixture
def yearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load_dags: Callable[[Path], dict[str, Any]]
) -> Any:
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "yearly.py").write_text(DAG)
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(folder))
    return load_dags(folder / "yearly.py")["yearly"]


def counts(gov: Governance) -> dict[str, int]:
    with gov.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }


def test_a_task_gives_the_figures_and_records_nothing(yearly: Any, gov: Governance) -> None:
    at = datetime(2022, 1, 1, tzinfo=UTC)
    gov.cycle.check_data("tiny", run="a", at=at)
    gov.cycle.train("tiny", run="a", at=at)
    gov.cycle.register("tiny", run="a", at=at, by="ann")
    before = counts(gov)
    run = yearly.test()
    assert run.state == "success"
    said = run.get_task_instance("backtest").xcom_pull(task_ids="backtest")
    assert (said["ref"], said["folds"], said["rows"]) == ("tiny:1.0.0", 1, 60)
    assert said["metrics"]["test"]["auc"] > 0.6
    assert said["overlaps_training"] == ["final"]
    assert counts(gov) == before
