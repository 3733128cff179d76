"""The table of measured metrics: what is written once, and how it is read.

Functions take the caller's connection. The first value of (version, split, metric) stays for ever:
the same value again is a replay that writes nothing, another value is a conflict that undoes the
whole call. Values are compared exactly; measure once and log that, rather than measuring again
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from governance.config.metric_names import MetricType
from governance.errors import MetricConflictError
from governance.store.database import database_time
from governance.store.schema import model_validation_metrics
from governance.store.upsert import dialect_insert
from governance.values import ModelVersion

_columns = model_validation_metrics.c


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRecord:
    """One recorded value, as it stands in the database."""

    model_name: str
    model_version: str
    dataset_split: str
    metric_name: str
    metric_type: MetricType
    metric_value: float
    recorded_by: str
    recorded_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMetric:
    """A checked value that is about to be recorded."""

    dataset_split: str
    metric_name: str
    metric_type: MetricType
    metric_value: float


def insert_metrics(
    tx: Connection,
    version: ModelVersion,
    metrics: Sequence[NewMetric],
    *,
    by: str,
    at: datetime | None,
) -> list[NewMetric]:
    """Records ``metrics`` in the caller's transaction; those that were not there before.

    Raises:
        MetricConflictError: a value differs from the recorded one; names every such metric.
    """
    now = database_time(tx)
    shared = {
        "version_id": version.id,
        "model_name": version.name,
        "model_version": version.version,
        "recorded_by": by,
        "recorded_at": now,
        "at": at or now,
    }
    # In one order for all writers, so that two of them cannot wait for each other.
    metrics = sorted(metrics, key=lambda metric: (metric.dataset_split, metric.metric_name))
    # A writer that comes at the same time waits here for the other one and then sees its row. Rows
    # are given beside the statement, not inside it, so that it is compiled once and not each time.
    statement = (
        dialect_insert(tx, model_validation_metrics)
        .on_conflict_do_nothing(
            index_elements=[_columns.version_id, _columns.dataset_split, _columns.metric_name]
        )
        .returning(_columns.dataset_split, _columns.metric_name)
    )
    rows = [shared | _row(metric) for metric in metrics]
    written = tx.execute(statement, rows) if rows else ()
    new = {(row.dataset_split, row.metric_name) for row in written}
    if len(new) < len(metrics):
        _refuse_others(tx, version, metrics)
    return [metric for metric in metrics if (metric.dataset_split, metric.metric_name) in new]


def _row(metric: NewMetric) -> dict[str, Any]:
    return {
        "dataset_split": metric.dataset_split,
        "metric_name": metric.metric_name,
        "metric_type": metric.metric_type.value,
        "metric_value": metric.metric_value,
    }


def _refuse_others(tx: Connection, version: ModelVersion, metrics: Iterable[NewMetric]) -> None:
    kept = {
        (row.dataset_split, row.metric_name): row.metric_value
        for row in tx.execute(
            select(_columns.dataset_split, _columns.metric_name, _columns.metric_value).where(
                _columns.version_id == version.id
            )
        )
    }
    others = [
        f"{metric.metric_name} on {metric.dataset_split} is {recorded!r}, "
        f"not {metric.metric_value!r}"
        for metric in metrics
        if (recorded := kept[metric.dataset_split, metric.metric_name]) != metric.metric_value
    ]
    if others:
        raise MetricConflictError(
            f"{version.ref} has other values recorded: {'; '.join(others[:10])}; the first stay, "
            "so log under another split or register a new version"
        )


def select_metrics(
    connection: Connection, version: ModelVersion, dataset_split: str | None = None
) -> tuple[MetricRecord, ...]:
    """The records of ``version``, in the order in which they were written."""
    query = select(model_validation_metrics).where(_columns.version_id == version.id)
    if dataset_split is not None:
        query = query.where(_columns.dataset_split == dataset_split)
    return tuple(
        MetricRecord(
            model_name=row.model_name,
            model_version=row.model_version,
            dataset_split=row.dataset_split,
            metric_name=row.metric_name,
            metric_type=MetricType(row.metric_type),
            metric_value=row.metric_value,
            recorded_by=row.recorded_by,
            recorded_at=row.recorded_at,
            at=row.at,
        )
        for row in connection.execute(query.order_by(_columns.id))
    )
