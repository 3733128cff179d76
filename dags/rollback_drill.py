"""### Weekly rollback drill

Would a rollback work? For every model, the version that it would go to is found and loaded, and the
time is measured; nothing is switched:

**drill → all_would_work, deliver_alerts**

* A target that would not load, or none where there should be one, turns the run red and is told.
* A run drills as of the end of its data interval; a repeated run gives the stored answer.

The same without Airflow: `governance health drill`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronDataIntervalTimetable, dag

from governance_airflow.drift_operators import DeliverAlertsOperator
from governance_airflow.forms import evidence_param
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY
from governance_airflow.watch_operators import DrillRollbackOperator


@dag(
    description="Loads the version that a rollback of each model would go to",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("30 3 * * 1", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["governance", "health"],
    default_args={
        "owner": "governance",
        "retries": RETRIES,
        "retry_policy": UNAVAILABLE_ONLY,
        "execution_timeout": timedelta(hours=1),
    },
    params={"at": evidence_param("Drill as of", "2026-11-02T03:30:00Z")},
)
def rollback_drill() -> None:
    DrillRollbackOperator(task_id="drill") >> [
        EmptyOperator(task_id="all_would_work"),  # not run if one would not, which fails the run
        DeliverAlertsOperator(task_id="deliver_alerts", flush=True, trigger_rule="all_done"),
    ]


rollback_drill()
