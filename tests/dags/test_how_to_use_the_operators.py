"""docs/how-to/use-the-operators.md: the page's DAG runs as it stands, beside our operators alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.values import Stage
from governance.wiring import Governance
from tests.docs.pages import files_of

PAGE = "how-to/use-the-operators.md"


@pytest.fixture
def churn(tmp_path: Path, load_dags: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The DAG of the page, from files that hold what the page shows."""
    for name, body in files_of(PAGE).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    # `dag.test()` looks for the DAG in the DAG folder, as the DAG processor does.
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path / "dags"))
    return load_dags(tmp_path / "dags" / "churn.py")["churn"]


def test_the_foreign_dag_of_the_page_is_ten_lines_long() -> None:
    body = files_of(PAGE)["dags/churn.py"]
    function = body.partition("def churn")[2].partition("\n\n")[0]
    assert len(function.splitlines()) <= 10


def test_the_foreign_dag_registers_and_validates(churn: Any, gov: Governance) -> None:
    assert churn.test().state == "success"
    version = gov.registry.get_model("churn", "1.0.0")
    assert version.stage is Stage.VALIDATED
    assert version.metrics == {"test": {"auc": 0.81}}


def test_the_foreign_dag_run_twice_makes_one_version(churn: Any, gov: Governance) -> None:
    assert churn.test().state == "success"
    assert churn.test().state == "success"
    assert [version.ref for version in gov.registry.list_models("churn")] == ["churn:1.0.0"]
