"""Style sheet, script and mark, for anybody: the login page needs them. And what is nowhere."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from governance.api.guard import PUBLIC, right
from governance.dashboard import static
from governance.dashboard.routing import Id, page_router
from governance.dashboard.site import address, base_of
from governance.errors import NotFoundError

router = page_router()
nowhere = page_router()  # behind all others


@router.get("/files/{name}", openapi_extra=right(PUBLIC), response_class=Response)
def get_file(request: Request, name: Id) -> Response:
    """A file by the name that holds its digest; browsers keep it for ever."""
    found = static.by_name(name)
    if found is None:
        raise NotFoundError("there is no such file; load the page again")
    headers = {"ETag": found.etag, "Cache-Control": static.FOREVER}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


@nowhere.get("/{rest:path}", openapi_extra=right(PUBLIC), response_class=Response)
def get_nothing(request: Request, rest: str) -> Response:
    """Any other address below the pages is a page that says so; a slash too many leads on."""
    parts = rest.split("/")
    if not parts[-1] and not {".", ".."}.intersection(parts):
        return RedirectResponse(address(base_of(request), *filter(None, parts)), 308)
    raise NotFoundError("there is no such page; the overview leads to all that there are")
