"""The steps of the hourly drift scan as operators; each is one call into the package.

    plan = PlanDriftScanOperator(task_id="plan")
    scan = ScanDriftOperator.partial(task_id="scan").expand(models=plan.output)
    scan >> RequestRetrainingOperator(task_id="request_retraining", scan_task_id="scan",
                                      trigger_rule="all_done")
    scan >> DeliverAlertsOperator(task_id="deliver_alerts", trigger_rule="all_done")

Repeating a task changes nothing: reports and incidents are found again by their moment, the outbox
tells each event once, and each request for a retrain run is taken once from its incident. What
remains: a task that dies between taking a request and its own end leaves a request without a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from governance.errors import (
    DriftScanError,
    InsufficientEvidenceError,
    LiveDataError,
    SettingsError,
    UnavailableError,
)
from governance.history.retrain_requests import take_request
from governance.values import iso, parse_time
from governance_airflow.assets import DRIFT_ALIAS, severe_drift
from governance_airflow.connection import open_governance
from governance_airflow.mail_connection import server_arguments
from governance_airflow.pages import AlertsLink, DriftLink, leave, path_of
from governance_airflow.run_facts import check_conf, scan_time

if TYPE_CHECKING:
    from airflow.sdk import Context

    from governance.evidence.drift.report import DriftReport

REQUESTS = "retrain_requests"  # XCom key: what a scan asks for, kept also when the scan fails


class PlanDriftScanOperator(BaseOperator):
    """Which models are scanned together: those in production at that time that declare `drift`.

    Returns lists of names, one per task: a task's start costs a second, a scan milliseconds. Skips
    the run where drift detection is switched off; no model means no task.

    Args:
        shard_size: models in one task.
    """

    def __init__(self, *, shard_size: int = 50, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard_size = shard_size

    def execute(self, context: Context) -> list[list[str]]:
        check_conf(context["dag_run"])
        at = scan_time(context["dag_run"])
        with open_governance() as gov:
            if not gov.settings.enable_drift_detection:
                raise AirflowSkipException(
                    "drift detection is switched off (GOVERNANCE_ENABLE_DRIFT_DETECTION=false)"
                )
            shards = [list(names) for names in gov.drift.shards(at, size=self.shard_size)]
        self.log.info("at %s: %s", iso(at), shards or "no model in production declares drift")
        return shards


class ScanDriftOperator(BaseOperator):
    """Scans every model of a shard; fails with the names of those that could not be scanned.

    The others are scanned and recorded before, and what they ask for is kept. A report that changed
    an incident gets its page, which the alert links to.
    """

    template_fields: Sequence[str] = ("models",)
    operator_extra_links = (DriftLink(), AlertsLink())

    def __init__(self, *, models: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.models = models

    def execute(self, context: Context) -> list[dict[str, Any]]:
        at = scan_time(context["dag_run"])
        failed: DriftScanError | None = None
        reports: Sequence[DriftReport]
        with open_governance() as gov:
            try:
                reports = gov.drift.scan_shard(list(self.models), at=at)
            except DriftScanError as error:
                reports, failed = error.reports, error
            leave(context, **pages_of(reports))
            requests = [retrain_request(report) for report in reports if report.retrain_requested]
            context["ti"].xcom_push(key=REQUESTS, value=requests)
            for report in reports:
                self.log.info("%s: %s", report.model, "; ".join((report.severity, *report.reasons)))
                if report.event is not None:
                    self.log.info("page: %s", gov.publish_drift_report(report))
        if failed is not None:
            raise worth_another_try(failed) or failed
        return [outcome(report) for report in reports]


class RequestRetrainingOperator(BaseOperator):
    """An asset event for every model whose severe drift asks for a retrain run.

    The package limits how often it asks, and each request is passed on once. A task of its own,
    since Airflow drops the events of a failed task, and one model that cannot be scanned must not
    keep another from being retrained.

    Args:
        scan_task_id: the mapped scans, whichever of them failed.
    """

    def __init__(self, *, scan_task_id: str, **kwargs: Any) -> None:
        super().__init__(outlets=[DRIFT_ALIAS], **kwargs)
        self.scan_task_id = scan_task_id

    def execute(self, context: Context) -> list[str]:
        told = context["ti"].xcom_pull(task_ids=[self.scan_task_id], key=REQUESTS)
        requests = [request for shard in told for request in shard or []]
        if not requests:
            return []
        with open_governance() as gov:
            for request in requests:
                with gov.database.begin() as tx:
                    taken = take_request(tx, request["incident"], at=parse_time(request["at"]))
                if not taken:
                    self.log.info("%s: asked for before", request["model"])
                    continue
                context["outlet_events"][DRIFT_ALIAS].add(
                    severe_drift(request["model"]),
                    extra={key: request[key] for key in ("at", "report", "incident")},
                )
        return [request["model"] for request in requests]


class CalibrateDriftOperator(BaseOperator):
    """Reference days held against each other: how often the alarm rules fire where nothing drifts.

    The measured rate is recorded beside the budget of the policy.
    """

    template_fields: Sequence[str] = ("models",)

    def __init__(self, *, models: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.models = models

    def execute(self, context: Context) -> list[dict[str, Any]]:
        at = scan_time(context["dag_run"])
        measured: list[dict[str, Any]] = []
        failures: dict[str, Exception] = {}
        with open_governance() as gov:
            for name in self.models:
                try:
                    measured.append(gov.drift.calibrate(name, at=at).as_json())
                    self.log.info("%s: %s", name, measured[-1])
                except InsufficientEvidenceError as error:
                    self.log.warning("%s is not calibrated yet: %s", name, error.message)
                except Exception as error:  # whatever it is, the next model is calibrated
                    self.log.exception("%s could not be calibrated", name)
                    failures[name] = error
        if failures:
            told = "; ".join(f"{name}: {error}" for name, error in failures.items())
            failed = DriftScanError(f"could not be calibrated: {told[:2000]}", failures=failures)
            raise worth_another_try(failed) or failed
        return measured


class DeliverAlertsOperator(BaseOperator):
    """Sends what the outbox holds and is due; what cannot be sent stays there for the next try.

    Never fails because of the mail server: the alerts are safe, and the log says what waits.

    Args:
        flush: do not wait for further alerts to put into one message; at the end of a scan there
            are none to come.
    """

    def __init__(self, *, flush: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flush = flush

    def execute(self, context: Context) -> dict[str, int]:
        unusable: SettingsError | None = None
        with open_governance() as gov:
            mailer = None
            try:
                if (arguments := server_arguments()) is not None:
                    mailer = gov.alerts.smtp(**arguments)
            except SettingsError as error:  # other channels need no mail server
                unusable = error
            delivered = gov.alerts.deliver(mailer=mailer, flush=self.flush)
        counts = {
            "sent": delivered.sent,
            "failed": delivered.failed,
            "dead": delivered.dead,
            "waiting": delivered.waiting,
        }
        if delivered.failed or delivered.dead:
            self.log.warning(
                "not all alerts could be sent; they stay in the outbox (`governance alerts list` "
                "shows them): %s",
                counts,
            )
        else:
            self.log.info("alerts: %s", counts)
        if unusable is not None:
            raise unusable
        return counts


def worth_another_try(failed: DriftScanError) -> UnavailableError | None:
    """An error that is tried again, if what failed may go away by itself; names the same models.

    Live data that are away are recorded as a look that saw nothing, and the hours are read by the
    next looks; an hourly run has no time to wait for them.
    """
    if any(
        isinstance(error, UnavailableError) and not isinstance(error, LiveDataError)
        for error in failed.failures.values()
    ):
        return UnavailableError(failed.message)
    return None


def pages_of(reports: Sequence[DriftReport]) -> dict[str, str]:
    """Where the reports are seen: of one model its heat map, of several the list of models."""
    if not reports:
        return {}
    one = reports[0].model if len(reports) == 1 else None
    drift = path_of("models", one, "drift") if one else path_of(show="drift")
    alerts = path_of("alerts", model=one) if one else path_of("alerts")
    told = any(report.incident_id for report in reports)
    return {"drift": drift, **({"alerts": alerts} if told else {})}


def outcome(report: DriftReport) -> dict[str, Any]:
    """What a scan tells the next tasks of a report: names, no figures."""
    return {
        "model": report.model,
        "version_id": report.version_id,
        "report": report.id,
        "severity": report.severity.value,
        "event": report.event,
        "incident": report.incident_id,
    }


def retrain_request(report: DriftReport) -> Mapping[str, Any]:
    """What the asset event says of the drift that it comes from."""
    return {
        "model": report.model,
        "at": iso(report.at),
        "report": report.id,
        "incident": report.incident_id,
    }
