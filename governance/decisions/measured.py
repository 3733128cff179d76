"""The metrics of a version as gates are given them: split -> name -> value.

Recorded metrics count where they were measured by ``at``; those given at registration stand where
none was recorded. Flat metrics of a registration count as measured on the split ``registered``.
Neighbour: ``governance.evidence.metric_records`` (the table).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select

from governance.store.schema import model_validation_metrics
from governance.values import ModelVersion

_columns = model_validation_metrics.c
_RECORDED = select(_columns.dataset_split, _columns.metric_name, _columns.metric_value).where(
    _columns.version_id == bindparam("version")
)
_OF_BOTH_BY = select(
    _columns.version_id, _columns.dataset_split, _columns.metric_name, _columns.metric_value
).where(
    or_(_columns.version_id == bindparam("version"), _columns.version_id == bindparam("champion")),
    _columns.at <= bindparam("by"),
)

Splits = dict[str, dict[str, Any]]


def measured(connection: Connection, version: ModelVersion) -> Splits:
    """All of them, whenever they were measured."""
    return _with_recorded(version, connection.execute(_RECORDED, {"version": version.id}))


def measured_of_both(
    connection: Connection, version: ModelVersion, champion: ModelVersion | None, *, at: datetime
) -> tuple[Splits, Splits]:
    """Those of a version and of its champion that were measured by ``at``, in one question."""
    other = "" if champion is None else champion.id
    asked = {"version": version.id, "champion": other, "by": at}
    rows: dict[str, list[tuple[str, str, Any]]] = {version.id: [], other: []}
    for of, *row in connection.execute(_OF_BOTH_BY, asked):
        rows[of].append((row[0], row[1], row[2]))
    beside = {} if champion is None else _with_recorded(champion, rows[other])
    return _with_recorded(version, rows[version.id]), beside


def _with_recorded(version: ModelVersion, rows: Iterable[Any]) -> Splits:
    splits: Splits = {}
    for key, value in version.metrics.items():
        if isinstance(value, Mapping):
            splits.setdefault(key, {}).update(value)
        else:
            splits.setdefault("registered", {})[key] = value
    for split, name, value in rows:
        splits.setdefault(split, {})[name] = value
    return splits
