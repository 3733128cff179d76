"""### Governed retraining

One DAG per model declared in `governance.yaml`:

**check data → train → register → validate → validated | failed**

* Only what was known before the run's evidence time is used: `at` of the run's conf, else when the
  drift was seen that started it, else the end of its data interval.
* Tasks hand over references, digests and paths; a cleared and repeated task changes nothing.
* A version that the gates refuse turns the run red; it stays registered, with the reasons.
* With `retrain_on_drift: severe` the DAG also runs when `drift_scan` sees severe drift.

The same without Airflow: `governance retrain run MODEL --at TIME`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from governance.config import declared_models
from governance.settings import Settings
from governance_airflow.assets import retrain_schedule
from governance_airflow.forms import evidence_param
from governance_airflow.operators import (
    CheckDataOperator,
    RegisterModelOperator,
    TrainModelOperator,
    ValidateModelOperator,
)
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY

if TYPE_CHECKING:
    from governance.config import ModelDeclaration


@task.branch
def outcome(verdict: Any) -> str:
    return "validated" if verdict["verdict"] == "pass" else "failed"


@task
def validated(verdict: Any) -> str:
    """The version may be promoted."""
    return str(verdict["ref"])


@task
def failed(verdict: Any) -> None:
    """The version was refused; the reasons are in its decision, and here."""
    raise AirflowFailException(f"{verdict['ref']} was refused: {'; '.join(verdict['reasons'])}")


def retrain(name: str, model: ModelDeclaration) -> DAG:
    """The DAG of one declared model."""
    with DAG(
        dag_id=f"retrain__{name}",
        description=model.description.strip().split("\n")[0][:200],
        doc_md=f"{__doc__}\n\n**{name}** ({model.kind}): {model.description}",
        schedule=retrain_schedule(name, model),
        start_date=datetime(2026, 1, 1, tzinfo=pendulum.timezone(model.timezone)),
        catchup=False,
        max_active_runs=1,
        tags=["governance", "retrain", str(model.kind)],
        default_args={
            "owner": model.owner,
            "retries": RETRIES,
            "retry_policy": UNAVAILABLE_ONLY,
            "execution_timeout": timedelta(hours=2),
        },
        params={"at": evidence_param("Train as of", "2018-06-29T22:00:00Z")},
    ) as dag:
        check = CheckDataOperator(task_id="check_data", model_name=name)
        train = TrainModelOperator(task_id="train", model_name=name)
        register = RegisterModelOperator(task_id="register", model_name=name)
        validate = ValidateModelOperator(
            task_id="validate", ref="{{ ti.xcom_pull(task_ids='register')['ref'] }}"
        )
        check >> train >> register >> validate
        outcome(validate.output) >> [validated(validate.output), failed(validate.output)]
    return dag


for model_name, declaration in declared_models(Settings.load()).models.items():
    retrain(model_name, declaration)
