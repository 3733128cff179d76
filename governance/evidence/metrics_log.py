"""``gov.validation``: computes metrics, records them per version and split, and gives them back.

Every call is one transaction with one audit entry, however many metrics it records; a call that
records nothing new leaves no trace. Neighbours: ``classification``, ``regression``, ``trading``
compute, ``checked_metrics`` refuses, ``metric_records`` stores. Not promised: that a logged figure
was really measured; who logged it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from governance.config.metric_names import MetricType
from governance.errors import ConfigError, InvalidInputError
from governance.evidence.backtest import Backtest
from governance.evidence.checked_metrics import check_metric, check_metrics, check_split
from governance.evidence.classification import classification_metrics
from governance.evidence.measured import Measured
from governance.evidence.metric_records import (
    MetricRecord,
    NewMetric,
    insert_metrics,
    select_metrics,
)
from governance.evidence.regression import regression_metrics
from governance.evidence.trading import trading_metrics
from governance.history.audit import append_entry
from governance.registry.attachments import check_person
from governance.store.database import Database
from governance.values import ModelVersion, as_utc

__all__ = ["MetricRecord", "MetricType", "ValidationMetricsTracker"]

AnyRef = ModelVersion | str
Values = Mapping[str, float | None]


class ValidationMetricsTracker:
    """
    Every call names its version by ``ref`` (a ModelVersion, an id, ``"name:1.2.0"``,
    ``"name@production"``) or by ``model_name`` and ``model_version``.

    Args:
        database: with the schema in place.
        resolve: gives the version that a ``ref`` means; the registry's.
        backtest: evaluates a version on a window; ``governance.training.backtest``.
    """

    def __init__(
        self,
        database: Database,
        resolve: Callable[[AnyRef], ModelVersion],
        *,
        backtest: Callable[[AnyRef, datetime, datetime], Backtest] | None = None,
    ) -> None:
        self._database = database
        self._resolve = resolve
        self._backtest = backtest

    def backtest(self, ref: AnyRef, start: datetime, end: datetime) -> Backtest:
        """The version's walk-forward evaluation again, on the rows from ``start`` to ``end``.

        Trains (seconds to minutes) and records nothing. Errors: see
        ``governance.training.backtest``.
        """
        if self._backtest is None:
            raise ConfigError("this tracker cannot train; take the one of Governance.open()")
        return self._backtest(ref, start, end)

    def log_metric(
        self,
        ref: AnyRef | None = None,
        metric_name: str = "",
        metric_value: float | None = None,
        metric_type: MetricType | str | None = None,
        dataset_split: str = "test",
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        by: str = "unknown",
        at: datetime | None = None,
    ) -> MetricRecord:
        """Records one value; the record as it stands, also when it was there before.

        Args:
            metric_type: classification, regression, trading or custom; a known name has its own.
            at: when it was measured; the database's time if not given.

        Raises:
            InvalidEvidenceError: not finite, or a value that this metric cannot take.
            MetricConflictError: another value is recorded already; that one stays.
        """
        check_person(by, what="by")
        metric = check_metric(dataset_split, metric_name, metric_value, metric_type)
        version = self._version(ref, model_name, model_version)
        self._record(version, [metric], {}, by=by, at=at)
        with self._database.read() as connection:
            records = select_metrics(connection, version, metric.dataset_split)
        return next(record for record in records if record.metric_name == metric.metric_name)

    def log_metrics(
        self,
        ref: AnyRef,
        metrics: Mapping[str, Values],
        *,
        metric_type: MetricType | str | None = None,
        by: str = "unknown",
        at: datetime | None = None,
    ) -> int:
        """Records ``metrics`` (split → name → value) all or none; how many were new.

        ``None`` means that the figure does not exist: it is not recorded, so that a gate that asks
        for it says INSUFFICIENT, and the audit entry names it.

        Raises:
            InvalidEvidenceError, MetricConflictError: as for :meth:`log_metric`; nothing is kept.
            InvalidInputError: another shape, or a name that is not allowed.
        """
        check_person(by, what="by")
        new = check_metrics(metrics, metric_type=metric_type)
        version = self._resolve(ref)
        undefined = {
            split: {name: "does not exist" for name, value in values.items() if value is None}
            for split, values in metrics.items()
        }
        return self._record(version, new, undefined, by=by, at=at)

    def evaluate_classification(
        self,
        ref: AnyRef | None = None,
        y_true: Any = None,
        y_pred: Any = None,
        y_score: Any = None,
        dataset_split: str = "test",
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        metrics: Sequence[str] | None = None,
        log: bool = True,
        by: str = "unknown",
        at: datetime | None = None,
    ) -> Measured:
        """Computes :func:`classification_metrics` and, unless ``log`` is false, records them."""
        measured = classification_metrics(y_true, y_pred, y_score)
        version = self._version(ref, model_name, model_version)
        return self._evaluated(
            version, measured, dataset_split, only=metrics, log=log, by=by, at=at
        )

    def evaluate_regression(
        self,
        ref: AnyRef | None = None,
        y_true: Any = None,
        y_pred: Any = None,
        dataset_split: str = "test",
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        metrics: Sequence[str] | None = None,
        log: bool = True,
        by: str = "unknown",
        at: datetime | None = None,
    ) -> Measured:
        """Computes :func:`regression_metrics` and, unless ``log`` is false, records them."""
        measured = regression_metrics(y_true, y_pred)
        version = self._version(ref, model_name, model_version)
        return self._evaluated(
            version, measured, dataset_split, only=metrics, log=log, by=by, at=at
        )

    def evaluate_trading(
        self,
        ref: AnyRef | None = None,
        returns: Any = None,
        positions: Any = None,
        dataset_split: str = "test",
        *,
        cost_bps: float = 0.0,
        periods_per_year: float = 252,
        model_name: str | None = None,
        model_version: str | None = None,
        metrics: Sequence[str] | None = None,
        log: bool = True,
        by: str = "unknown",
        at: datetime | None = None,
    ) -> Measured:
        """Computes :func:`trading_metrics` and, unless ``log`` is false, records them."""
        measured = trading_metrics(
            returns, positions, cost_bps=cost_bps, periods_per_year=periods_per_year
        )
        version = self._version(ref, model_name, model_version)
        return self._evaluated(
            version, measured, dataset_split, only=metrics, log=log, by=by, at=at
        )

    def get_metrics(
        self,
        ref: AnyRef | None = None,
        dataset_split: str | None = None,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
    ) -> tuple[MetricRecord, ...]:
        """The recorded metrics of a version, of one split or of all, oldest first."""
        if dataset_split is not None:
            check_split(dataset_split)
        version = self._version(ref, model_name, model_version)
        with self._database.read() as connection:
            return select_metrics(connection, version, dataset_split)

    def by_split(self, ref: AnyRef) -> dict[str, dict[str, float]]:
        """Recorded values as split → name → value, which is what gates are given."""
        splits: dict[str, dict[str, float]] = {}
        for record in self.get_metrics(ref):
            splits.setdefault(record.dataset_split, {})[record.metric_name] = record.metric_value
        return splits

    def _version(self, ref: AnyRef | None, name: str | None, version: str | None) -> ModelVersion:
        if ref is not None:
            if name is not None or version is not None:
                raise InvalidInputError("give ref, or model_name and model_version, not both")
            return self._resolve(ref)
        if name is None or version is None:
            raise InvalidInputError("say which version: give ref, or model_name and model_version")
        return self._resolve(f"{name}:{version}")

    def _evaluated(
        self,
        version: ModelVersion,
        measured: Measured,
        split: str,
        *,
        only: Sequence[str] | None,
        log: bool,
        by: str,
        at: datetime | None,
    ) -> Measured:
        kept = measured.only(None if only is None else tuple(only))
        if log:
            new = check_metrics({split: kept.known})
            self._record(version, new, {split: kept.reasons}, by=by, at=at)
        return kept

    def _record(
        self,
        version: ModelVersion,
        metrics: Sequence[NewMetric],
        undefined: Mapping[str, Mapping[str, str]],
        *,
        by: str,
        at: datetime | None,
    ) -> int:
        check_person(by, what="by")  # before the first write, whoever calls
        if not metrics:
            return 0
        moment = as_utc(at) if at is not None else None
        with self._database.begin() as tx:
            new = insert_metrics(tx, version, metrics, by=by, at=moment)
            if new:
                values: dict[str, dict[str, float]] = {}
                for metric in new:
                    values.setdefault(metric.dataset_split, {})[metric.metric_name] = (
                        metric.metric_value
                    )
                left_out = {split: dict(names) for split, names in undefined.items() if names}
                append_entry(
                    tx,
                    actor=by,
                    action="metrics.recorded",
                    model=version.name,
                    version_id=version.id,
                    details={"metrics": values, "undefined": left_out},
                )
        return len(new)
