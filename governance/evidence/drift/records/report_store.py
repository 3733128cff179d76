"""Where drift reports are kept: one for a model, a version and a moment, with a row for each
feature.

Recording the same moment again replaces the report where its evidence changed and counts its
revision. Reports stay; the features of a look that was nothing special go after a while
(``forget_figures``), and its ``features`` are ``()`` from then on. Neighbours: ``report`` (the
value), ``scan`` (makes it), ``detections`` (single alerts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from governance.errors import InvalidInputError
from governance.evidence.drift.records.report_rows import episode_before, report_of
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.policy.drift.findings import RANK
from governance.store.drift_tables import model_drift_report_features, model_drift_reports
from governance.store.name_patterns import names_like
from governance.values import Severity, iso

MAX_PAGE = 1000

_reports = model_drift_reports.c
_features = model_drift_report_features.c
_DRIFTED = (Severity.SEVERE, Severity.MODERATE)


def report_id(model: str, version_id: str, at: datetime) -> str:
    """The same model, version and moment have the same report.

    >>> from datetime import UTC
    >>> report_id("m", "922cc995d975", datetime(2013, 2, 1, tzinfo=UTC))
    '6f033bc60121aa073d3cf36b20fabf5b'
    """
    text = f"drift-report-1\n{model}\n{version_id}\n{iso(at)}\n"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def worst_first(features: Iterable[FeatureReport]) -> tuple[FeatureReport, ...]:
    """By severity, then by how unusual, then by name."""
    return tuple(
        sorted(
            features,
            key=lambda item: (-RANK[item.severity], -(item.figures.z or 0.0), item.feature),
        )
    )


def find(connection: Connection, report: str) -> DriftReport | None:
    """The report with this id."""
    found = _with_features(
        connection,
        connection.execute(select(model_drift_reports).where(_reports.id == report)).all(),
    )
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is recorded of a moment, before it is looked at again."""

    evidence_digest: str
    revision: int


def standing(connection: Connection, report: str) -> Standing | None:
    """The evidence and revision of the report with this id; ``None`` if there is none."""
    row = connection.execute(
        select(_reports.evidence_digest, _reports.revision).where(_reports.id == report)
    ).one_or_none()
    return None if row is None else Standing(row[0], row[1])


def latest_before(connection: Connection, version_id: str, at: datetime) -> Mapping[str, Any]:
    """Where the alarm rules stood after the last look of this version before ``at``; ``{}`` if
    there was none.
    """
    found = connection.execute(
        select(_reports.episode)
        .where(_reports.version_id == version_id, _reports.at < at)
        .order_by(_reports.at.desc())
        .limit(1)
    ).scalar_one_or_none()
    return {} if found is None else episode_before(found, version_id, at)


def newest(connection: Connection, model: str) -> datetime | None:
    """The moment of the model's newest report, of any version."""
    found: datetime | None = connection.execute(
        select(func.max(_reports.at, type_=_reports.at.type)).where(_reports.model_name == model)
    ).scalar_one_or_none()
    return found


def query(
    connection: Connection,
    *,
    model: str | None = None,
    version: str | None = None,
    severity: Severity | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    patterns: Sequence[str] | None = None,
    after: str | None = None,
) -> list[DriftReport]:
    """Reports of since <= at <= until, the newest first.

    Args:
        version: its number or its id.
        patterns: only of models whose names match one of them; ``None`` for all.
        after: id of the last report of the page before.
    """
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    conditions: list[ColumnElement[bool]] = []
    if model is not None:
        conditions.append(_reports.model_name == model)
    if patterns is not None:
        conditions.append(names_like(_reports.model_name, patterns))
    if after is not None:
        conditions.append(_behind(connection, after))
    if version is not None:
        conditions.append(or_(_reports.model_version == version, _reports.version_id == version))
    if severity is not None:
        conditions.append(_reports.severity == severity.value)
    if since is not None:
        conditions.append(_reports.at >= since)
    if until is not None:
        conditions.append(_reports.at <= until)
    rows = connection.execute(
        select(model_drift_reports)
        .where(*conditions)
        .order_by(_reports.at.desc(), _reports.model_name, _reports.version_id)
        .limit(limit)
    ).all()
    return _with_features(connection, rows)


