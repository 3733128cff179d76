"""### Forced promotion

For an emergency: a version decides although its gates have not passed.

**force → forced, deliver_alerts**

* Only users whom the promotion policy names (`force: allowed`) may; who it is, Airflow says, not
  the form. A denied try fails the run and is in the audit log with its user.
* The reason (ten visible characters at least) is mandatory and stays on record, with every gate
  that was overridden. The decision says FORCED for ever, and nothing rolls back to a forced version
  by itself.
* Force skips gates alone: bytes that are not the registered ones, a failed version or one that was
  never validated are refused as ever.
* A run older than an hour forces nothing any more, and neither does one after whose trigger another
  version was activated: it ends with `stale_generation`, and whoever triggered it looks again. A
  cleared and repeated task changes nothing.

The same without Airflow: `governance promotion promote MODEL:VERSION --force --reason TEXT`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag

from governance.config import declared_models
from governance.settings import Settings
from governance_airflow.drift_operators import DeliverAlertsOperator
from governance_airflow.emergency_operators import ForcePromotionOperator
from governance_airflow.forms import (
    confirmation_param,
    evidence_param,
    model_param,
    reason_param,
    version_param,
)
from governance_airflow.retries import RETRIES, UNAVAILABLE_ONLY


@dag(
    description="Puts a version into production whatever its gates say, by name and with a reason",
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
        "version": version_param("The version that shall decide, for example 1.2.0."),
        "reason": reason_param("Why it cannot wait for its evidence; stays on record."),
        "confirm": confirmation_param("I know that no gate is asked"),
        "at": evidence_param("Effective from", "2013-03-01T05:00:00Z"),
    },
)
def force_promotion() -> None:
    ForcePromotionOperator(task_id="force") >> [
        EmptyOperator(task_id="forced"),  # not run if it was refused, which fails the run
        DeliverAlertsOperator(task_id="deliver_alerts", flush=True, trigger_rule="all_done"),
    ]


force_promotion()
