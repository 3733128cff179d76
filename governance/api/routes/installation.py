"""The installation as a whole: the dashboard's data, the configuration, the API's own document."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from governance.api.guard import Asking, right
from governance.api.routes.decisions import shown
from governance.api.routing import mounted_under
from governance.api.routing import router as new_router
from governance.api.shapes.decisions import ApprovalShown
from governance.api.shapes.evidence import IncidentShown
from governance.api.shapes.history import ConfigShown, DashboardShown
from governance.api.shapes.shadow import TrialShown
from governance.decisions.approval_records import list_approvals
from governance.decisions.decision_queries import list_decisions
from governance.errors import SecretInMetadataError
from governance.evidence.drift.records.severities import latest_severities
from governance.evidence.shadow.runs import running_trials
from governance.history.incident_handling import list_incidents
from governance.registry import overview
from governance.registry.credentials import check_no_secret_inside
from governance.settings import Settings

router = new_router("installation")

_FEW = 20
REDACTED = "**********"


@router.get("/dashboard", openapi_extra=right("dashboard.read"))
def get_dashboard(caller: Asking) -> DashboardShown:
    """What a page about everything shows, of the models that one sees."""
    seen = caller.patterns
    with caller.gov.database.read() as connection:
        stages = overview.stages(connection, patterns=seen)
        names = overview.count(connection, patterns=seen)
        severities = latest_severities(connection, patterns=seen)
        return DashboardShown(
            models=names,
            versions_by_stage=stages,
            open_incidents=[
                IncidentShown.model_validate(one)
                for one in list_incidents(connection, state="open", limit=_FEW, patterns=seen)
            ],
            running_trials=[
                TrialShown.model_validate(one)
                for one in running_trials(connection, patterns=seen)[:_FEW]
            ],
            pending_approvals=[
                ApprovalShown.model_validate(one)
                for one in list_approvals(connection, state="pending", limit=_FEW, patterns=seen)
            ],
            latest_decisions=[
                shown(one)
                for one in list_decisions(connection, limit=_FEW, patterns=seen, frozen=False)
            ],
            drift={**severities, "none": max(0, names - sum(severities.values()))},
        )


@router.get("/config", openapi_extra=right("config.read"))
def get_config(caller: Asking) -> ConfigShown:
    """Settings and `governance.yaml` as they count now, without secrets."""
    gov = caller.gov
    return ConfigShown(
        settings=_settings(gov.settings),
        governance=redacted(gov.config.model_dump(mode="json")),
        policy_problem=gov.policy.problem,
    )


@router.get("/openapi.json", openapi_extra=right("docs.read"), response_class=JSONResponse)
def get_document(request: Request, caller: Asking) -> Response:
    """This API as an OpenAPI document."""
    document = request.app.openapi()
    if under := mounted_under(request):
        document = {**document, "servers": [{"url": under}]}
    return JSONResponse(document)


@router.get("/docs", openapi_extra=right("docs.read"), response_class=HTMLResponse)
def get_docs(request: Request, caller: Asking) -> Response:
    """The routes as a page for people. It needs no script and loads nothing from elsewhere."""
    rows, under = [], mounted_under(request)
    for path, methods in request.app.openapi()["paths"].items():
        for method, operation in methods.items():
            says = operation.get("summary", ""), operation.get("x-right", "")
            cells = (method.upper(), under + path, *says)
            rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
    return HTMLResponse(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Model governance: API</title>"
        "<h1>Model governance: API</h1><p>The whole document: <a href=openapi.json>openapi.json"
        "</a>.<table><thead><tr><th>method<th>path<th>what<th>right<tbody>"
        f"{''.join(rows)}</table></html>"
    )


def _settings(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = _address(value.get_secret_value())
        found[name] = value if isinstance(value, bool | int | float | None) else str(value)
    safe: dict[str, Any] = redacted(found)
    return safe


def _address(url: str) -> str:
    """Where it leads, without who enters and with what."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}" if parts.scheme else REDACTED
    except ValueError:
        return REDACTED


def redacted(value: Any, key: str = "") -> Any:
    """JSON with every text replaced that looks like a credential, by itself or by its key.

    >>> redacted({"params": {"password": "hunter2", "table": "flights"}})
    {'params': {'password': '**********', 'table': 'flights'}}
    """
    if isinstance(value, Mapping):
        return {name: redacted(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, key) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if any(word in key.lower() for word in _SECRET_WORDS):
        return REDACTED
    try:
        check_no_secret_inside({key: value}, where="it")
    except SecretInMetadataError:
        return REDACTED
    return value


_SECRET_WORDS = ("password", "passwd", "secret", "token", "api_key", "apikey", "credential")
