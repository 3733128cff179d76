"""A registry with versions to promote, a policy that asks a person, and a person who answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from governance.store import schema
from governance.values import ModelVersion, parse_time
from governance.wiring import Governance
from tests.dags.conftest import ROOT
from tests.model_bytes import model_file

SINCE = parse_time("2022-03-01T00:00:00Z")
# The gates that need sessions or drift reports have tests of their own.
LOOSE = {
    "require_validation": False,
    "not_worse": [],
    "max_drift_severity": None,
    "max_drift_psi": None,
    "min_soak_hours": None,
}
ASKS_BOB = {**LOOSE, "require_approval": True, "approvers": ["bob", "ada"]}


def policy_file(folder: Path, promotion: Mapping[str, Any], *, force: tuple[str, ...] = ()) -> Path:
    file = folder / "policy.yaml"
    models = {"tiny": {"promotion": dict(promotion)}}
    file.write_text(json.dumps({"models": models, "force": {"allowed": list(force)}}))
    return file


def version_on_trial(gov: Governance, folder: Path, seed: int) -> ModelVersion:
    """A version of `tiny` by ada, in staging."""
    data = folder / "rows.csv"
    data.write_text("level\n1\n")
    made = gov.registry.register_model(
        "tiny",
        model_path=model_file(folder, seed),
        model_type="lightgbm",
        dataset_paths=[data],
        features=["level"],
        config={"seed": seed},
        metrics={"test": {"auc": 0.8}},
        created_by="ada",
        at=SINCE,
    )
    assert gov.validate(made, by="ada", at=SINCE), "validated, and known to load"
    gov.registry.transition(made, "staging", by="ada", reason="test", at=SINCE)
    return gov.registry.resolve(made)


def champion(gov: Governance) -> str | None:
    found = gov.registry.get_production_model("tiny")
    return None if found is None else found.version


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def counts(gov: Governance) -> dict[str, int]:
    """Rows of every table: what a repeated task must not add to."""
    with gov.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }


def again(run: Any, dag: Any, task_id: str) -> str:
    """Clear a task of a finished run and run it once more; its state."""
    from airflow.models.taskinstance import clear_task_instances
    from airflow.sdk.definitions.dag import _run_task  # what dag.test() runs one task with
    from airflow.utils.session import create_session

    with create_session() as session:
        ti = run.get_task_instance(task_id, session=session)
        clear_task_instances([ti], session, dag_run_state=False)
    _run_task(ti=run.get_task_instance(task_id), task=dag.task_dict[task_id])
    return str(run.get_task_instance(task_id).state)


def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`dag.test()` waits for ever for a person: this one answers at once.

    Call it with the option, the comment and the user; `meanwhile` happens before the answer.
    """
    from airflow.providers.standard.operators.hitl import HITLOperator

    def use(
        option: str,
        comment: str = "the figures are good",
        user: str | None = "bob",
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        def execute(self: Any, context: Any) -> Any:
            meanwhile()
            event = {
                "chosen_options": [option],
                "params_input": {"comment": comment},
                "responded_at": datetime.now(UTC),
                "responded_by_user": None if user is None else {"id": user, "name": user},
            }
            return self.execute_complete(context, event)

        monkeypatch.setattr(HITLOperator, "execute", execute)

    return use


def dag_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> Path:
    """dag.test() reads the DAG folder again, to store what it runs: a few files are enough."""
    dags = folder / "dags"
    dags.mkdir()
    for name in names:
        (dags / name).symlink_to(ROOT / "dags" / name)
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(dags))
    return dags
