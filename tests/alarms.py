"""Incidents for tests: events of one episode, recorded the way a scan does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from governance.history.incidents import IncidentEvent, record_incident
from governance.store.database import Database
from governance.values import Severity

START = datetime(2013, 2, 8, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERSION_ID = "0123456789ab"


def event(number: int = 0, what: str = "opened", **given: Any) -> IncidentEvent:
    """An event of the model ``m<number>``."""
    values: dict[str, Any] = {
        "model": f"m{number}",
        "version_id": VERSION_ID,
        "version": "1.0.0",
        "kind": "drift",
        "event": what,
        "at": START,
        "opened_at": START,
        "severity": Severity.MODERATE,
        "rule": "urgent",
        "headline": f"m{number} drifts",
        "reasons": ("2 features are severe",),
        "features": ({"feature": "visib", "ks": 0.4, "finding": "shifted", "severity": "severe"},),
        "report_id": "0" * 32,
        "rows": 1000,
        "retrain": False,
        **given,
    }
    return IncidentEvent(**values)


def record(
    database: Database,
    *events: IncidentEvent,
    channels: Sequence[str] = ("email",),
    now: datetime = START,
) -> list[str]:
    """Record the events, each in a transaction of its own; the incidents' ids."""
    ids = []
    for one in events:
        with database.begin() as tx:
            ids.append(record_incident(tx, one, channels=channels, now=now))
    return ids
