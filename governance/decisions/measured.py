"""The metrics of a version as gates are given them: split -> name -> value.

Recorded metrics count where they were measured by ``at``; those given at registration stand where
none was recorded. Flat metrics of a registration count as measured on the split ``registered``.
Neighbour: ``governance.evidence.metric_records`` (the table).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from governance.store.schema import model_validation_metrics
from governance.values import ModelVersion

_columns = model_validation_metrics.c
_RECORDED = select(_columns.dataset_split, _columns.metric_name, _columns.metric_value).where(
    _columns.version_id == bindparam("version")
)
_RECORDED_BY = _RECORDED.where(_columns.at <= bindparam("by"))


def measured(
    connection: Connection, version: ModelVersion, *, at: datetime | None = None
) -> dict[str, dict[str, Any]]:
    """
    Args:
        at: metrics of later than that do not count; ``None``: all do.
    """
    splits: dict[str, dict[str, Any]] = {}
    for key, value in version.metrics.items():
        if isinstance(value, Mapping):
            splits.setdefault(key, {}).update(value)
        else:
            splits.setdefault("registered", {})[key] = value
    asked = {"version": version.id}
    rows = (
        connection.execute(_RECORDED, asked)
        if at is None
        else connection.execute(_RECORDED_BY, {**asked, "by": at})
    )
    for split, name, value in rows:
        splits.setdefault(split, {})[name] = value
    return splits
