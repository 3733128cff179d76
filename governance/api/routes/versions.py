"""What is done to one version before it decides: stages, the validation gates, metrics, back-tests.

A back-test trains, so it is a job: 202 with its id, and a route that says how far it is.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.jobs import Jobs
from governance.api.paging import sliced
from governance.api.routes.decisions import shown
from governance.api.routing import router as new_router
from governance.api.routing import version_of
from governance.api.shapes.decisions import DecisionShown, ValidateAsked
from governance.api.shapes.models import VersionWhole
from governance.api.shapes.parts import (
    Cursor,
    IdempotencyKey,
    Limit,
    ModelName,
    Page,
    VersionRef,
)
from governance.api.shapes.versions import (
    BacktestAsked,
    JobShown,
    MetricsAsked,
    MetricShown,
    MetricsRecorded,
    Split,
    TransitionAsked,
)
from governance.canonical import canonical_json
from governance.evidence.backtest import Backtest

router = new_router("versions")


@router.post(
    "/models/{model}/versions/{version}/transitions", openapi_extra=right("versions.transition")
)
def transition_version(
    caller: Asking, model: ModelName, version: VersionRef, asked: TransitionAsked
) -> VersionWhole:
    """Move a version to another stage. One that is there already is given as it is."""
    found = version_of(caller.gov, model, version)
    if found.stage != asked.stage:
        found = caller.gov.registry.transition(
            found, asked.stage, caller.name, asked.reason, asked.at
        )
        caller.gov.files.catch_up()
    return VersionWhole.model_validate(found)


@router.post(
    "/models/{model}/versions/{version}/validate", openapi_extra=right("versions.validate")
)
def validate_version(
    caller: Asking, model: ModelName, version: VersionRef, asked: ValidateAsked
) -> DecisionShown:
    """Judge a trained version: validated, failed, or `insufficient` and still trained.

    One that was judged before gives the decision of then. The version is loaded for it in a child
    process, which takes a second.
    """
    found = version_of(caller.gov, model, version)
    decision = caller.gov.validate(found, by=caller.name, at=asked.at)
    caller.gov.files.catch_up()
    return shown(decision)


@router.post("/models/{model}/versions/{version}/metrics", openapi_extra=right("metrics.write"))
def log_metrics(
    caller: Asking, model: ModelName, version: VersionRef, asked: MetricsAsked
) -> MetricsRecorded:
    """Record metrics, all or none. The same again changes nothing; another value is a 409."""
    found = version_of(caller.gov, model, version)
    new = caller.gov.validation.log_metrics(
        found, asked.metrics, metric_type=asked.metric_type, by=caller.name, at=asked.at
    )
    return MetricsRecorded(new=new)


@router.get("/models/{model}/versions/{version}/metrics", openapi_extra=right("models.read"))
def get_metrics(
    caller: Asking,
    model: ModelName,
    version: VersionRef,
    split: Annotated[Split | None, Query(description="Only of this split.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[MetricShown]:
    """Recorded metrics, oldest first."""
    found = version_of(caller.gov, model, version)
    records = caller.gov.validation.get_metrics(found, split)
    return sliced(records, limit, cursor, show=MetricShown.model_validate)


@router.post(
    "/models/{model}/versions/{version}/backtest",
    status_code=202,
    openapi_extra=right("versions.backtest"),
)
def backtest_version(
    request: Request,
    response: Response,
    caller: Asking,
    model: ModelName,
    version: VersionRef,
    asked: BacktestAsked,
    idempotency_key: IdempotencyKey = None,
) -> JobShown:
    """Evaluate a version again on past data: a job; `Location` says where it stands."""
    gov = caller.gov
    found = version_of(gov, model, version)

    def work() -> dict[str, Any]:
        return _plain(gov.validation.backtest(found, asked.start, asked.end))

    jobs: Jobs = request.app.state.jobs
    job = jobs.start(
        work,
        kind="backtest",
        model=found.name,
        version=found.version,
        by=caller.name,
        arguments=[asked.start, asked.end],
        key=caller.key(idempotency_key),
    )
    response.headers["Location"] = str(request.url_for("get_job", job_id=job.id).path)
    return JobShown.model_validate(job)


@router.get("/jobs/{job_id}", openapi_extra=right("models.read", late=True))
def get_job(
    request: Request,
    caller: Asking,
    job_id: Annotated[str, Path(max_length=64, description="Its id.")],
) -> JobShown:
    """How far a job is, and what came out. A restart of the server forgets jobs: 404."""
    jobs: Jobs = request.app.state.jobs
    return JobShown.model_validate(caller.seen(lambda: jobs.get(job_id), lambda job: job.model))


def _plain(found: Backtest) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(canonical_json(found.as_json()))
    return plain
