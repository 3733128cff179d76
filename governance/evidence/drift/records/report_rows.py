"""Rows of the report tables as the values that they were written from.

Whatever cannot be read is an IntegrityError that names the report: a state of the alarm rules that
is half read would open or close incidents. Neighbour: ``report_store`` asks the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from governance.errors import GovernanceError, IntegrityError
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.policy.drift.episodes import Episode
from governance.policy.drift.facts import FeatureFigures, Finding
from governance.values import Severity, iso

# What a look did stands beside the state of the alarm rules, in one column.
_DONE = ("event", "retrain_requested", "flagged", "worst_effect")

Order = Callable[[Iterable[FeatureReport]], tuple[FeatureReport, ...]]


def report_of(row: Row[Any], figures: Iterable[Mapping[str, Any]], order: Order) -> DriftReport:
    """
    Raises:
        IntegrityError: the row, or one of its features, is not what was recorded.
    """
    try:
        return _report(row, order(map(_feature, figures)))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(
            f"the drift report {row.id} is damaged; restore model_drift_reports and "
            "model_drift_report_features from a backup"
        ) from error


def _feature(stored: Mapping[str, Any]) -> FeatureReport:
    figures = dict(stored)
    severity, finding, reason = (figures.pop(name) for name in ("severity", "finding", "reason"))
    return FeatureReport(
        feature=figures["feature"],
        severity=Severity(severity),
        finding=Finding(finding),
        reason=reason,
        figures=FeatureFigures.from_json(figures),
    )


def episode_before(stored: Any, version_id: str, at: datetime) -> dict[str, Any]:
    """The state of the alarm rules that the look before ``at`` recorded.

    Raises:
        IntegrityError: it is damaged.
    """
    try:
        state = _episode(stored)
        Episode.from_json(state)
        list(map(date.fromisoformat, state.get("quarantined", ())))
    except (LookupError, TypeError, ValueError, AttributeError, GovernanceError) as error:
        raise IntegrityError(
            f"the state of the alarm rules that the last drift report of version {version_id} "
            f"before {iso(at)} recorded is damaged; restore model_drift_reports from a backup"
        ) from error
    return state


def _episode(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stored.items() if key not in _DONE}


def _report(row: Row[Any], features: tuple[FeatureReport, ...]) -> DriftReport:
    return DriftReport(
        id=row.id,
        model=row.model_name,
        version_id=row.version_id,
        version=row.model_version,
        at=row.at,
        severity=Severity(row.severity),
        rows=row.rows,
        features=features,
        reference=row.reference,
        reasons=tuple(row.reasons),
        policy=row.policy,
        evidence_digest=row.evidence_digest,
        episode=_episode(row.episode),
        revision=row.revision,
        event=row.episode["event"],
        incident_id=row.incident_id,
        retrain_requested=row.episode["retrain_requested"],
    )
