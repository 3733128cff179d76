"""The one table of figures for Prometheus: name, kind, labels, and what each says. Pure.

Both pages, `docs/reference/prometheus.md`, the dashboard and the alert rules are tested against it.
A figure that does not stand here cannot be shown (``sheet``). Not here: the metrics of a model,
such as its Sharpe ratio (`docs/reference/metrics.md`).

Labels are bounded: ``model`` by the registry and by ``GOVERNANCE_METRICS_MODELS``, ``version`` to
the one that answers, ``route`` by the routes, ``code`` by ``governance.errors``; all others are
words of the product or of ``governance.yaml``. No id is a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from governance.monitoring.metric import Kind, Metric


def _m(name: str, kind: Kind, says: str, *labels: str, unit: str = "") -> Metric:
    return Metric(name, kind, "management", says, labels, unit)


def _s(name: str, kind: Kind, says: str, *labels: str, unit: str = "") -> Metric:
    return Metric(name, kind, "serving", says, labels, unit)


_ALL = (
    # what exists
    _m("governance_build_info", "info", "The release that answers.", "version"),
    _m("governance_models", "gauge", "Models with a name in the registry."),
    _m(
        "governance_models_left_out",
        "gauge",
        "Models beyond GOVERNANCE_METRICS_MODELS: they count in the sums and have no series.",
    ),
    _m("governance_versions", "gauge", "Versions by stage.", "stage"),
    _m(
        "governance_models_in_stage",
        "gauge",
        "Models that have a version in this stage.",
        "stage",
    ),
    _m(
        "governance_model_production",
        "gauge",
        "1 if a version of the model is in production, 0 if none is; of models that were "
        "activated once.",
        "model",
    ),
    _m(
        "governance_model_activations_total",
        "counter",
        "How often the version that decides was changed: promotions, rollbacks, failovers.",
        "model",
    ),
    # drift
    _m(
        "governance_models_by_drift",
        "gauge",
        "Models in production by the verdict of their newest drift report; none: no report.",
        "severity",
    ),
    _m(
        "governance_model_drift_state",
        "gauge",
        "1 for the verdict of the newest drift report of the version in production.",
        "model",
        "severity",
    ),
    _m(
        "governance_model_drift_psi",
        "gauge",
        "The largest PSI of a feature in that report.",
        "model",
    ),
    _m(
        "governance_model_drift_report_timestamp_seconds",
        "gauge",
        "Event time of that report.",
        "model",
        unit="seconds",
    ),
    _m(
        "governance_model_false_alarms_per_month",
        "gauge",
        "Alarms that the rules gave on reference days without drift, as calibration measured them.",
        "model",
    ),
    _m(
        "governance_model_false_alarms_upper_bound_per_month",
        "gauge",
        "Upper bound (95 %) of that rate.",
        "model",
    ),
    _m(
        "governance_model_false_alarm_budget_per_month",
        "gauge",
        "What the policy allows of it.",
        "model",
    ),
    _m(
        "governance_model_calibration_state",
        "gauge",
        "1 for the verdict of that calibration: pass (within the budget), fail (above it beyond "
        "chance), insufficient.",
        "model",
        "verdict",
    ),
    # alerts
    _m("governance_open_alerts", "gauge", "Open incidents by their worst severity.", "severity"),
    _m(
        "governance_model_open_alerts",
        "gauge",
        "Open incidents of a model; a model without one has no series.",
        "model",
        "severity",
    ),
    _m(
        "governance_outbox_messages",
        "gauge",
        "Messages that were not delivered: pending, or dead (given up).",
        "channel",
        "state",
    ),
    _m(
        "governance_outbox_oldest_age_seconds",
        "gauge",
        "How long the oldest pending message waits; 0 if none does.",
        unit="seconds",
    ),
    # decisions
    _m(
        "governance_decisions_total",
        "counter",
        "Decisions by what asked for them and what came out.",
        "operation",
        "verdict",
        "forced",
    ),
    _m("governance_pending_approvals", "gauge", "Requests for approval that wait for an answer."),
    _m("governance_running_trials", "gauge", "Challengers that run beside the champion."),
    _m(
        "governance_model_drill_duration_seconds",
        "gauge",
        "How long the newest rollback drill took.",
        "model",
        unit="seconds",
    ),
    _m(
        "governance_model_drill_passed",
        "gauge",
        "1 if a rollback would have worked in the newest drill, 0 if not.",
        "model",
    ),
    _m(
        "governance_model_drill_timestamp_seconds",
        "gauge",
        "When the newest rollback drill was recorded.",
        "model",
        unit="seconds",
    ),
    # the API itself
    _m(
        "governance_api_requests_total",
        "counter",
        "Requests that this process answered.",
        "process",
        "method",
        "route",
        "status",
    ),
    _m(
        "governance_api_request_duration_seconds",
        "histogram",
        "From the first byte of a request to the last one of its answer, in this process.",
        "process",
        "method",
        unit="seconds",
    ),
    _m(
        "governance_api_errors_total",
        "counter",
        "Answers that were a problem, by its code, in this process.",
        "process",
        "code",
    ),
    _m(
        "governance_scrape_duration_seconds",
        "gauge",
        "How long it took to read these figures from the database.",
        unit="seconds",
    ),
    # predictions
    _s("governance_serving_models", "gauge", "Models that are served here, by state.", "state"),
    _s(
        "governance_serving_requests_total",
        "counter",
        "Requests about a model: answered predictions, and whatever was refused (the caller's "
        "mistake) or failed (ours).",
        "model",
        "outcome",
    ),
    _s("governance_serving_rows_total", "counter", "Rows that were predicted.", "model"),
    _s(
        "governance_serving_request_duration_seconds",
        "histogram",
        "From the first byte of a request to its answer, of answered predictions.",
        "model",
        unit="seconds",
    ),
    _s(
        "governance_serving_errors_total",
        "counter",
        "Requests that were refused or failed, by the code of the problem.",
        "model",
        "code",
    ),
    _s(
        "governance_serving_version_info",
        "info",
        "The version that answers.",
        "model",
        "version",
    ),
    _s(
        "governance_serving_generation",
        "gauge",
        "Generation of the version that answers.",
        "model",
    ),
    _s(
        "governance_serving_swaps_total",
        "counter",
        "How often another version took over here.",
        "model",
    ),
    _s(
        "governance_serving_shadow_dropped_rows_total",
        "counter",
        "Rows that no challenger saw, since there was no room.",
        "model",
    ),
    _s("governance_serving_log_written_rows_total", "counter", "Rows in the prediction log."),
    _s("governance_serving_log_waiting_rows", "gauge", "Rows in memory that are still written."),
    _s(
        "governance_serving_log_dropped_rows_total",
        "counter",
        "Predicted rows that could not be written and were dropped.",
    ),
    _s(
        "governance_serving_log_lost_rows_total",
        "counter",
        "Predicted rows that an earlier process lost when it died, as told at the start.",
    ),
    _s(
        "governance_serving_watcher_up",
        "gauge",
        "1 if the last look for new champions came to an end, 0 if the database did not answer.",
    ),
    _s(
        "governance_serving_models_left_out",
        "gauge",
        "Served models beyond GOVERNANCE_METRICS_MODELS, which have no series.",
    ),
    _s(
        "governance_serving_scrape_duration_seconds",
        "gauge",
        "How long it took to gather these figures.",
        unit="seconds",
    ),
)

CATALOG: Mapping[str, Metric] = MappingProxyType({one.name: one for one in _ALL})
