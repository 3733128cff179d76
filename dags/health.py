"""### Hourly health check

Are the versions in production what was registered? The bytes of every champion are compared with
their digest, and the stored verdict of its load probe is asked:

**check → all_healthy, deliver_alerts**

* A champion that is corrupt, or known not to load, is failed, and the rollback target takes over;
  one alert tells of it, and this run is red. The next run finds the new champion healthy.
* A disk that cannot be reached says nothing of the bytes: nothing changes, and the run is red.
* A cleared and repeated task changes nothing.

The same without Airflow: `governance health check`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronTriggerTimetable, dag

from governance_airflow.drift_operators import DeliverAlertsOperator
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY
from governance_airflow.watch_operators import CheckHealthOperator


@dag(
    description="Digest and load verdict of every version in production",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("20 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["governance", "health"],
    default_args={
        "owner": "governance",
        "retries": RETRIES,
        "retry_policy": UNAVAILABLE_ONLY,
        "execution_timeout": timedelta(minutes=30),
    },
)
def health() -> None:
    CheckHealthOperator(task_id="check") >> [
        EmptyOperator(task_id="all_healthy"),  # not run if one is not, which fails the run
        DeliverAlertsOperator(task_id="deliver_alerts", flush=True, trigger_rule="all_done"),
    ]


health()
