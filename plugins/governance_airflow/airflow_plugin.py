"""What Airflow is told of this product: the class that its plugin loader takes.

Every component of Airflow reads it, so it imports nothing of ours before it is asked to. Only the
API server asks for `fastapi_apps`, once, while it starts; what goes wrong then is logged, and the
prefix answers 503 to everybody: without our guard nothing of ours is served, and Airflow goes on.

Airflow finds it in one of two ways: by the entry point of the installed distribution, or by
`plugins/governance_plugin.py` in its plugins folder, where nothing is installed. In a deployment
with both, the file leaves it to the entry point: Airflow would keep one of two plugins of a name,
and show the other as an import error for ever.

Operators need no registration; DAGs import them from this package.
"""

from __future__ import annotations

import json
import logging
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from governance_airflow.pages import URL_PREFIX, external_views

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

DISTRIBUTION = "airflow-model-governance"
ENTRY_POINTS = "airflow.plugins"
_CLOSED = json.dumps(
    {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "governance could not be loaded into this API server; its log says why",
        "code": "unavailable",
    }
).encode()


class GovernancePlugin(AirflowPlugin):
    """The links of tasks are on the operators' classes: Airflow asks them where the tasks run."""

    name = "governance"

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The entry in the navigation."""
        return external_views()

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The management API. Building it takes seconds, which no other component has to spend."""
        app: Any = closed
        try:
            from governance_airflow.api_mount import management_api

            app = management_api()
        except Exception:  # whatever it is: Airflow must start, and this door must be shut
            log.exception("governance could not be loaded; %s answers 503", URL_PREFIX)
        return [{"app": app, "url_prefix": URL_PREFIX, "name": "governance"}]


def has_entry_point() -> bool:
    """Will Airflow find the plugin by an installed distribution?"""
    try:
        installed = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return False
    return bool(installed.entry_points.select(group=ENTRY_POINTS))


async def closed(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI app without a way in; it needs nothing that could be missing."""
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1013})
        return
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"retry-after", b"60"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _CLOSED})
