"""The routes of the serving API, each with the right that it takes.

Handlers only fetch and hand on; what they hand to is in ``desk``. Predictions come back in the form
in which the rows came.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from governance.errors import NotFoundError, UnavailableError
from governance.registry.records import MAX_PAGE
from governance.serving.answering import Asked
from governance.serving.bodies import form_of, header
from governance.serving.described import PREDICT, PREDICTED, PROBLEM, REFUSED, says
from governance.serving.desk import Desk
from governance.serving.guard import PUBLIC, DirectRoute, GuardedRoute, right
from governance.serving.problems import problem
from governance.serving.query import check_query, known_query
from governance.serving.rows import event_time
from governance.serving.slots import Slot
from governance.values import ModelVersion, iso

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, dependencies=[Depends(known_query)])

_AT = frozenset({"at"})


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


async def predict(model: str, request: Request) -> Response:
    """Have rows predicted by the champion."""
    start = time.perf_counter()
    desk = _desk(request)
    form = form_of(request)
    await desk.who_answers(model)  # refuse before the body is read
    at = None
    if request.scope["query_string"]:
        check_query(request, _AT)
        at = request.query_params.get("at")
    moment = None if at is None else event_time(at)
    with await desk.bodies.read(request, form) as body:
        asked = Asked(
            desk.champions.of(model),  # who answers now, whatever happened since
            form,
            body,
            header(request, b"request-id"),
            header(request, b"feature-graph") or None,
            moment,
            desk.champions.trials.of(model),
        )
        answer = await desk.answer(asked)
    desk.figures.answered(model, rows=answer.rows, seconds=time.perf_counter() - start)
    return Response(answer.content, 200, answer.headers, answer.media_type)


router.add_api_route(
    "/models/{model}/predict",
    predict,
    methods=["POST"],
    route_class_override=DirectRoute,
    openapi_extra=PREDICT,
    responses={200: PREDICTED, **REFUSED},
    response_class=Response,
)


@router.get(
    "/models/{model}/status",
    openapi_extra=right("serving.read"),
    responses=says(s404="No such model.", s503="The database does not answer."),
)
async def status(model: str, request: Request) -> JSONResponse:
    """Who answers, since when, and what is wrong."""
    return JSONResponse(_desk(request).status(model, await _slot(model, request)))


@router.get(
    "/models/{model}/versions",
    openapi_extra=right("models.read"),
    responses=says(
        s404="No such model.", s422="Not a cursor.", s503="The database does not answer."
    ),
)
async def versions(
    model: str,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    cursor: Annotated[str | None, Query(max_length=4096)] = None,
) -> JSONResponse:
    """The model's versions, the newest number first."""
    desk, slot = _desk(request), await _slot(model, request)
    page = await run_in_threadpool(
        lambda: desk.gov.registry.list_models(model, limit=limit, cursor=cursor)
    )
    serving = None if slot.serving is None else slot.serving.version.id
    items = [_version(one, serving=one.id == serving) for one in page]
    return JSONResponse({"items": items, "next_cursor": page.next_cursor})


@router.post(
    "/models/{model}/reload",
    openapi_extra=right("serving.reload"),
    responses=says(s404="No such model.", s503="The database does not answer."),
)
async def reload(model: str, request: Request) -> JSONResponse:
    """Look for the champion now, and try again at once what could not be loaded."""
    desk = _desk(request)
    await run_in_threadpool(lambda: desk.champions.refresh(model, again=True))
    return JSONResponse(desk.status(model, await _slot(model, request)))


@router.get("/health/live", openapi_extra=right(PUBLIC))
async def live() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "live"})


@router.get(
    "/health/ready",
    openapi_extra=right(PUBLIC),
    responses={503: {"description": "Champions are still being loaded.", **PROBLEM}},
)
async def ready(request: Request) -> Response:
    """Are the champions loaded? ``degraded``: some cannot be; the others answer."""
    champions = _desk(request).champions
    if not champions.complete and not champions.watching:
        await run_in_threadpool(champions.look)
    if not champions.complete:
        return problem(
            503, UnavailableError.code, champions.problem or "champions are being loaded"
        )
    found = champions.counts()
    bad = found["stale"] + found["blocked"] + found["unloadable"]
    state = "degraded" if bad or champions.problem else "ready"
    return JSONResponse({"status": state, "models": found})


@router.get("/openapi.json", openapi_extra=right("docs.read"), include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


async def _slot(model: str, request: Request) -> Slot:
    champions = _desk(request).champions
    if not champions.watching or champions.slot(model) is None:
        await run_in_threadpool(champions.refresh, model)
    slot = champions.slot(model)
    if slot is None:
        raise NotFoundError(f"no model {model[:80]!r} is served here")
    return slot


def _version(one: ModelVersion, *, serving: bool) -> dict[str, Any]:
    return {
        "id": one.id,
        "version": one.version,
        "stage": one.stage.value,
        "model_type": one.model_type,
        "digest": one.digest,
        "created_by": one.created_by,
        "registered_at": iso(one.registered_at),
        "metrics": dict(one.metrics),
        "serving": serving,
    }
