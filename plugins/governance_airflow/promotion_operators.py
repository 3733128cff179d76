"""The steps of a promotion that a person approves, as operators; each is one call into the package.

    check = CheckPromotionOperator(task_id="check")
    approve = ApprovePromotionOperator(task_id="approve")
    promote = PromoteOperator(task_id="promote", trigger_rule="none_failed")
    check >> approve >> promote

What is promoted follows from the run's params ``model`` and ``version``. An approval lives in the
governance database, bound to bytes, policy and generation; the state of Airflow's task proves
nothing. So a task that was cleared or marked as success promotes nothing by itself, and repeating
a task of a finished run gives the same answers again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, Param
from airflow.sdk.configuration import conf
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowSkipException

from governance.decisions.idempotency import is_known
from governance.decisions.record import Decision
from governance.errors import (
    ApprovalNotUsableError,
    GateFailedError,
    InvalidInputError,
    ReasonRequiredError,
)
from governance.policy.people import visible
from governance_airflow.connection import open_governance
from governance_airflow.pages import (
    DecisionLink,
    ModelLink,
    TrialLink,
    VersionLink,
    decision_page,
    leave,
    path_of,
    shown_at,
    trial_page,
    version_page,
)
from governance_airflow.run_facts import RunFacts, check_conf, given_time, key_of

if TYPE_CHECKING:
    from airflow.sdk import Context

CHECK = "check"
APPROVAL_GATE = "approval"
LONGEST = timedelta(days=365)  # the deadline of a request is the policy's, see execute
# Airflow 3.3 may fail a task that is answered within seconds of its asking (apache/airflow#72716).
# What was answered is on record then, and found by the next try: not after Airflow's 5 minutes.
SOON = timedelta(seconds=15)


class CheckPromotionOperator(BaseOperator):
    """Asks every gate. Where only the approval is missing, it is requested.

    Otherwise the promotion is tried without one: it succeeds where the policy asks for none, and
    is refused, with a stored decision, where another gate does.
    """

    operator_extra_links = (VersionLink(), TrialLink())

    def execute(self, context: Context) -> dict[str, Any]:
        run = context["dag_run"]
        check_conf(run, keys=("at", "model", "version"))
        by, key = RunFacts.of(run, owner=self.owner).by, key_of(context)
        with open_governance() as gov:
            version = gov.registry.resolve(ref_of(context))
            leave(
                context,
                version=version_page(version.name, version.version),
                trial=trial_page(version.name, version.version),
            )
            with gov.database.read() as connection:
                asked_before = is_known(connection, key)
            _, decision = gov.promotion.check_promotion_eligibility(version, at=given_time(run))
            approval = None
            if asked_before or decision.awaits_approval:
                approval = gov.approvals.request(version, by=by, idempotency_key=key)
        for reason in decision.reasons:
            self.log.info("%s", reason)
        return {
            **version.handover(),
            "approval": None if approval is None else approval.id,
            "checks": [check.as_json() for check in decision.checks],
        }


class ApprovePromotionOperator(ApprovalOperator):
    """Asks a person, and records the answer as theirs. No worker and no trigger waits meanwhile.

    Who may answer and until when is the policy's; the comment is mandatory. After a rejection
    nothing is promoted. An answer by somebody who may not, or without a comment, fails this task
    and leaves the request as it was: clear the task to ask again.

    Args:
        check_task_id: the `CheckPromotionOperator` before it; skipped where it asked for nothing.
    """

    def __init__(self, *, check_task_id: str = CHECK, **kwargs: Any) -> None:
        given: dict[str, Any] = {
            "subject": "Promote {{ params.model }}:{{ params.version }}?",
            "response_timeout": LONGEST,
            "retry_delay": SOON,
        }
        # The DAG's own params are among `kwargs`; a person is asked for those of the task.
        params = ParamsDict(
            {COMMENT: Param("", type="string", title="Comment (required)", source="task")}
        )
        params.update(kwargs.pop("params", None) or {})
        super().__init__(**{**given, **kwargs}, params=params)
        self.check_task_id = check_task_id

    def execute(self, context: Context) -> Any:
        checked = pulled(context, self.check_task_id)
        if checked["approval"] is None:
            raise AirflowSkipException("nobody is asked: the gates need no approval, or refuse")
        with open_governance() as gov:
            approval = gov.approvals.get(checked["approval"])
            version = gov.registry.resolve(approval.version_id)
            limits = gov.policy.promotion(version.name, version.kind).limits
        if approval.state in ("approved", "used"):
            self.log.info("approved by %s: %s", approval.answered_by, approval.comment)
            return approval.state
        left = approval.expires_at - datetime.now(UTC)
        if approval.state == "rejected" or left <= timedelta(0):
            why = f"was {approval.state}" if approval.state == "rejected" else "has expired"
            raise ApprovalNotUsableError(
                f"approval {approval.id[:12]} {why}; trigger another run to ask again"
            )
        self.response_timeout = left
        self.body = "\n\n".join(
            [
                body_of(checked["checks"], approval.requested_by),
                f"[The trial]({shown_at(trial_page(version.name, version.version))}), "
                f"[the version]({shown_at(version_page(version.name, version.version))})",
            ]
        )
        if limits.approvers and names_are_ids():
            self.assigned_users = [{"id": name, "name": name} for name in limits.approvers]
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if "error" in event:
            return super().execute_complete(context, event)  # raises what it is
        if not event.get("responded_by_user"):
            raise ApprovalNotUsableError("nobody has answered; clear this task to ask again")
        checked = pulled(context, self.check_task_id)
        comment = str((event.get("params_input") or {}).get(COMMENT) or "").strip()
        if not visible(comment):
            raise ReasonRequiredError(
                "an answer needs a comment; clear this task to be asked again"
            )
        with open_governance() as gov:
            approval = gov.approvals.answer(
                checked["approval"],
                approve=event["chosen_options"] == [self.APPROVE],
                by=event["responded_by_user"]["name"],
                comment=comment,
            )
        self.log.info("%s by %s: %s", approval.state, approval.answered_by, approval.comment)
        return super().execute_complete(context, event)


class PromoteOperator(BaseOperator):
    """Puts the version into production, if all its gates pass and its approval fits."""

    operator_extra_links = (ModelLink(), VersionLink(), DecisionLink())

    def __init__(self, *, check_task_id: str = CHECK, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_task_id = check_task_id

    def execute(self, context: Context) -> dict[str, Any]:
        run = context["dag_run"]
        checked = pulled(context, self.check_task_id)
        with open_governance() as gov:
            try:
                decision = gov.promotion.promote_to_production(
                    checked["version_id"],
                    by=RunFacts.of(run, owner=self.owner).by,
                    approval_id=checked["approval"],
                    idempotency_key=key_of(context),
                    at=given_time(run),
                )
            except GateFailedError as error:
                if isinstance(error.decision, Decision):
                    decided(context, error.decision)
                raise
        decided(context, decision)
        return told(decision)


COMMENT = "comment"


def ref_of(context: Context) -> str:
    """``name:version`` of the form."""
    params = context["params"]
    return f"{params['model']}:{params['version']}"


def pulled(context: Context, task_id: str) -> Mapping[str, Any]:
    """What the check said.

    Raises:
        InvalidInputError: it said nothing, since it was marked as success or not run.
    """
    said = context["ti"].xcom_pull(task_ids=task_id)
    if not isinstance(said, Mapping) or "approval" not in said:
        raise InvalidInputError(f"the task {task_id} left no result; clear it, so that it runs")
    return said


def names_are_ids() -> bool:
    """Airflow compares who answers by user id; only where ids are names does the policy know them.

    Elsewhere everybody who may answer in Airflow is let through to the policy's own check.
    """
    return "SimpleAuthManager" in conf.get("core", "auth_manager", fallback="")


def body_of(checks: list[Mapping[str, Any]], requested_by: str) -> str:
    """What the person sees: every gate in one Markdown table."""
    rows = [
        f"| {check['gate']} | {check['result']} | {shown(check['observed'])} "
        f"| {shown(check['threshold'])} | {check['reason'].replace('|', '/')} |"
        for check in checks
        if check["gate"] != APPROVAL_GATE
    ]
    head = ["| gate | result | observed | asked | reason |", "|---|---|---|---|---|"]
    return "\n".join([f"Asked for by {requested_by}.", "", *head, *rows])


def shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def decided(context: Context, decision: Decision) -> None:
    """Leave the pages of a decision, whatever it says."""
    leave(
        context,
        model=path_of("models", decision.model),
        version=version_page(decision.model, decision.version),
        **({} if decision.id is None else {"decision": decision_page(decision.id)}),
    )


def told(decision: Decision) -> dict[str, Any]:
    """What a task hands over of a decision: names, verdict, generation."""
    return {
        "decision": decision.id,
        "model": decision.model,
        "version": decision.version,
        "version_id": decision.version_id,
        "verdict": decision.verdict.value,
        "forced": decision.forced,
        "generation": decision.generation,
    }
