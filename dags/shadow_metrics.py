"""### Shadow sessions

Every version on trial, and the champion beside it, on the rows of the days before that were known
and whose outcome is in:

**plan → run_sessions (one task per shard of models) → all_run**

* A session is a calendar day in the model's time zone. It is recorded once its outcome is known, a
  day after its end at the latest; each run looks back `days` days for what is not recorded yet.
* All versions get the same rows, so that sessions can be paired with the champion's.
* A cleared and repeated task changes nothing: the first record of a session stays.

The same without Airflow: `governance shadow run MODEL --from TIME --to TIME`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronDataIntervalTimetable, Param, dag

from governance_airflow.forms import evidence_param
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY
from governance_airflow.watch_operators import PlanTrialsOperator, RunTrialSessionsOperator


@dag(
    description="Runs every version on trial on the sessions of the days before",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="UTC"),
    start_date=datetime(2013, 1, 1, tzinfo=UTC),  # a backfill may go as far back as the data
    catchup=False,
    max_active_runs=1,
    tags=["governance", "shadow"],
    default_args={
        "owner": "governance",
        "retries": RETRIES,
        "retry_policy": UNAVAILABLE_ONLY,
        "execution_timeout": timedelta(minutes=30),
    },
    params={
        "at": evidence_param("Run as of", "2013-04-01T06:00:00Z"),
        "days": Param(
            7,
            type="integer",
            minimum=1,
            maximum=366,
            title="Days",
            description="How far back sessions are looked for that are not recorded yet.",
        ),
    },
)
def shadow_metrics() -> None:
    plan = PlanTrialsOperator(task_id="plan", shard_size=10)
    run = RunTrialSessionsOperator.partial(
        task_id="run_sessions",
        map_index_template="{{ task.models | join(', ') | truncate(200) }}",
        max_active_tis_per_dagrun=4,
    ).expand(models=plan.output)
    run >> EmptyOperator(task_id="all_run")


shadow_metrics()
