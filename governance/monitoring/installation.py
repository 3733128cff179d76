"""The page of the management API: what ``reading`` found, put onto a sheet.

Sums are of all models; series of their own have the first ``most_models`` by name, so that the same
ones have them at every scrape. How many have none is a figure, too.
"""

from __future__ import annotations

from importlib import metadata
from itertools import islice

from governance.monitoring.reading import Installation, ModelState
from governance.monitoring.sheet import Sheet
from governance.values import Severity, Stage

_PACKAGE = "airflow-model-governance"


def release() -> str:
    try:
        return metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:  # run from a folder that was never installed
        return "unknown"


def put_installation(sheet: Sheet, found: Installation, *, most_models: int) -> None:
    """
    Args:
        most_models: how many models have series of their own.
    """
    sheet.put("governance_build_info", 1, release())
    sheet.put("governance_models", len(found.models))
    sheet.put("governance_models_left_out", max(0, len(found.models) - most_models))
    for stage in Stage:
        sheet.put("governance_versions", found.versions.get(stage.value, 0), stage.value)
        sheet.put("governance_models_in_stage", found.in_stage.get(stage.value, 0), stage.value)
    _put_sums(sheet, found)
    for (operation, verdict, forced), number in found.decisions.items():
        forced_text = "yes" if forced else "no"
        sheet.put("governance_decisions_total", number, operation, verdict, forced_text)
    for (channel, state), number in found.undelivered.items():
        sheet.put("governance_outbox_messages", number, channel, state)
    sheet.put("governance_outbox_oldest_age_seconds", max(0.0, found.oldest_seconds))
    sheet.put("governance_pending_approvals", found.pending_approvals)
    sheet.put("governance_running_trials", found.running_trials)
    for name, model in islice(found.models.items(), most_models):
        _put_model(sheet, name, model)


def _put_sums(sheet: Sheet, found: Installation) -> None:
    drift = dict.fromkeys([*map(str, Severity), "none"], 0)
    alerts = {Severity.MODERATE.value: 0, Severity.SEVERE.value: 0}
    for model in found.models.values():
        if model.live:
            drift["none" if model.drift is None else model.drift.severity] += 1
        for severity, number in model.alerts.items():
            alerts[severity] = alerts.get(severity, 0) + number
    for severity, number in drift.items():
        sheet.put("governance_models_by_drift", number, severity)
    for severity, number in alerts.items():
        sheet.put("governance_open_alerts", number, severity)


def _put_model(sheet: Sheet, name: str, model: ModelState) -> None:
    if model.generation:
        sheet.put("governance_model_production", int(model.live), name)
        sheet.put("governance_model_activations_total", model.generation, name)
    for severity, number in model.alerts.items():
        sheet.put("governance_model_open_alerts", number, name, severity)
    if (drift := model.drift) is not None:
        sheet.put("governance_model_drift_state", 1, name, drift.severity)
        stamp = drift.at.timestamp()
        sheet.put("governance_model_drift_report_timestamp_seconds", stamp, name)
        if drift.psi is not None:
            sheet.put("governance_model_drift_psi", drift.psi, name)
    if (calibrated := model.calibrated) is not None:
        sheet.put("governance_model_calibration_state", 1, name, calibrated.verdict)
        for metric, value in (
            ("governance_model_false_alarms_per_month", calibrated.measured),
            ("governance_model_false_alarms_upper_bound_per_month", calibrated.upper_bound),
            ("governance_model_false_alarm_budget_per_month", calibrated.budget),
        ):
            if value is not None:
                sheet.put(metric, value, name)
    if (drilled := model.drilled) is not None:
        sheet.put("governance_model_drill_duration_seconds", drilled.seconds, name)
        sheet.put("governance_model_drill_passed", int(drilled.passed), name)
        stamp = drilled.recorded_at.timestamp()
        sheet.put("governance_model_drill_timestamp_seconds", stamp, name)
