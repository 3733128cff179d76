"""Where versions came from and what became of them, as a graph in several forms."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.routing import router as new_router
from governance.api.routing import version_of
from governance.api.shapes.parts import ModelName, VersionRef
from governance.lineage.forms import Format
from governance.lineage.showing import shown
from governance.lineage.tracing import MOST_VERSIONS, USUAL_VERSIONS, lineage_of
from governance.values import ModelVersion

router = new_router("lineage")

Form = Annotated[
    Format,
    Query(
        alias="format",
        description="`json` is the graph itself, `openlineage` an array of OpenLineage run events.",
    ),
]
Versions = Annotated[
    int, Query(ge=1, le=MOST_VERSIONS, description="So many versions, the newest.")
]
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {"schema": {}},
            **{form.media_type: _TEXT for form in Format if "json" not in form.media_type},
        }
    }
}


@router.get(
    "/models/{model}/lineage",
    openapi_extra=right("lineage.read"),
    responses=_ANSWERS,
    response_class=Response,
)
def get_model_lineage(
    caller: Asking, model: ModelName, form: Form = Format.JSON, limit: Versions = USUAL_VERSIONS
) -> Response:
    """Data, training, evidence, decisions and drift of a model's newest versions."""
    return _answer(caller, model, form, limit)


@router.get(
    "/models/{model}/versions/{version}/lineage",
    openapi_extra=right("lineage.read"),
    responses=_ANSWERS,
    response_class=Response,
)
def get_version_lineage(
    caller: Asking, model: ModelName, version: VersionRef, form: Form = Format.JSON
) -> Response:
    """The same of one version, with the versions that it replaced and that replaced it."""
    return _answer(caller, version_of(caller.gov, model, version), form, 1)


def _answer(caller: Asking, asked: str | ModelVersion, form: Format, limit: int) -> Response:
    with caller.gov.database.read() as connection:
        found = lineage_of(connection, asked, limit=limit)
    return Response(shown(found, form), media_type=form.media_type)
