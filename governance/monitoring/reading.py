"""The state of an installation as figures: a fixed number of statements, however many models.

What concerns one model is read of the version in production, the one that decides. Neighbours:
``installation`` puts the figures onto the page, ``decision_counts`` counts decisions. Event times
are the caller's, ages are by the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from governance.monitoring.decision_counts import DecisionCounts, Sort
from governance.store.alert_tables import alert_outbox, incidents
from governance.store.database import database_time
from governance.store.drift_tables import (
    drift_calibrations,
    model_drift_report_features,
    model_drift_reports,
)
from governance.store.promotion_tables import approvals, rollback_drills, shadow_runs
from governance.store.schema import governed_models, model_registry

_UNDELIVERED = ("pending", "dead")

_versions, _models = model_registry.c, governed_models.c
_by_name = select(_versions.stage, func.count().label("versions")).group_by(
    _versions.stage, _versions.name
)
_named = _by_name.subquery().c
_BY_STAGE = select(_named.stage, func.sum(_named.versions), func.count()).group_by(_named.stage)
_live = and_(_versions.name == _models.name, _versions.stage == "production")
_HEADS = (
    select(_models.name, _models.generation, _versions.id.label("live"))
    .select_from(governed_models)
    .outerjoin(model_registry, _live)
    .order_by(_models.name)
)

_reports, _features = model_drift_reports.c, model_drift_report_features.c
_newest = model_drift_reports.alias()
_newest_report = (
    select(_newest.c.id)
    .where(_newest.c.version_id == _versions.id)
    .order_by(_newest.c.at.desc())
    .limit(1)
    .correlate(model_registry)
    .scalar_subquery()
)
_largest_psi = (
    select(func.max(_features.psi))
    .where(_features.report_id == _reports.id)
    .correlate(model_drift_reports)
    .scalar_subquery()
)
_DRIFT = (
    select(_versions.name, _reports.severity, _reports.at, _largest_psi.label("psi"))
    .select_from(model_registry)
    .join(model_drift_reports, _reports.id == _newest_report)
    .where(_versions.stage == "production")
)

_calibrations = drift_calibrations.c
_last_calibration = drift_calibrations.alias()
_CALIBRATED = (
    select(
        _versions.name,
        _calibrations.alarms_per_month,
        _calibrations.upper_bound,
        _calibrations.budget,
        _calibrations.verdict,
    )
    .select_from(model_registry)
    .join(
        drift_calibrations,
        and_(
            _calibrations.model_name == _versions.name,
            _calibrations.version_id == _versions.id,
            _calibrations.at
            == select(func.max(_last_calibration.c.at))
            .where(
                _last_calibration.c.model_name == _versions.name,
                _last_calibration.c.version_id == _versions.id,
            )
            .correlate(model_registry)
            .scalar_subquery(),
        ),
    )
    .where(_versions.stage == "production")
)

_drills = rollback_drills.c
_last_drill = rollback_drills.alias()
_DRILLED = (
    select(_models.name, _drills.passed, _drills.duration_ms, _drills.recorded_at)
    .select_from(governed_models)
    .join(
        rollback_drills,
        and_(
            _drills.model_name == _models.name,
            _drills.at
            == select(func.max(_last_drill.c.at))
            .where(_last_drill.c.model_name == _models.name)
            .correlate(governed_models)
            .scalar_subquery(),
        ),
    )
)

_OPEN = (
    select(incidents.c.model_name, incidents.c.severity, func.count())
    .where(incidents.c.state == "open")
    .group_by(incidents.c.model_name, incidents.c.severity)
)
_TO_TELL = (
    select(
        alert_outbox.c.channel,
        alert_outbox.c.state,
        func.count(),
        func.min(alert_outbox.c.created_at),
    )
    .where(alert_outbox.c.state.in_(_UNDELIVERED))
    .group_by(alert_outbox.c.channel, alert_outbox.c.state)
)


@dataclass(frozen=True, slots=True)
class Drift:
    severity: str
    at: datetime
    psi: float | None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Alarms a month without drift: measured, its upper bound, and what is allowed."""

    measured: float | None
    upper_bound: float | None
    budget: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Drilled:
    passed: bool
    seconds: float
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """
    Attributes:
        generation: how often it was activated. live: is a version in production?
        alerts: open incidents by severity.
    """

    generation: int
    live: bool
    drift: Drift | None = None
    calibrated: Calibrated | None = None
    drilled: Drilled | None = None
    alerts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """
    Attributes:
        models: by name. versions, in_stage: versions, and models that have one, by stage.
        undelivered: messages by channel and state. oldest_seconds: of the oldest pending one.
    """

    models: Mapping[str, ModelState]
    versions: Mapping[str, int]
    in_stage: Mapping[str, int]
    decisions: Mapping[Sort, int]
    undelivered: Mapping[tuple[str, str], int]
    oldest_seconds: float
    pending_approvals: int
    running_trials: int


def read_installation(connection: Connection, decisions: DecisionCounts) -> Installation:
    """The figures of one moment, in one transaction."""
    now = database_time(connection)
    stages = connection.execute(_BY_STAGE).all()
    drift = {
        row.name: Drift(row.severity, row.at, row.psi) for row in connection.execute(_DRIFT).all()
    }
    calibrated = {
        row.name: Calibrated(row.alarms_per_month, row.upper_bound, row.budget, row.verdict)
        for row in connection.execute(_CALIBRATED).all()
    }
    drilled = {
        row.name: Drilled(row.passed, row.duration_ms / 1000, row.recorded_at)
        for row in connection.execute(_DRILLED).all()
    }
    alerts: dict[str, dict[str, int]] = {}
    for name, severity, number in connection.execute(_OPEN).all():
        alerts.setdefault(name, {})[severity] = number
    to_tell = connection.execute(_TO_TELL).all()
    waiting = [row[3] for row in to_tell if row.state == "pending"]
    return Installation(
        models={
            row.name: ModelState(
                generation=row.generation,
                live=row.live is not None,
                drift=drift.get(row.name),
                calibrated=calibrated.get(row.name),
                drilled=drilled.get(row.name),
                alerts=alerts.get(row.name, {}),
            )
            for row in connection.execute(_HEADS).all()
        },
        versions={stage: int(number) for stage, number, _ in stages},
        in_stage={stage: models for stage, _, models in stages},
        decisions=decisions(connection),
        undelivered={(row.channel, row.state): row[2] for row in to_tell},
        oldest_seconds=max(((now - one).total_seconds() for one in waiting), default=0.0),
        pending_approvals=connection.execute(
            select(func.count())
            .select_from(approvals)
            .where(approvals.c.state == "pending", approvals.c.expires_at > now)
        ).scalar_one(),
        running_trials=connection.execute(
            select(func.count()).select_from(shadow_runs).where(shadow_runs.c.state == "running")
        ).scalar_one(),
    )
