"""### Rollback

Back to a version that decided before:

**rollback → rolled_back, deliver_alerts**

* Without a version it goes to the latest earlier one that was not forced, has not failed, was not
  rolled back from, and loads. A named version may be any that was in production and is retired.
* It asks for neither metrics nor drift nor a healthy current version; the target's bytes are
  compared with their digest before anything changes.
* A cleared and repeated task changes nothing.

The same without Airflow: `governance rollback MODEL --by NAME --reason TEXT`, which also works
while Airflow is stopped.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag

from governance.config import declared_models
from governance.settings import Settings
from governance_airflow.drift_operators import DeliverAlertsOperator
from governance_airflow.emergency_operators import RollbackOperator
from governance_airflow.forms import evidence_param, model_param, reason_param, version_param
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY


@dag(
    description="Puts an earlier version back into production",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2013, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["governance", "promotion", "emergency"],
    default_args={
        "owner": "governance",
        "retries": RETRIES,
        "retry_policy": UNAVAILABLE_ONLY,
        "execution_timeout": timedelta(minutes=15),
    },
    params={
        "model": model_param(list(declared_models(Settings.load()).models)),
        "version": version_param(
            "The version to go back to; empty: the one before.", required=False
        ),
        "reason": reason_param("What is wrong with the version in production; stays on record."),
        "at": evidence_param("Effective from", "2013-03-01T05:00:00Z"),
    },
)
def rollback() -> None:
    RollbackOperator(task_id="rollback") >> [
        EmptyOperator(task_id="rolled_back"),  # not run if it failed, which fails the run
        DeliverAlertsOperator(task_id="deliver_alerts", flush=True, trigger_rule="all_done"),
    ]


rollback()
