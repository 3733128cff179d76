"""Force and rollback, for people in a hurry, as operators; each is one call into the package.

    ForcePromotionOperator(task_id="force")
    RollbackOperator(task_id="rollback")

Both read the run's form. Who acts is the user whom Airflow recorded as the one who triggered the
run; a name in the conf is refused with the conf. Repeating a task of a finished run changes
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from governance.errors import InvalidInputError
from governance_airflow.connection import open_governance
from governance_airflow.pages import DecisionLink, ModelLink, VersionLink, leave, path_of
from governance_airflow.promotion_operators import decided, ref_of, told
from governance_airflow.run_facts import RunFacts, check_conf, given_time, key_of, triggered_by

if TYPE_CHECKING:
    from airflow.sdk import Context


class ForcePromotionOperator(BaseOperator):
    """Puts a version into production whatever its gates say, if the user may force.

    The right is the policy file's (``force.allowed``) and is asked here, for the user who triggered
    the run; a denied try is in the audit log. Force skips gates alone: bytes that are not the
    registered ones, a failed version or a missing reason stop it as ever. So does a promotion or a
    rollback after the run was triggered: whoever asked did not know of it.
    """

    operator_extra_links = (ModelLink(), VersionLink(), DecisionLink())

    def execute(self, context: Context) -> dict[str, Any]:
        run, params = context["dag_run"], context["params"]
        check_conf(run, keys=("at", "model", "version", "reason", "confirm"))
        if params.get("confirm") is not True:
            raise InvalidInputError("a forced promotion must be confirmed; switch confirm on")
        leave(context, model=path_of("models", params["model"]))
        key = key_of(context)
        with open_governance() as gov:
            user = gov.force_right.require(
                triggered_by(run),
                model=params["model"],
                version=params["version"],
                reason=params["reason"],
                asked_at=run.run_after,
                idempotency_key=key,
            )
            seen = gov.force_right.generation_seen(
                params["model"], asked_at=run.run_after, idempotency_key=key
            )
            decision = gov.promotion.promote_to_production(
                ref_of(context),
                by=user,
                force=True,
                reason=params["reason"],
                idempotency_key=key,
                expected_generation=seen,
                at=given_time(run),
            )
        decided(context, decision)
        self.log.warning("forced by %s: %s", user, "; ".join(decision.reasons) or "no gate refused")
        return {**told(decision), "overrode": list(decision.reasons)}


class RollbackOperator(BaseOperator):
    """Back to the version before, or to a named one; asks for no evidence."""

    operator_extra_links = (ModelLink(), VersionLink(), DecisionLink())

    def execute(self, context: Context) -> dict[str, Any]:
        run, params = context["dag_run"], context["params"]
        check_conf(run, keys=("at", "model", "version", "reason"))
        leave(context, model=path_of("models", params["model"]))
        with open_governance() as gov:
            decision = gov.promotion.rollback_model(
                params["model"],
                to_version=params.get("version"),
                by=RunFacts.of(run, owner=self.owner).by,
                reason=params["reason"],
                idempotency_key=key_of(context),
                at=given_time(run),
            )
        decided(context, decision)
        return told(decision)
