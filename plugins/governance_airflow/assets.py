"""What tells other DAGs of severe drift: one asset per model, and the schedule that listens to it.

An event is a hint, nothing hangs on it: Airflow may swallow one while a run is active, and whoever
is started by one reads what is true from the governance database. `run_facts` reads the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import Asset, AssetAlias, AssetOrTimeSchedule, CronDataIntervalTimetable

from governance_airflow.run_facts import SEVERE_DRIFT

if TYPE_CHECKING:
    from governance.config import ModelDeclaration

# A scan task finds out only while it runs which models' assets it has events for.
DRIFT_ALIAS = AssetAlias("governance_severe_drift")


def severe_drift(model: str) -> Asset:
    """The asset that changes when severe drift of `model` asks for a retrain run.

    An event's `extra` has `at` (the evidence time), `report` and `incident`.

    >>> severe_drift("churn").uri
    'governance://drift/severe/churn'
    """
    return Asset(f"{SEVERE_DRIFT}{model}")


def retrain_schedule(name: str, model: ModelDeclaration) -> Any:
    """When a model's retrain DAG runs: by its cron line, by severe drift, by either, or on request.

    A cron line counts in the model's own time zone.
    """
    timetable = model.schedule and CronDataIntervalTimetable(
        model.schedule, timezone=pendulum.timezone(model.timezone)
    )
    if model.drift is None or model.drift.retrain_on_drift != "severe":
        return timetable or None
    asset = severe_drift(name)
    return AssetOrTimeSchedule(timetable=timetable, assets=asset) if timetable else asset
