"""### Delivery of alerts

Sends what the outbox of the governance database holds and is due, every five minutes: what could
not be sent at the end of a scan, what waits for its turn (alerts of a short time are one message,
too many in an hour become a digest), and reminders of incidents that nobody acknowledged.

The mail server is the Airflow connection `smtp_governance`; webhooks are those of
`governance.yaml`. While a server is down nothing is lost and no run fails: the log and
`governance alerts list` say what waits.

The same without Airflow: `governance alerts deliver`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronTriggerTimetable, dag

from governance_airflow.drift_operators import DeliverAlertsOperator
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY


@dag(
    description="Sends the alerts that are due, and tries again what could not be sent",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["governance", "alerts"],
    default_args={
        "owner": "governance",
        "retries": RETRIES,
        "retry_policy": UNAVAILABLE_ONLY,
        "execution_timeout": timedelta(minutes=15),
    },
)
def deliver_alerts() -> None:
    DeliverAlertsOperator(task_id="deliver")


deliver_alerts()
