"""How often the alarm rules fired where nothing drifted, as it was measured night by night.

Measuring is ``false_alarms``'s; here it is recorded beside the budget and read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from governance.errors import InvalidInputError
from governance.evidence.drift.normal.false_alarms import FalseAlarms
from governance.store.database import database_time
from governance.store.drift_tables import drift_calibrations
from governance.store.upsert import dialect_insert
from governance.values import Verdict, iso

MAX_PAGE = 1000

_columns = drift_calibrations.c
_KEY = ("model_name", "version_id", "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The honesty loop's answer for a model at a time; see ``FalseAlarms`` for the figures."""

    model: str
    version_id: str
    at: datetime
    measured: FalseAlarms

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "version_id": self.version_id,
            "at": iso(self.at),
            **self.measured.as_json(),
        }


def record(tx: Connection, calibration: Calibration) -> None:
    """Keep it, in place of one of the same model, version and time."""
    measured = calibration.measured
    insert = dialect_insert(tx, drift_calibrations).values(
        model_name=calibration.model,
        version_id=calibration.version_id,
        at=calibration.at,
        days=measured.days,
        features=measured.features,
        flagged_share=measured.flagged_share,
        alarm_days=measured.alarm_days,
        alarms_per_month=measured.per_month,
        upper_bound=measured.upper_bound,
        budget=measured.budget,
        verdict=measured.verdict.value,
        recorded_at=database_time(tx),
    )
    changed = {
        column.name: insert.excluded[column.name]
        for column in drift_calibrations.columns
        if column.name not in _KEY
    }
    tx.execute(insert.on_conflict_do_update(index_elements=list(_KEY), set_=changed))


def query(connection: Connection, model: str | None, *, limit: int = 100) -> list[Calibration]:
    """The newest first."""
    if type(limit) is not int or not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    wanted = select(drift_calibrations).order_by(_columns.at.desc(), _columns.model_name)
    if model is not None:
        wanted = wanted.where(_columns.model_name == model)
    return [
        Calibration(
            model=row.model_name,
            version_id=row.version_id,
            at=row.at,
            measured=FalseAlarms(
                days=row.days,
                features=row.features,
                flagged_share=row.flagged_share,
                alarm_days=row.alarm_days,
                per_month=row.alarms_per_month,
                upper_bound=row.upper_bound,
                budget=row.budget,
                verdict=Verdict(row.verdict),
            ),
        )
        for row in connection.execute(wanted.limit(limit))
    ]
