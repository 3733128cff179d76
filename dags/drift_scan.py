"""### Hourly drift scan

Every model in production that declares `drift` in `governance.yaml`, the last day against the 30
days before:

**plan → scan (one task per shard of models) → all_scanned, request_retraining, deliver_alerts**

* A run scans as of the end of its data interval (`at` of its conf, for a run by hand), whenever it
  runs: a backfill over any range gives the reports that the runs would have given on the day. Hours
  that came late are profiled again by the next scan.
* A cleared and repeated task changes nothing.
* A model that cannot be scanned turns its shard's task and the run red, after the others were
  scanned and what they found was told.
* Alerts are in the outbox of our database before anything is sent; while the mail server is down
  they stay there, and `deliver_alerts` tries again every few minutes.
* Severe drift of a model with `retrain_on_drift: severe` changes the asset that its retrain DAG
  listens to.

The same without Airflow: `governance drift scan --all --at TIME` (a range: `--from`, `--to`), then
`governance alerts deliver`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronDataIntervalTimetable, dag

from governance_airflow.drift_operators import (
    DeliverAlertsOperator,
    PlanDriftScanOperator,
    RequestRetrainingOperator,
    ScanDriftOperator,
)
from governance_airflow.forms import evidence_param
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY


@dag(
    description="Last day against the 30 days before, for every model that declares drift",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2013, 1, 1, tzinfo=UTC),  # a backfill may go as far back as the data
    catchup=False,
    max_active_runs=1,  # a look continues the episode of the look before
    tags=["governance", "drift"],
    default_args={
        "owner": "governance",
        "retries": RETRIES,
        "retry_policy": UNAVAILABLE_ONLY,
        "execution_timeout": timedelta(minutes=30),
    },
    params={"at": evidence_param("Scan as of", "2013-02-08T23:00:00Z")},
)
def drift_scan() -> None:
    plan = PlanDriftScanOperator(task_id="plan", shard_size=50)
    scan = ScanDriftOperator.partial(
        task_id="scan",
        map_index_template="{{ task.models | join(', ') | truncate(200) }}",
        max_active_tis_per_dagrun=4,
    ).expand(models=plan.output)
    scan >> [
        EmptyOperator(task_id="all_scanned"),  # not run if a scan failed, which fails the run
        RequestRetrainingOperator(
            task_id="request_retraining", scan_task_id="scan", trigger_rule="all_done"
        ),
        DeliverAlertsOperator(task_id="deliver_alerts", flush=True, trigger_rule="all_done"),
    ]


drift_scan()
