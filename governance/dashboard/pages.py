"""A route that answers people: HTML with headers of its own, and a page for every refusal.

The guard, the limits and the second look are those of the management API's routes. Who does not ask
for HTML gets the refusal as the API gives it. Forms are small, of one content type (``FORM``), and
come from these pages (the guard checks the origin of every write by cookie).

Neighbours: ``templating``, ``site``. Pages embed in pages of the same server alone, which is what
Airflow does with them.
"""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from governance.access.rights import allowed
from governance.api import body
from governance.api.guard import Caller, GuardedRoute
from governance.api.problems import RETRY_AFTER
from governance.api.routing import PREFIX, mounted_under, wants_html
from governance.dashboard.sessions import COOKIE
from governance.dashboard.site import (
    FORCE,
    FORMS,
    Site,
    address,
    airflow_form,
    base_of,
    site_of,
    url_of,
)
from governance.dashboard.templating import templates
from governance.dashboard.words import clean
from governance.errors import GovernanceError

log = logging.getLogger(__name__)

MAX_FORM = 16 << 10  # bytes
FORM = "application/x-www-form-urlencoded"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    # Without any referrer a browser sends no origin with a form either, which the guard asks for.
    "Referrer-Policy": "same-origin",
}
_WORTH_PACKING = 2048  # bytes


class PageRoute(GuardedRoute):
    """Refusals of whatever kind become pages for who asks for HTML."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                response = await original(await _small(request))
            except ClientDisconnect:
                raise
            except (GovernanceError, HTTPException, RequestValidationError) as error:
                if not wants_html(request):
                    raise
                response = await run_in_threadpool(refusal_page, request, error)
            except Exception:
                if not wants_html(request):
                    raise
                log.exception("page %s failed", self.path)
                response = await run_in_threadpool(refusal_page, request, None)
            return _dressed(request, response)

        return handler


def page(
    request: Request, template: str, *, caller: Caller | None, status: int = 200, **context: Any
) -> Response:
    """One page.

    Args:
        caller: who sees it; ``None`` for somebody who is not known.
        context: for the template, beside what every page knows: ``url(*parts, **query)``,
            ``here(**query)`` (this page with other parameters; ``cursor`` is not kept),
            ``airflow(dag)`` (the address of a form there, or nothing for who may not), ``who``.
    """
    base, site = base_of(request), site_of(request)
    text = (
        templates()
        .get_template(template)
        .render(
            url=url_of(request),
            here=lambda **query: _here(request, query),
            base=base,
            docs=f"{mounted_under(request)}{PREFIX}/docs",
            login=site.sessions is not None,
            airflow=lambda dag, of=None: _form(site, caller, dag, of or context.get("model")),
            who="" if caller is None else caller.name,
            sees_log=caller is not None and allowed(caller.identity, "audit.read", None),
            query=dict(request.query_params),
            **context,
        )
    )
    return HTMLResponse(text, status_code=status)


def _form(site: Site, caller: Caller | None, dag: str, model: str | None) -> str:
    """The address of a form of Airflow, which asks again; nothing for who may not use it."""
    if caller is None or not allowed(caller.identity, FORMS[dag], model):
        return ""
    if dag == FORCE and not caller.gov.policy.may_force(caller.name):
        return ""
    url = caller.gov.settings.airflow_url if site.airflow_url is None else site.airflow_url
    return airflow_form(url, dag, model)


def see(request: Request, *parts: object, **query: object) -> Response:
    """After a form was taken: on to a page, so that reloading it sends nothing again."""
    return RedirectResponse(address(base_of(request), *parts, **query), status_code=303)


def _here(request: Request, changed: dict[str, object]) -> str:
    kept = {name: value for name, value in request.query_params.items() if name != "cursor"}
    path = f"{request.scope.get('root_path', '')}{_path(request)}"
    return address(path, **{**kept, **changed}) if kept or changed else path


def _path(request: Request) -> str:
    """Of the request within its app."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def refusal_page(request: Request, error: Exception | None) -> Response:
    """What went wrong, what it means and what to do; 500 without a word for what nobody foresaw."""
    status, code, detail = _said(error)
    asks_to_log_in = status == 401 and site_of(request).sessions is not None
    if asks_to_log_in and COOKIE not in request.cookies:
        detail = ""  # the form says enough to who comes for the first time
    found: Caller | None = getattr(request.state, "caller", None)
    response = page(
        request,
        "login.html" if asks_to_log_in else "refusal.html",
        caller=found,
        status=status,
        code=code,
        detail=detail,
        number=status,
        title=HTTPStatus(status).phrase,
        request_id=getattr(request.state, "request_id", ""),
        sent=request.method == "POST",
        next=_after_login(request),
    )
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"  # which a browser asks nobody for
    if status in RETRY_AFTER:
        response.headers["Retry-After"] = RETRY_AFTER[status]
    return response


def _after_login(request: Request) -> str:
    """Where somebody wanted to go; of a form that was sent the page that it stood on."""
    if request.method == "GET":
        return _here(request, {})
    before = request.headers.get("referer", "")
    host = f"//{request.headers.get('host', '')}"
    at = before.find(f"{host}{base_of(request)}")
    return before[at + len(host) :] if at >= 0 else base_of(request)


def _said(error: Exception | None) -> tuple[int, str, str]:
    if isinstance(error, GovernanceError):
        return error.status, error.code, clean(error.message)
    if isinstance(error, RequestValidationError):
        wrong = error.errors()[:3]
        said = "; ".join(f"{item['loc'][-1]}: {_plainly(item)}" for item in wrong)
        return 422, "invalid_input", clean(said)
    if isinstance(error, HTTPException):
        return error.status_code, "", clean(error.detail)
    return 500, "internal_error", "something went wrong here; the log has it under this request"


def _plainly(item: Any) -> str:
    """What is wrong with one value; a pattern is no sentence."""
    if item["type"] != "string_pattern_mismatch":
        return str(item["msg"])
    asked = "; give a number such as 1.2.0, or an id" if item["loc"][-1] == "version" else ""
    return f"{str(item['input'])[:60]!r} is none{asked}"


async def _small(request: Request) -> Request:
    """With a limit on its form, which is not read yet.

    Raises:
        HTTPException: 413; 415 for what is no form.
        GovernanceError: nothing can be written now.
    """
    if not body.has_body(request):
        return request
    await run_in_threadpool(request.app.state.desk.gov)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", FORM):
        raise HTTPException(415, f"a form of these pages comes as {FORM}")
    return body.limited(request, MAX_FORM)


def _dressed(request: Request, response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    content = bytes(getattr(response, "body", b""))
    packs = "gzip" in request.headers.get("accept-encoding", "")
    if packs and len(content) > _WORTH_PACKING and "content-encoding" not in response.headers:
        response.body = gzip.compress(content, compresslevel=5, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    if content:
        response.headers["Vary"] = "Accept, Accept-Encoding"
    return response
