"""The address without a path: people are sent on to the pages, programs are told where things are.

Public, and says nothing that the documentation of this product does not say to everybody.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from governance.api.guard import PUBLIC, right
from governance.api.routing import PREFIX, mounted_under, wants_html
from governance.api.routing import router as new_router
from governance.api.shapes.start import Start

router = new_router("start")


@router.get(
    "/",
    openapi_extra=right(PUBLIC),
    response_model=Start,
    response_model_exclude_none=True,
    responses={307: {"description": "To the pages, for who asks for HTML where there are any."}},
)
def get_start(request: Request, response: Response) -> Start | Response:
    """Where things are; who asks for HTML is sent on to the pages, where there are any."""
    under, below = mounted_under(request), request.app.state.pages
    pages = None if below is None else f"{under}{below}"
    if pages is not None and wants_html(request):
        return RedirectResponse(pages, status_code=307, headers={"Vary": "Accept"})
    response.headers["Vary"] = "Accept"
    api = f"{under}{PREFIX}"
    return Start(
        api=api,
        docs=f"{api}/docs",
        openapi=f"{api}/openapi.json",
        live=f"{api}/health/live",
        ready=f"{api}/health/ready",
        metrics=f"{under}/metrics",
        pages=pages,
    )