def _behind(connection: Connection, report: str) -> ColumnElement[bool]:
    last = connection.execute(
        select(_reports.at, _reports.model_name, _reports.version_id).where(_reports.id == report)
    ).one_or_none()
    if last is None:
        raise InvalidInputError("the cursor is not one that a list of reports gave")
    name, version = _reports.model_name, _reports.version_id
    return or_(
        _reports.at < last.at,
        and_(_reports.at == last.at, name > last.model_name),
        and_(_reports.at == last.at, name == last.model_name, version > last.version_id),
    )


def history(
    connection: Connection, version_id: str, *, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """The looks at a version of since <= at <= until, oldest first, without their features: at,
    severity, flagged (number of features), worst_effect, incident_id.
    """
    rows = connection.execute(
        select(_reports.at, _reports.severity, _reports.episode, _reports.incident_id)
        .where(_reports.version_id == version_id, _reports.at >= since, _reports.at <= until)
        .order_by(_reports.at)
    )
    return [
        {
            "at": iso(row.at),
            "severity": row.severity,
            "flagged": row.episode["flagged"],
            "worst_effect": row.episode["worst_effect"],
            "incident_id": row.incident_id,
        }
        for row in rows
    ]


def write(tx: Connection, report: DriftReport, *, now: datetime, day_close: bool = True) -> None:
    """Record a report, in place of an earlier revision of it.

    Args:
        day_close: does the look end a day? The features of one that does not, that is not drifted
            and that belongs to no incident may be forgotten.
    """
    special = day_close or report.event is not None or report.incident_id is not None
    values = {
        "id": report.id,
        "model_name": report.model,
        "version_id": report.version_id,
        "model_version": report.version,
        "at": report.at,
        "severity": report.severity.value,
        "rows": report.rows,
        "reasons": list(report.reasons),
        "reference": dict(report.reference),
        "policy": dict(report.policy),
        "evidence_digest": report.evidence_digest,
        "episode": {
            **report.episode,
            "event": report.event,
            "retrain_requested": report.retrain_requested,
            "flagged": sum(item.severity in _DRIFTED for item in report.features),
            "worst_effect": max(
                (
                    item.figures.effect
                    for item in report.features
                    if item.figures.effect is not None
                ),
                default=None,
            ),
        },
        "incident_id": report.incident_id,
        "revision": report.revision,
        "passing": not special and report.severity not in _DRIFTED,
        "recorded_at": now,
    }
    if report.revision > 1:
        tx.execute(delete(model_drift_report_features).where(_features.report_id == report.id))
        tx.execute(update(model_drift_reports).where(_reports.id == report.id).values(**values))
    else:
        tx.execute(insert(model_drift_reports).values(**values))
    if report.features:
        tx.execute(
            insert(model_drift_report_features),
            [
                {
                    "report_id": report.id,
                    "feature": feature.feature,
                    "severity": feature.severity.value,
                    "finding": feature.finding.value,
                    "ks": feature.ks,
                    "psi": feature.psi,
                    "p_value": feature.p_value,
                    "q_value": feature.q_value,
                    "mean_shift": feature.mean_shift,
                    "variance_ratio": feature.variance_ratio,
                    "missing_share": feature.missing_share,
                    "figures": feature.as_json(),
                }
                for feature in report.features
            ],
        )


def forget_figures(tx: Connection, model: str, *, before: datetime) -> None:
    """Drop the features of a model's looks before this time that were nothing special (``write``).

    One statement finds them by an index of just those, so that it costs as much as a day holds.
    """
    passing = (_reports.model_name == model, _reports.at < before, _reports.passing)
    old = select(_reports.id).where(*passing)
    tx.execute(delete(model_drift_report_features).where(_features.report_id.in_(old)))
    tx.execute(update(model_drift_reports).where(*passing).values(passing=False))


def _with_features(connection: Connection, rows: Sequence[Row[Any]]) -> list[DriftReport]:
    if not rows:
        return []
    found: dict[str, list[Mapping[str, Any]]] = {row.id: [] for row in rows}
    for report, figures in connection.execute(
        select(_features.report_id, _features.figures).where(_features.report_id.in_(list(found)))
    ):
        found[report].append(figures)
    return [report_of(row, found[row.id], worst_first) for row in rows]
