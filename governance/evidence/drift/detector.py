"""`gov.drift`: has live data drifted? Scans of production models, and comparisons on request.

The calls of the public face, each a check of its input and one call into a neighbour: ``scan``
(one look), ``shards`` (many models), ``ad_hoc_calls`` (two tables), ``report_store`` and
``detections`` (what was found). What counts as drift is the policy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from governance.config.governance_file import GovernanceConfig
from governance.config.policy_file import PolicyFile
from governance.errors import DriftDisabledError, InvalidInputError, NotFoundError
from governance.evidence.drift.ad_hoc.calls import AdHocComparison
from governance.evidence.drift.ad_hoc.detection import Detection
from governance.evidence.drift.records import calibrations, detections, report_store
from governance.evidence.drift.records.baseline_store import BaselineStore
from governance.evidence.drift.records.calibrations import Calibration
from governance.evidence.drift.records.detections import DriftAlert
from governance.evidence.drift.report import DriftReport
from governance.evidence.drift.scanning.hour_profiles import Progress
from governance.evidence.drift.scanning.scan import DriftScans, Total, whole_hour_of
from governance.evidence.drift.scanning.shards import in_shards, scan_all
from governance.registry.model_registry import ModelRegistry
from governance.settings import Settings
from governance.store.database import Database
from governance.values import ModelVersion, Severity, as_utc, check_model_name


class DriftDetector:
    """Built by ``Governance.open``; every method may be called from any thread."""

    def __init__(
        self,
        database: Database,
        registry: ModelRegistry,
        settings: Settings,
        *,
        config: Callable[[], GovernanceConfig],
        policy: Callable[[], PolicyFile],
        environment: Mapping[str, str],
    ) -> None:
        self._database = database
        self._settings = settings
        self.baselines = BaselineStore(database)
        self._scans = DriftScans(
            database,
            registry,
            self.baselines,
            config=config,
            policy=policy,
            environment=environment,
        )
        self._ad_hoc = AdHocComparison(
            database, registry, settings, self.baselines, config=config, policy=policy
        )

    # -- on request ---------------------------------------------------------------------------

    def detect_data_drift(
        self,
        ref: ModelVersion | str,
        reference_data: Any,
        current_data: Any,
        *,
        method: str | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
    ) -> list[Detection]:
        """Compare two tables column by column; one detection for each column of the reference.

        Recorded as drift alerts (`get_drift_alerts`), never as an incident. A version that has no
        baseline yet gets its edges from `reference_data` and keeps them.

        Args:
            reference_data, current_data: DataFrames.
            method: ``ks_test``, ``psi`` or ``chi_square``; the settings' if not given.
            threshold: of the score; the settings' if not given.
            at: when it was detected; database time if not given.

        Raises:
            DriftDisabledError: drift detection is switched off here.
            NotFoundError: no such version. InvalidInputError: no tables, no such method.
        """
        self._require_enabled()
        return self._ad_hoc.data(
            ref, reference_data, current_data, method=method, threshold=threshold, at=at
        )

    def detect_prediction_drift(
        self,
        ref: ModelVersion | str,
        reference_predictions: Any,
        current_predictions: Any,
        *,
        method: str | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
    ) -> Detection:
        """Compare two vectors of predictions; otherwise as `detect_data_drift`."""
        self._require_enabled()
        return self._ad_hoc.predictions(
            ref,
            reference_predictions,
            current_predictions,
            method=method,
            threshold=threshold,
            at=at,
        )

    # -- scans --------------------------------------------------------------------------------

    def scan(
        self,
        name: str,
        *,
        at: datetime,
        window: str = "1d",
        reference: str = "30d",
        progress: Progress | None = None,
    ) -> DriftReport:
        """Look at the day before `at`: the version in production then, its live data, the days
        before them; record the report, and what it means for incidents.

        Scanning the same moment again gives the same report; where its evidence changed, its next
        revision. Scans of a range in ascending order give the reports of those days.

        Args:
            at: a whole hour (UTC).
            window: ``1d``; other windows are not calibrated.
            reference: usable days of the rolling reference, ``7d`` to ``365d``.
            progress: called with 1 for each hour of the reference that must be read first.

        Raises:
            DriftDisabledError: switched off here, or the model declares no drift.
            ConfigError: not declared. NoProductionVersionError: nothing was in production.
            LiveDataError: the live data cannot be reached; a bad hour is a finding instead.
            IntegrityError: a damaged baseline.
        """
        self._require_enabled()
        return self._scans.scan(
            check_model_name(name), at=at, window=window, reference=reference, progress=progress
        )

    def shards(self, at: datetime, *, size: int = 50) -> list[list[str]]:
        """Models that were in production at `at` and declare drift, at most `size` together."""
        self._require_enabled()
        return in_shards(self._scans.in_production(as_utc(at)), size)

    def scan_shard(self, names: Iterable[str], *, at: datetime) -> list[DriftReport]:
        """Scan these models one after the other; one that fails does not stop the others.

        Raises:
            DriftScanError: some failed; it names them and carries the others' reports.
        """
        self._require_enabled()
        moment = whole_hour_of(at, what="at")
        return scan_all(names, lambda name: self.scan(name, at=moment))

    def profile(
        self, name: str, *, start: datetime, end: datetime, progress: Total | None = None
    ) -> dict[str, Any]:
        """Read start <= time < `end` from the source again and record its profiles: before a first
        scan, or after data older than two days were mended.

        The version is the one in production at `end`. Days are profiled whole where they are over;
        the last 48 hours before `end` one by one.

        Args:
            progress: called with hours done and hours in all.

        Raises:
            InsufficientEvidenceError: the version has no baseline, and too few data to make one.
        """
        self._require_enabled()
        return self._scans.profile(check_model_name(name), start=start, end=end, progress=progress)

    def calibrate(self, name: str, *, at: datetime) -> Calibration:
        """Hold the reference days of `at` against each other, and record how often the alarm rules
        fire where nothing drifted, beside the budget of the policy.
        """
        self._require_enabled()
        return self._scans.calibrate(check_model_name(name), at=at)

    # -- what was found -----------------------------------------------------------------------

    def get_reports(
        self,
        name: str | None = None,
        *,
        version: str | None = None,
        severity: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[DriftReport]:
        """Reports of `since` <= at <= `until`, the newest first; `version` is a number or an id.

        After 35 days `features` is `()`, but for looks that drifted, belong to an incident or end a
        day.
        """
        with self._database.read() as connection:
            return report_store.query(
                connection,
                model=None if name is None else check_model_name(name),
                version=version,
                severity=None if severity is None else _severity(severity),
                since=None if since is None else as_utc(since, what="since"),
                until=None if until is None else as_utc(until, what="until"),
                limit=limit,
            )

    def get_report(self, report_id: str) -> DriftReport:
        """The report with this id; `NotFoundError` if there is none."""
        with self._database.read() as connection:
            found = report_store.find(connection, report_id)
        if found is None:
            raise NotFoundError(
                f"no drift report {str(report_id)[:40]!r}; `governance drift report` shows the last"
            )
        return found

    def history(self, report: DriftReport, *, days: int = 30) -> list[dict[str, Any]]:
        """The looks at the report's version in the days up to it, oldest first."""
        with self._database.read() as connection:
            return report_store.history(
                connection,
                report.version_id,
                since=report.at - timedelta(days=days),
                until=report.at,
            )

    def get_calibrations(self, name: str | None = None, *, limit: int = 100) -> list[Calibration]:
        """What `calibrate` measured, the newest first."""
        with self._database.read() as connection:
            checked = None if name is None else check_model_name(name)
            return calibrations.query(connection, checked, limit=limit)

    def get_drift_alerts(
        self,
        model_name: str | None = None,
        *,
        model_version: str | None = None,
        is_alert: bool | None = None,
        acknowledged: bool | None = None,
        limit: int = 100,
    ) -> list[DriftAlert]:
        """Compared features, the newest first; with `is_alert` only those that are alerts."""
        with self._database.read() as connection:
            return detections.query(
                connection,
                model=None if model_name is None else check_model_name(model_name),
                version=model_version,
                is_alert=is_alert,
                acknowledged=acknowledged,
                limit=limit,
            )

    def acknowledge_alert(self, alert_id: int, acknowledged_by: str) -> DriftAlert:
        """Note that somebody has seen it; the same person again changes nothing.

        Raises:
            NotFoundError: no such alert. ConflictError: somebody else was first.
        """
        with self._database.begin() as tx:
            return detections.acknowledge(tx, alert_id, acknowledged_by)

    def _require_enabled(self) -> None:
        if not self._settings.enable_drift_detection:
            raise DriftDisabledError(
                "drift detection is switched off here; unset GOVERNANCE_ENABLE_DRIFT_DETECTION, "
                "or set it to true"
            )


def _severity(text: str) -> Severity:
    try:
        return Severity(text)
    except ValueError:
        known = ", ".join(Severity)
        raise InvalidInputError(
            f"severity {str(text)[:40]!r} is none; choose from {known}"
        ) from None
