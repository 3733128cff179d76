"""docs/how-to/use-the-operators.md, done to the letter: a foreign DAG registers and validates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.wiring import Governance
from tests.docs.pages import files_of

PAGE = "how-to/use-the-operators.md"


@pytest.fixture
def churn(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    load_dags: Callable[[Path], dict[str, Any]],
) -> Any:
    for name, body in files_of(PAGE).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    # dag.test() reads the DAG folder again, to store what it runs.
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path / "dags"))
    return load_dags(tmp_path / "dags" / "churn.py")["churn"]


def test_the_ten_lines_of_the_page_register_and_validate(churn: Any, gov: Governance) -> None:
    run = churn.test()
    assert run.state == "success"
    (version,) = gov.registry.list_models("churn")
    assert version.stage == "validated"
    assert version.created_by == "dag_test"
    assert version.metrics == {"test": {"auc": 0.81}}
    again = churn.test()
    assert again.state == "success"
    assert len(gov.registry.list_models("churn")) == 1
