"""The steps of the retrain cycle as operators; each is one call into the package.

`RegisterModelOperator` and `ValidateModelOperator` also serve DAGs that train in their own way:

    register = RegisterModelOperator(
        task_id="register", model_name="churn", model_path="/data/churn.txt",
        model_type="lightgbm", dataset_paths=["/data/train.parquet"], metrics={"auc": 0.81})
    validate = ValidateModelOperator(
        task_id="validate", ref="{{ ti.xcom_pull(task_ids='register')['ref'] }}")

What they return is small JSON: references, digests, verdicts, paths. Repeating a task of a finished
run gives the same version and the same decision again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from governance_airflow.connection import open_governance
from governance_airflow.pages import (
    DecisionLink,
    ModelLink,
    VersionLink,
    decision_page,
    leave,
    path_of,
    version_page,
)
from governance_airflow.run_facts import RunFacts, check_conf

if TYPE_CHECKING:
    from airflow.sdk import Context


class CheckDataOperator(BaseOperator):
    """Fetches the data known at the run's evidence time and checks it against the limits.

    First of a retrain run, so it also refuses a conf with other keys than `at`, or a later `at`
    than the run's own due time.
    """

    template_fields: Sequence[str] = ("model_name",)

    def __init__(self, *, model_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_name = model_name

    def execute(self, context: Context) -> dict[str, Any]:
        check_conf(context["dag_run"])
        run = RunFacts.of(context["dag_run"], owner=self.owner)
        with open_governance() as gov:
            return gov.cycle.check_data(self.model_name, run=run.key, at=run.at)


class TrainModelOperator(BaseOperator):
    """Trains what was checked and leaves model and metrics in the run's staging folder."""

    template_fields: Sequence[str] = ("model_name",)
    operator_extra_links = (ModelLink(),)

    def __init__(self, *, model_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_name = model_name

    def execute(self, context: Context) -> dict[str, Any]:
        leave(context, model=path_of("models", self.model_name))
        run = RunFacts.of(context["dag_run"], owner=self.owner)
        with open_governance() as gov:
            return gov.cycle.train(self.model_name, run=run.key, at=run.at)


class RegisterModelOperator(BaseOperator):
    """Makes a version: of what this run trained, or, with `model_path`, of a file made elsewhere.

    Args:
        model_path: the model file; without it, `TrainModelOperator` ran before in the same run.
        created_by: default: who triggered the run, or the task's `owner` for scheduled runs.
        kwargs: those in `REGISTRATION` are given to `register_model` as they are; the rest is
            Airflow's.
    """

    REGISTRATION: ClassVar[tuple[str, ...]] = (
        "model_type",
        "version",
        "dataset_paths",
        "features",
        "config",
        "metrics",
        "metadata",
        "tags",
        "description",
    )
    template_fields: Sequence[str] = (
        "model_name",
        "model_path",
        "created_by",
        "registration",
    )
    operator_extra_links = (ModelLink(), VersionLink())

    def __init__(
        self,
        *,
        model_name: str,
        model_path: str | None = None,
        created_by: str | None = None,
        **kwargs: Any,
    ) -> None:
        given = {key: kwargs.pop(key) for key in self.REGISTRATION if key in kwargs}
        super().__init__(**kwargs)
        self.model_name = model_name
        self.model_path = model_path
        self.created_by = created_by
        self.registration: Mapping[str, Any] = given

    def execute(self, context: Context) -> dict[str, Any]:
        run = RunFacts.of(context["dag_run"], owner=self.owner)
        by = self.created_by or run.by
        with open_governance() as gov:
            if self.model_path is None:
                made = gov.cycle.register(self.model_name, run=run.key, at=run.at, by=by)
            else:
                version = gov.registry.register_model(
                    self.model_name,
                    model_path=self.model_path,
                    created_by=by,
                    at=run.at,
                    **self.registration,
                )
                gov.files.catch_up()
                made = version.handover()
        model, _, version_number = made["ref"].rpartition(":")
        page = version_page(model, version_number)
        leave(context, model=path_of("models", model), version=page)
        return made


class ValidateModelOperator(BaseOperator):
    """Probes the artifact and asks the validation gates: validated, failed, or still trained.

    Args:
        ref: which version; usually templated from the task that registered it.
        limits: asked besides the declared ones, written as in `policy.validation`.
    """

    template_fields: Sequence[str] = ("ref", "limits")
    operator_extra_links = (VersionLink(), DecisionLink())

    def __init__(
        self, *, ref: str, limits: Sequence[Mapping[str, Any]] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.ref = ref
        self.limits = limits

    def execute(self, context: Context) -> dict[str, Any]:
        run = RunFacts.of(context["dag_run"], owner=self.owner)
        with open_governance() as gov:
            version = gov.registry.resolve(self.ref)
            page = version_page(version.name, version.version)
            leave(context, version=page)  # also where it cannot be judged yet
            said = gov.cycle.validate(version, by=run.by, at=run.at, limits=self.limits)
        leave(context, version=page, decision=decision_page(said["decision"]))
        return said
