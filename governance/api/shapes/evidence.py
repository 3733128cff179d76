"""Trials, drift reports, drift alerts and incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from governance.api.shapes.decisions import CheckShown
from governance.api.shapes.parts import VERSION, Asked, Moment, Reason, Shown, examples
from governance.values import Severity, Stage

_SESSION_ID = r"^[A-Za-z0-9]([A-Za-z0-9_.:@/+-]{0,126}[A-Za-z0-9])?$"


class ShadowStartAsked(Asked):
    model_config = ConfigDict(json_schema_extra=examples({}, {"benchmark": "1.1.0"}))

    benchmark: Annotated[str, StringConstraints(pattern=VERSION, max_length=64)] | None = Field(
        default=None, description="A number or id of the same model; the champion if not given."
    )
    at: Moment | None = Field(default=None, description="When the trial begins.")


class ShadowStopAsked(Asked):
    model_config = ConfigDict(json_schema_extra=examples({"reason": "no better than the champion"}))

    reason: Reason
    at: Moment | None = None


def _whole(value: object) -> object:
    """JSON knows one kind of number: 15.0 is 15."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class StatsAsked(Asked):
    """Figures of one session; at least one."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    trade_count: Annotated[int, BeforeValidator(_whole), Field(ge=0, le=10**9)] | None = None
    turnover_ratio: Annotated[float, Field(ge=0, le=1e9)] | None = None
    sharpe_ratio: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    max_drawdown: Annotated[float, Field(ge=0, le=1)] | None = None
    drift_psi: Annotated[float, Field(ge=0, le=1e6)] | None = None
    avg_latency_ms: Annotated[float, Field(ge=0, le=1e9)] | None = None
    error_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    returns: (
        Annotated[
            list[Annotated[float, Field(ge=-10_000, le=10_000)]],
            Field(min_length=1, max_length=100_000),
        ]
        | None
    ) = Field(default=None, description="Simple returns: 0.01 is one percent.")
    score: Annotated[float, Field(ge=-1e15, le=1e15)] | None = None


class SessionAsked(Asked):
    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "session_id": "2013-02-01",
                "stats": {"trade_count": 15, "sharpe_ratio": 0.8},
                "at": "2013-02-01T21:00:00Z",
            }
        )
    )

    session_id: Annotated[str, StringConstraints(pattern=_SESSION_ID)] = Field(
        description="What the champion's session of the same data is called, too."
    )
    stats: StatsAsked
    at: Moment | None = Field(default=None, description="When the session ended; now by default.")


class SessionShown(Shown):
    model_config = ConfigDict(
        json_schema_extra=examples(
            {"id": "2013-02-01", "at": "2013-02-01T21:00:00Z", "stats": {"trade_count": 15}}
        )
    )

    id: str
    at: datetime
    stats: dict[str, Any]


class TrialShown(Shown):
    """A trial: which version, against which, since when."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": 1,
                "model": "momentum",
                "version_id": "922cc995d975",
                "version": "1.2.0",
                "benchmark_id": None,
                "benchmark": None,
                "state": "running",
                "started_at": "2013-02-01T00:00:00Z",
                "started_by": "ann",
                "ended_at": None,
                "ended_by": None,
                "end_reason": None,
            }
        )
    )

    id: int
    model: str
    version_id: str
    version: str
    benchmark_id: str | None
    benchmark: str | None
    state: str
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None


class ProgressShown(Shown):
    """How far a challenger is."""

    id: str
    name: str
    version: str
    stage: Stage
    benchmark_id: str | None
    benchmark: str | None
    started_at: datetime | None
    metrics: dict[str, float | int | None]
    criteria: list[CheckShown]
    comparison: dict[str, Any] | None
    sessions_needed: int | None
    promotion_eligible: bool


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
