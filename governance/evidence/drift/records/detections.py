"""`model_drift_detection`: drift alerts of single features, and who has seen them.

Two origins: ad-hoc comparisons (`gov.drift.detect_data_drift`), and the features that a scan found
when it opened an incident. Incidents and messages are elsewhere (``governance.history.incidents``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from governance.errors import ConflictError, InvalidInputError, NotFoundError
from governance.policy.drift.facts import Finding
from governance.registry.attachments import check_person
from governance.store.database import database_time
from governance.store.drift_tables import model_drift_detection
from governance.store.name_patterns import names_like
from governance.values import ModelVersion, Severity

DriftType = Literal["data", "prediction"]
DetectionOrigin = Literal["ad_hoc", "scan"]

MAX_PAGE = 1000
_LAST_ID = 2**63 - 1

_detections = model_drift_detection.c


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftAlert:
    """One row: a feature (or the predictions) of a version, compared at a time.

    Attributes:
        score: of `method`; ``None`` where it could not be computed (`finding` says why).
        is_alert: the score is above the threshold, and the difference is no chance.
    """

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
    finding: Finding
    is_alert: bool
    reason: str
    detected_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedFeature:
    """What is to be recorded of one feature."""

    feature: str
    drift_type: DriftType
    method: str
    score: float | None
    threshold: float
    p_value: float | None
    q_value: float | None
    severity: Severity
    finding: Finding
    is_alert: bool
    reason: str


def record(
    tx: Connection,
    version: ModelVersion,
    found: Sequence[DetectedFeature],
    *,
    origin: DetectionOrigin,
    at: datetime,
) -> list[int]:
    """Append rows, in the caller's transaction; their ids, in the same order."""
    if not found:
        return []
    made = tx.execute(
        insert(model_drift_detection).returning(
            model_drift_detection.c.id, sort_by_parameter_order=True
        ),
        [
            {
                "model_name": version.name,
                "model_version": version.version,
                "version_id": version.id,
                "drift_type": item.drift_type,
                "origin": origin,
                "feature": item.feature,
                "method": item.method,
                "score": item.score,
                "threshold": item.threshold,
                "p_value": item.p_value,
                "q_value": item.q_value,
                "severity": item.severity.value,
                "finding": item.finding.value,
                "is_alert": item.is_alert,
                "reason": item.reason,
                "detected_at": at,
            }
            for item in found
        ],
    )
    return list(made.scalars())


def query(
    connection: Connection,
    *,
    model: str | None = None,
    version: str | None = None,
    is_alert: bool | None = None,
    acknowledged: bool | None = None,
    limit: int = 100,
    patterns: Sequence[str] | None = None,
    before: int | None = None,
) -> list[DriftAlert]:
    """The newest first. ``version`` is a number or an id.

    Args:
        patterns: only of models whose names match one of them; ``None`` for all.
        before: id of the last alert of the page before.
    """
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    conditions: list[ColumnElement[bool]] = []
    if model is not None:
        conditions.append(_detections.model_name == model)
    if patterns is not None:
        conditions.append(names_like(_detections.model_name, patterns))
    if before is not None:
        conditions.append(_detections.id < before)
    if version is not None:
        conditions.append(
            or_(_detections.model_version == version, _detections.version_id == version)
        )
    if is_alert is not None:
        conditions.append(_detections.is_alert.is_(is_alert))
    if acknowledged is not None:
        seen = _detections.acknowledged_at
        conditions.append(seen.is_not(None) if acknowledged else seen.is_(None))
    rows = connection.execute(
        select(model_drift_detection)
        .where(*conditions)
        .order_by(_detections.id.desc())
        .limit(limit)
    )
    return [_alert(row) for row in rows]


def find(connection: Connection, alert_id: int) -> DriftAlert:
    """
    Raises:
        NotFoundError: no such alert.
    """
    row = connection.execute(
        select(model_drift_detection).where(_detections.id == alert_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(
            f"there is no drift alert {alert_id}; `gov.drift.get_drift_alerts()` shows them"
        )
    return _alert(row)


def acknowledge(tx: Connection, alert_id: int, by: str) -> DriftAlert:
    """Note who has seen an alert; the same person again changes nothing.

    Raises:
        NotFoundError: no such alert. ConflictError: somebody else acknowledged it, or the row is
            no alert.
    """
    if type(alert_id) is not int or not 0 <= alert_id <= _LAST_ID:
        raise InvalidInputError("alert_id is the whole number that get_drift_alerts gives as id")
    person = check_person(by, what="acknowledged_by")
    row = tx.execute(
        select(model_drift_detection).where(_detections.id == alert_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFoundError(
            f"there is no drift alert {alert_id}; `gov.drift.get_drift_alerts()` shows them"
        )
    if not row.is_alert:
        raise ConflictError(f"row {alert_id} is no alert, so there is nothing to acknowledge")
    if row.acknowledged_by == person:
        return _alert(row)
    if row.acknowledged_by is not None:
        raise ConflictError(
            f"alert {alert_id} was acknowledged by {row.acknowledged_by} already; nothing to do"
        )
    now = database_time(tx)
    tx.execute(
        update(model_drift_detection)
        .where(_detections.id == alert_id)
        .values(acknowledged_by=person, acknowledged_at=now)
    )
    return _alert(tx.execute(select(model_drift_detection).where(_detections.id == alert_id)).one())


def _alert(row: Row[Any]) -> DriftAlert:
    return DriftAlert(
        id=row.id,
        model=row.model_name,
        version=row.model_version,
        version_id=row.version_id,
        drift_type=row.drift_type,
        origin=row.origin,
        feature=row.feature,
        method=row.method,
        score=row.score,
        threshold=row.threshold,
        p_value=row.p_value,
        q_value=row.q_value,
        severity=Severity(row.severity),
        finding=Finding(row.finding),
        is_alert=row.is_alert,
        reason=row.reason,
        detected_at=row.detected_at,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
    )
