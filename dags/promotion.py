"""### Promotion

A version earns production by its evidence, and a person approves where the policy asks for it:

**check → approve → promote → promoted, deliver_alerts**

* `check` asks every gate. Where another gate than the approval refuses, nobody is asked: `promote`
  is refused, the run turns red, and the decision with its reasons is on record.
* `approve` waits in *Required Actions* for one of the policy's approvers, with a comment, until the
  policy's deadline. It holds no worker meanwhile, and other models are promoted beside it.
* An approval is bound to the bytes, the policy and the generation that were asked about. It is used
  once; one that expired, was rejected, or exists only as a task marked as success promotes nothing.
* A cleared and repeated task changes nothing.

The same without Airflow: `governance promotion promote MODEL:VERSION`, with `governance approval
request` and `answer` before it where the policy asks for one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag

from governance.config import declared_models
from governance.settings import Settings
from governance_airflow.drift_operators import DeliverAlertsOperator
from governance_airflow.forms import evidence_param, model_param, version_param
from governance_airflow.promotion_operators import (
    ApprovePromotionOperator,
    CheckPromotionOperator,
    PromoteOperator,
)
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY


@dag(
    description="Gates, a person where the policy asks for one, then production",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2013, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,  # a run that waits for a person must not hold up another model's
    tags=["governance", "promotion"],
    default_args={
        "owner": "governance",
        "retries": RETRIES,
        "retry_policy": UNAVAILABLE_ONLY,
        "execution_timeout": timedelta(minutes=15),
    },
    params={
        "model": model_param(list(declared_models(Settings.load()).models)),
        "version": version_param("The version to promote, for example 1.2.0."),
        "at": evidence_param("Judge as of", "2013-04-01T06:00:00Z"),
    },
)
def promotion() -> None:
    check = CheckPromotionOperator(task_id="check")
    approve = ApprovePromotionOperator(task_id="approve", check_task_id="check")
    promote = PromoteOperator(task_id="promote", check_task_id="check", trigger_rule="none_failed")
    check >> approve >> promote
    promote >> [
        EmptyOperator(task_id="promoted"),  # not run if it was refused, which fails the run
        DeliverAlertsOperator(task_id="deliver_alerts", flush=True, trigger_rule="all_done"),
    ]


promotion()
