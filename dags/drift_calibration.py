"""### Nightly calibration of the drift alarms

Holds the reference days of every watched model against each other (A/A), where nothing should be
found, and records how often the alarm rules fire beside the budget that the policy states:

**plan → calibrate (one task per shard of models)**

* `governance drift calibration` shows both; nothing is changed by itself.
* A run calibrates as of the end of its data interval, whenever it runs; a repeated run records the
  same.

The same without Airflow: `governance drift calibration MODEL --run --at TIME`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable, dag

from governance_airflow.drift_operators import CalibrateDriftOperator, PlanDriftScanOperator
from governance_airflow.forms import evidence_param
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY


@dag(
    description="False-alarm rate of the drift rules on reference days, beside the budget",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="UTC"),
    start_date=datetime(2013, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["governance", "drift"],
    default_args={
        "owner": "governance",
        "retries": RETRIES,
        "retry_policy": UNAVAILABLE_ONLY,
        "execution_timeout": timedelta(hours=1),
    },
    params={"at": evidence_param("Calibrate as of", "2013-02-08T05:00:00Z")},
)
def drift_calibration() -> None:
    plan = PlanDriftScanOperator(task_id="plan", shard_size=50)
    CalibrateDriftOperator.partial(
        task_id="calibrate",
        map_index_template="{{ task.models | join(', ') | truncate(200) }}",
        max_active_tis_per_dagrun=4,
    ).expand(models=plan.output)


drift_calibration()
