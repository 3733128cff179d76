"""Comparisons on request, for a version that is registered: measured, recorded, given back.

``ad_hoc`` compares; here are the settings' defaults, the rows of ``model_drift_detection``, and the
baseline that a version without one gets from the reference. No incident, no message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import pandas as pd

from governance.config.governance_file import GovernanceConfig
from governance.config.policy_file import PolicyFile
from governance.errors import InvalidEvidenceError, NaiveDatetimeError
from governance.evidence.drift.ad_hoc.comparing import compare_frames, compare_predictions
from governance.evidence.drift.ad_hoc.detection import Detection, Method
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.profiles.columns import as_arrow, kind_of
from governance.evidence.drift.profiles.edges import edges_of
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.records import detections
from governance.evidence.drift.records.baseline_store import BaselineStore
from governance.evidence.drift.records.detections import DetectedFeature, DriftType
from governance.evidence.drift.scanning.watching import Watch
from governance.policy.drift.limits import DriftLimits
from governance.registry.model_registry import ModelRegistry
from governance.settings import Settings
from governance.store.database import Database, database_time
from governance.values import ModelVersion, as_utc


class AdHocComparison:
    """Built by ``DriftDetector``."""

    def __init__(
        self,
        database: Database,
        registry: ModelRegistry,
        settings: Settings,
        baselines: BaselineStore,
        *,
        config: Callable[[], GovernanceConfig],
        policy: Callable[[], PolicyFile],
    ) -> None:
        self._database = database
        self._registry = registry
        self._settings = settings
        self._baselines = baselines
        self._config = config
        self._policy = policy

    def data(
        self,
        ref: ModelVersion | str,
        reference: Any,
        current: Any,
        *,
        method: str | None,
        threshold: float | None,
        at: datetime | None,
    ) -> list[Detection]:
        """See ``DriftDetector.detect_data_drift``."""
        version = self._registry.resolve(ref)
        watch, limits = self._watch(version), self._policy().drift(version.name)
        found = compare_frames(
            reference,
            current,
            method=self._method(method),
            threshold=self._threshold(threshold),
            categorical=() if watch is None else watch.categorical,
            limits=limits,
        )
        self._keep_baseline(version, watch, reference, limits)
        return self._recorded(version, found, "data", at)

    def predictions(
        self,
        ref: ModelVersion | str,
        reference: Any,
        current: Any,
        *,
        method: str | None,
        threshold: float | None,
        at: datetime | None,
    ) -> Detection:
        """See ``DriftDetector.detect_prediction_drift``."""
        version = self._registry.resolve(ref)
        found = compare_predictions(
            reference,
            current,
            method=self._method(method),
            threshold=self._threshold(threshold),
            limits=self._policy().drift(version.name),
        )
        return self._recorded(version, [found], "prediction", at)[0]

    def _method(self, given: str | None) -> Method:
        return cast(Method, given or self._settings.drift_detection_method)  # checked by ad_hoc

    def _threshold(self, given: float | None) -> float:
        return self._settings.drift_threshold if given is None else given

    def _watch(self, version: ModelVersion) -> Watch | None:
        declared = self._config().models.get(version.name)
        if declared is None or declared.drift is None:
            return None
        return Watch.of(version.name, declared)

    def _recorded(
        self,
        version: ModelVersion,
        found: Sequence[Detection],
        drift_type: DriftType,
        at: datetime | None,
    ) -> list[Detection]:
        """The same with the ids by which they are acknowledged."""
        rows = [
            DetectedFeature(
                feature=item.feature,
                drift_type=drift_type,
                method=item.method,
                score=item.score,
                threshold=item.threshold,
                p_value=item.p_value,
                q_value=item.q_value,
                severity=item.severity,
                finding=item.finding,
                is_alert=item.is_alert,
                reason=item.reason,
            )
            for item in found
        ]
        with self._database.begin() as tx:
            moment = database_time(tx) if at is None else as_utc(at)
            ids = detections.record(tx, version, rows, origin="ad_hoc", at=moment)
        return [replace(item, id=number) for item, number in zip(found, ids, strict=True)]

    def _keep_baseline(
        self, version: ModelVersion, watch: Watch | None, reference: Any, limits: DriftLimits
    ) -> None:
        """Nothing where the version has one, or where this reference cannot make a whole one."""
        if not isinstance(reference, pd.DataFrame) or len(reference) < limits.min_rows:
            return
        with self._database.read() as connection:
            if self._baselines.of_version(connection, version) is not None:
                return
        made = _baseline(reference, watch)
        if made is not None:
            self._baselines.establish(version, made, "reference_data")


def _baseline(reference: pd.DataFrame, watch: Watch | None) -> Baseline | None:
    if reference.columns.has_duplicates or not all(isinstance(c, str) for c in reference.columns):
        return None
    try:
        if watch is None:
            names = map(str, reference.columns)
            countable = [name for name in names if _countable(name, reference[name])]
            layout = Layout(tuple(edges_of(name, reference[name]) for name in countable))
            return Baseline(layout, rows=len(reference)) if countable else None
        if watch.time_column in reference:
            return Baseline.of(
                reference,
                features=watch.features,
                categorical=watch.categorical,
                time_column=watch.time_column,
                day_of=watch.calendar.day_of,
            )
        if not set(watch.features) <= set(reference.columns):
            return None
        edges = (
            edges_of(name, reference[name], categorical=name in watch.categorical)
            for name in watch.features
        )
        return Baseline(Layout(tuple(edges)), rows=len(reference))
    except (InvalidEvidenceError, NaiveDatetimeError):  # the comparison says what is wrong
        return None


def _countable(name: str, column: pd.Series[Any]) -> bool:
    try:
        return kind_of(as_arrow(name, column)) is not None
    except InvalidEvidenceError:
        return False
