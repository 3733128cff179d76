"""Drift reports, drift alerts and incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from governance.api.shapes.parts import Asked, Moment, Shown, examples
from governance.values import Severity


class DriftReportShown(Shown):
    """One look at a model's live data. A figure that does not exist is null."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": "6f033bc60121aa073d3cf36b20fabf5b",
                "model": "momentum",
                "version_id": "922cc995d975",
                "version": "1.2.0",
                "at": "2013-02-01T00:00:00Z",
                "severity": "normal",
                "rows": 960,
                "reasons": [],
                "reference": {},
                "event": None,
                "incident_id": None,
                "retrain_requested": False,
                "revision": 1,
                "features": [],
            }
        )
    )

    id: str
    model: str
    version_id: str
    version: str
    at: datetime
    severity: Severity
    rows: int
    reasons: list[str]
    reference: dict[str, Any]
    event: str | None
    incident_id: str | None
    retrain_requested: bool
    revision: int
    features: list[dict[str, Any]] = Field(description="The worst first; empty after 35 days.")


class ScanAsked(Asked):
    """Look at the day before `at`."""

    model_config = ConfigDict(json_schema_extra=examples({"at": "2013-02-01T00:00:00Z"}))

    at: Moment = Field(description="A whole hour.")


class DriftAlertShown(Shown):
    """One feature that was compared."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": 7,
                "model": "momentum",
                "version": "1.2.0",
                "version_id": "922cc995d975",
                "drift_type": "data",
                "origin": "scan",
                "feature": "volume",
                "method": "psi",
                "score": 0.31,
                "threshold": 0.2,
                "p_value": None,
                "q_value": None,
                "severity": "severe",
                "finding": "moved",
                "is_alert": True,
                "reason": "PSI 0.31 is above 0.2",
                "detected_at": "2013-02-01T00:00:00Z",
                "acknowledged_by": None,
                "acknowledged_at": None,
            }
        )
    )

    id: int
    model: str
    version: str
    version_id: str
    drift_type: str
    origin: str
    feature: str
    method: str
    score: float | None
    threshold: float
    p_value: float | None
    q_value: float | None
    severity: Severity
    finding: str
    is_alert: bool
    reason: str
    detected_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None


class SnoozeAsked(Asked):
    model_config = ConfigDict(json_schema_extra=examples({"until": "2013-02-02T08:00:00Z"}))

    until: Moment


class Nothing(Asked):
    """No argument: who does it is who sends this."""

    model_config = ConfigDict(json_schema_extra=examples({}))


class IncidentShown(Shown):
    """One episode of alarm."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": "0123456789ab",
                "model": "momentum",
                "version_id": "922cc995d975",
                "version": "1.2.0",
                "kind": "drift",
                "state": "open",
                "severity": "severe",
                "rule": "effect",
                "opened_at": "2013-02-01T00:00:00Z",
                "updated_at": "2013-02-01T00:00:00Z",
                "closed_at": None,
                "closed_reason": None,
                "features": ["volume"],
                "report_id": "6f033bc60121aa073d3cf36b20fabf5b",
                "retrain_requested": True,
                "retrain_requested_at": "2013-02-01T00:00:00Z",
                "retrain_told_at": None,
                "acknowledged_by": None,
                "acknowledged_at": None,
                "snoozed_until": None,
                "recorded_at": "2013-02-01T00:00:00Z",
            }
        )
    )

    id: str
    model: str
    version_id: str
    version: str
    kind: str
    state: str
    severity: Severity
    rule: str
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    closed_reason: str | None
    features: list[str]
    report_id: str
    retrain_requested: bool
    retrain_requested_at: datetime | None
    retrain_told_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    recorded_at: datetime
