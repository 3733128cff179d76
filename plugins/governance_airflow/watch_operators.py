"""What looks after versions by itself: shadow sessions, health and the drill, as operators.

    plan = PlanTrialsOperator(task_id="plan")
    RunTrialSessionsOperator.partial(task_id="run_sessions").expand(models=plan.output)

Each is one call into the package. Repeating a task changes nothing: sessions that stand are not run
again, a healthy champion stays, a drill of the same moment is the stored one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from governance.errors import GovernanceError, IntegrityError, UnavailableError
from governance_airflow.connection import open_governance
from governance_airflow.pages import TrialLink, leave, path_of
from governance_airflow.run_facts import RunFacts, check_conf, evidence_time

if TYPE_CHECKING:
    from airflow.sdk import Context


class PlanTrialsOperator(BaseOperator):
    """Which models are run together: those with a version on trial. No trial means no task.

    Args:
        shard_size: models in one task.
    """

    def __init__(self, *, shard_size: int = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard_size = shard_size

    def execute(self, context: Context) -> list[list[str]]:
        check_conf(context["dag_run"], keys=("at", "days"))
        with open_governance() as gov:
            names = gov.trials.models()
        size = self.shard_size
        return [names[first : first + size] for first in range(0, len(names), size)]


class RunTrialSessionsOperator(BaseOperator):
    """Runs every version on trial, and the champion, on the sessions of the days before.

    A model that cannot be run keeps none of the others: they are run, then the task fails with the
    names.
    """

    template_fields: Sequence[str] = ("models",)
    operator_extra_links = (TrialLink(),)

    def __init__(self, *, models: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.models = models

    def execute(self, context: Context) -> list[dict[str, Any]]:
        at = evidence_time(context["dag_run"])
        start = at - timedelta(days=int(context["params"]["days"]))
        leave(context, trial=path_of("challengers"))
        done: list[dict[str, Any]] = []
        failures: dict[str, GovernanceError] = {}
        with open_governance() as gov:
            for name in self.models:
                try:
                    done.append(gov.trials.run(name, start=start, end=at).as_json())
                    self.log.info("%s: %s", name, done[-1])
                except GovernanceError as error:
                    self.log.exception("%s could not be run", name)
                    failures[name] = error
        if failures:
            told = "; ".join(f"{name}: {error.message}" for name, error in failures.items())
            again = any(isinstance(error, UnavailableError) for error in failures.values())
            kind = UnavailableError if again else GovernanceError
            raise kind(f"{len(failures)} of {len(self.models)} models could not be run: {told}")
        return done


class CheckHealthOperator(BaseOperator):
    """Are the champions what was registered? A corrupt one has failed over when this fails."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        check_conf(context["dag_run"], keys=())
        with open_governance() as gov:
            reports = gov.health.check()
            gov.files.catch_up()
        ill = [report for report in reports if report.status not in ("healthy", "none")]
        for report in reports:
            self.log.info(
                "%s %s: %s %s", report.model, report.version, report.status, report.reason
            )
        if ill:
            told = "; ".join(
                f"{one.model} {one.version} is {one.status}: {one.reason}" for one in ill
            )
            broken = any(one.status in ("corrupt", "unloadable") for one in ill)
            raise (IntegrityError if broken else UnavailableError)(told)
        return [report.as_json() for report in reports]


class DrillRollbackOperator(BaseOperator):
    """Would a rollback of each model work now? Fails with the names of those where it would not."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        check_conf(context["dag_run"])
        at = RunFacts.of(context["dag_run"], owner=self.owner).at
        with open_governance() as gov:
            reports = gov.health.drill(at=at)
        for report in reports:
            self.log.info("%s", report.as_json())
        if failed := [report for report in reports if report.alarming]:
            told = "; ".join(f"{report.model}: {report.reason}" for report in failed)
            raise IntegrityError(f"a rollback would not work: {told}")
        return [report.as_json() for report in reports]
