"""What exists: models, their versions, which one decides and which did when."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.paging import asked, name_of, page, sliced
from governance.api.routing import router as new_router
from governance.api.routing import version_of
from governance.api.shapes.models import (
    ActivationShown,
    GenerationShown,
    ModelShown,
    VersionShown,
    VersionWhole,
)
from governance.api.shapes.parts import (
    LINE,
    Cursor,
    Limit,
    ModelFilter,
    ModelName,
    Moment,
    Page,
    VersionRef,
)
from governance.errors import NoProductionVersionError, NotFoundError
from governance.registry import overview, records
from governance.values import ModelVersion, Stage

router = new_router("models")

StageFilter = Annotated[Stage | None, Query(description="Only in this stage.")]
TypeFilter = Annotated[
    str | None, Query(pattern=LINE, max_length=64, description="Only of this model type.")
]
TagFilter = Annotated[
    str | None, Query(pattern=LINE, max_length=64, description="Only with this tag.")
]
VersionId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{12}$", description="Its id.", examples=["922cc995d975"])
]
Active = Annotated[bool, Query(description="Leave out what is retired or failed.")]


@router.get("/models", openapi_extra=right("models.list"))
def list_models(caller: Asking, limit: Limit = 100, cursor: Cursor = None) -> Page[ModelShown]:
    """Models by name, of those one sees, each with its stages and the version that decides."""
    after = None if cursor is None else name_of(cursor)
    with caller.gov.database.read() as connection:
        rows = overview.models(
            connection, patterns=caller.patterns, limit=asked(limit), after=after
        )
    return page(rows, limit, show=ModelShown.model_validate, cursor=lambda row: row.name)


@router.get("/versions", openapi_extra=right("models.list"))
def list_all_versions(
    caller: Asking,
    model: ModelFilter = None,
    model_type: TypeFilter = None,
    stage: StageFilter = None,
    tag: TagFilter = None,
    active_only: Active = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[VersionShown]:
    """Versions of all models that one sees, by name, the newest number first."""
    return _versions(
        caller,
        name=model,
        model_type=model_type,
        stage=stage,
        tag=tag,
        active_only=active_only,
        limit=limit,
        cursor=cursor,
    )


@router.get("/versions/{version_id}", openapi_extra=right("models.read", late=True))
def get_version_by_id(caller: Asking, version_id: VersionId) -> VersionWhole:
    """The version with this id, of whatever model."""
    found = caller.seen(lambda: caller.gov.registry.resolve(version_id), lambda one: one.name)
    return VersionWhole.model_validate(found)


@router.get("/models/{model}", openapi_extra=right("models.read"))
def get_model(caller: Asking, model: ModelName, response: Response) -> ModelShown:
    """One model. Its `ETag` is the generation, which `If-Match` takes."""
    with caller.gov.database.read() as connection:
        found = overview.model(connection, model)
    response.headers["ETag"] = f'"{found.generation}"'
    return ModelShown.model_validate(found)


@router.get("/models/{model}/generation", openapi_extra=right("models.read"))
def get_generation(caller: Asking, model: ModelName, response: Response) -> GenerationShown:
    """How often the model was activated so far, and what decides now."""
    found = get_model(caller, model, response)
    return GenerationShown.model_validate(found)


@router.get("/models/{model}/production", openapi_extra=right("models.read"))
def get_production(
    caller: Asking,
    model: ModelName,
    at: Annotated[Moment | None, Query(description="What decided at this time.")] = None,
) -> VersionWhole:
    """The version that decides, now or at a time of the past; 404 if none does."""
    found = caller.gov.registry.get_production_model(model, at=at)
    if found is None:
        when = "" if at is None else " at that time"
        raise NoProductionVersionError(f"no version of {model!r} is in production{when}")
    return VersionWhole.model_validate(found)


@router.get("/models/{model}/activations", openapi_extra=right("models.read"))
def list_activations(
    caller: Asking, model: ModelName, limit: Limit = 100, cursor: Cursor = None
) -> Page[ActivationShown]:
    """Every activation, oldest first."""
    found = caller.gov.promotion.history(model)
    return sliced(found, limit, cursor, show=ActivationShown.model_validate)


@router.get("/models/{model}/versions", openapi_extra=right("models.read"))
def list_versions(
    caller: Asking,
    model: ModelName,
    model_type: TypeFilter = None,
    stage: StageFilter = None,
    tag: TagFilter = None,
    active_only: Active = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[VersionShown]:
    """Versions of one model, the newest number first."""
    return _versions(
        caller,
        name=model,
        model_type=model_type,
        stage=stage,
        tag=tag,
        active_only=active_only,
        limit=limit,
        cursor=cursor,
    )


@router.get("/models/{model}/versions/latest", openapi_extra=right("models.read"))
def get_latest_version(caller: Asking, model: ModelName, stage: StageFilter = None) -> VersionWhole:
    """The highest number, in a stage if one is given."""
    found = caller.gov.registry.get_latest_version(model, stage)
    if found is None:
        raise NotFoundError(f"{model!r} has no version{'' if stage is None else f' in {stage}'}")
    return VersionWhole.model_validate(found)


@router.get("/models/{model}/versions/{version}", openapi_extra=right("models.read"))
def get_version(caller: Asking, model: ModelName, version: VersionRef) -> VersionWhole:
    """One version with its provenance."""
    return VersionWhole.model_validate(version_of(caller.gov, model, version))


def _versions(
    caller: Asking,
    *,
    name: str | None,
    model_type: str | None,
    stage: Stage | None,
    tag: str | None,
    active_only: bool,
    limit: int,
    cursor: str | None,
) -> Page[VersionShown]:
    with caller.gov.database.read() as connection:
        found = records.page(
            connection,
            name=name,
            model_type=model_type,
            stage=stage,
            active_only=active_only,
            tag=tag,
            limit=limit,
            cursor=cursor,
            patterns=caller.patterns,
        )
    return Page(items=[_shown(one) for one in found], next_cursor=found.next_cursor)


def _shown(version: ModelVersion) -> VersionShown:
    return VersionShown.model_validate(version)
