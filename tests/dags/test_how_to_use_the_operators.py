"""docs/how-to/use-the-operators.md to the letter: foreign DAGs register, validate, promote."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.settings import Settings
from governance.wiring import Governance
from tests.dags.conftest import DECLARED
from tests.dags.governed import answering
from tests.docs.pages import files_of

PAGE = "how-to/use-the-operators.md"


@pytest.fixture
def dags(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    load_dags: Callable[[Path], dict[str, Any]],
) -> dict[str, Any]:
    for name, body in files_of(PAGE).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    # dag.test() reads the DAG folder again, to store what it runs.
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path / "dags"))
    monkeypatch.setenv("GOVERNANCE_POLICY", str(tmp_path / "config" / "promotion_policy.yaml"))
    return load_dags(tmp_path / "dags")


def test_the_ten_lines_of_the_page_register_and_validate(
    dags: dict[str, Any], gov: Governance
) -> None:
    churn = dags["churn"]
    run = churn.test()
    assert run.state == "success"
    (version,) = gov.registry.list_models("churn")
    assert version.stage == "validated"
    assert version.created_by == "dag_test"
    assert version.metrics == {"test": {"auc": 0.81}}
    again = churn.test()
    assert again.state == "success"
    assert len(gov.registry.list_models("churn")) == 1


def test_the_pages_promotion_asks_the_person_whom_the_policy_names(
    dags: dict[str, Any], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "config" / "promotion_policy.yaml"
    settings = Settings.load(home=home, config=DECLARED, policy=policy)
    answer = answering(monkeypatch)
    with Governance.open(settings=settings) as gov:
        dags["churn"].test()
        (version,) = gov.registry.list_models("churn")
        conf = {"model": "churn", "version": version.version}
        begun = version.registered_at - timedelta(hours=25)
        gov.shadow.start_shadow_testing(version, by="ada", at=begun)
        answer("Approve", "looked at it for a day", "eve")
        assert dags["promote_churn"].test(run_conf=conf).state == "failed"
        assert gov.registry.get_production_model("churn") is None
        answer("Approve", "looked at it for a day", "bob")
        assert dags["promote_churn"].test(run_conf=conf).state == "success"
        assert gov.registry.get_production_model("churn") == gov.registry.resolve(version)
        (decision,) = gov.promotion.decisions("churn", operation="promotion")
        assert (decision.approved_by, decision.forced) == ("bob", False)
