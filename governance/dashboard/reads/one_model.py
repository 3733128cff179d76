"""What the pages of one model and of one version show beside what the registry gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select

from governance.evidence.metric_records import MetricRecord, select_metrics
from governance.store.drift_tables import model_drift_reports
from governance.store.name_patterns import names_like
from governance.store.promotion_tables import shadow_runs, shadow_sessions
from governance.store.schema import model_registry
from governance.values import ModelVersion, Stage

_reports, _sessions, _runs = model_drift_reports.c, shadow_sessions.c, shadow_runs.c
_versions = model_registry.c


def newest_report(connection: Connection, model: str, version_id: str | None) -> Any:
    """id, version_id, model_version, at and severity of the last look at a version of the model;
    without a version the last look at any. ``None`` where nobody has looked.
    """
    which = _reports.version_id == version_id if version_id else _reports.model_name == model
    return connection.execute(
        select(
            _reports.id,
            _reports.version_id,
            _reports.model_version,
            _reports.at,
            _reports.severity,
        )
        .where(which)
        .order_by(_reports.at.desc())
        .limit(1)
    ).one_or_none()


def feature_spec(connection: Connection, version_id: str) -> Mapping[str, Any] | None:
    """The feature graph as it was registered."""
    found = connection.execute(
        select(model_registry.c.feature_spec).where(model_registry.c.id == version_id)
    ).scalar_one_or_none()
    return found if isinstance(found, Mapping) and found else None


def metrics_beside(
    connection: Connection, version: ModelVersion, other: ModelVersion | None
) -> list[dict[str, Any]]:
    """The metrics of a version, each with the same one of another version, by split and name."""
    mine = _by_name(select_metrics(connection, version))
    theirs = {} if other is None else _by_name(select_metrics(connection, other))
    return [
        {
            "split": split,
            "name": name,
            "value": _value(mine, (split, name)),
            "other": _value(theirs, (split, name)),
            "at": mine[split, name].at if (split, name) in mine else None,
        }
        for split, name in sorted(mine.keys() | theirs.keys())
    ]


def _by_name(found: tuple[MetricRecord, ...]) -> dict[tuple[str, str], MetricRecord]:
    return {(one.dataset_split, one.metric_name): one for one in found}


def _value(found: dict[tuple[str, str], MetricRecord], key: tuple[str, str]) -> float | None:
    return found[key].metric_value if key in found else None


def last_sessions(
    connection: Connection, version_ids: list[str]
) -> dict[str, tuple[int, datetime | None]]:
    """How many sessions each version recorded, and when the last one ended."""
    rows = connection.execute(
        select(_sessions.version_id, func.count(), func.max(_sessions.at, type_=_sessions.at.type))
        .where(_sessions.version_id.in_(version_ids))
        .group_by(_sessions.version_id)
    )
    return {version: (number, at) for version, number, at in rows}


def staged_without_trial(
    connection: Connection,
    *,
    model: str | None = None,
    patterns: Sequence[str] | None = None,
    limit: int,
) -> list[tuple[str, str]]:
    """Names and numbers of versions in staging of which no trial runs, the newest first."""
    runs = exists().where(_runs.version_id == _versions.id, _runs.state == "running")
    query = select(_versions.name, _versions.version).where(_versions.stage == Stage.STAGING, ~runs)
    if model is not None:
        query = query.where(_versions.name == model)
    if patterns is not None:
        query = query.where(names_like(_versions.name, patterns))
    rows = connection.execute(
        query.order_by(_versions.name, _versions.version_order.desc()).limit(limit)
    )
    return [(name, version) for name, version in rows]
