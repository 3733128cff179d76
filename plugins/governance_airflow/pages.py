"""Our pages inside Airflow's: an entry in its navigation, and links from tasks to what they made.

Airflow shows an external view in a frame, and keeps the address within the frame in its own: so a
page of ours has an address in Airflow (`shown_at`) that can be sent to a colleague.

A task leaves the pages that it made (`leave`), also when it fails afterwards: a refused promotion
has a decision. Their addresses are stored at once, where Airflow looks for those of links. Airflow
would store them too, but after it has reported the task's end; and its page of an ended task asks
for links only once, so that whoever came in between would see none. Neighbours: the operators;
`governance.dashboard` has the pages. Read by every component of Airflow, so nothing of ours is
imported here.

Not promised: links on a page that was open already when the task ended; Airflow's page may have
asked for the last time just before. Loading it again shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

URL_PREFIX = "/governance"
PAGES = f"{URL_PREFIX}/dashboard"
ROUTE = "governance"

# A shield with a tick, with an edge: Airflow lays it on a light, a dark and a blue ground.
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' "
    "stroke-linecap='round' stroke-linejoin='round'%3E%3Cpath d='M12 1.5 20.5 5v7c0 5.2-3.6 9-8.5 "
    "10.5C7.1 21 3.5 17.2 3.5 12V5z' fill='%23017cee' stroke='%23fff'/%3E%3Cpath d='m7.4 12.2 "
    "3.2 3.2 6-6.4' fill='none' stroke='%23fff' stroke-width='2.4'/%3E%3C/svg%3E"
)


def external_views() -> list[dict[str, Any]]:
    """One entry in the navigation. Not a tab on DAGs: Airflow would show it on everybody's."""
    return [
        {
            "name": "Governance",
            "href": f"{mount_point()}{PAGES}",
            "destination": "nav",
            "url_route": ROUTE,
            "nav_top_level": True,
            "icon": _ICON,
        }
    ]


def mount_point() -> str:
    """Path below which Airflow is reached, from `[api] base_url`; empty without one."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def path_of(*parts: object, **query: object) -> str:
    """Of a page below `PAGES`.

    >>> path_of("models", "momentum", "versions", "1.0.0"), path_of("alerts", model="momentum")
    ('models/momentum/versions/1.0.0', 'alerts?model=momentum')
    """
    path = "/".join(quote(str(part), safe="") for part in parts)
    return f"{path}?{urlencode(query)}" if query else path


def shown_at(path: str) -> str:
    """Where Airflow shows a page of ours, on whatever host it is reached."""
    prefix = mount_point()
    below = f"/{path}" if path and not path.startswith("?") else path
    return f"{prefix}/plugin/{ROUTE}{prefix}{PAGES}{below}"


def leave(context: Mapping[str, Any], **pages: str) -> None:
    """Say which pages show what this task made; a later call adds to what was said.

    Args:
        pages: path below `PAGES` by the name of the link, written small.
    """
    for name, path in pages.items():
        context["ti"].xcom_push(key=_key_of(name), value=shown_at(path))


def _key_of(link: str) -> str:
    return f"governance_link_{link}"


def version_page(model: str, version: str) -> str:
    return path_of("models", model, "versions", version)


def trial_page(model: str, version: str) -> str:
    return path_of("models", model, "versions", version, "trial")


def decision_page(decision_id: str) -> str:
    return path_of("decisions", decision_id)


class PageLink(BaseOperatorLink):
    """A link to the page that the task left under this link's name; none where it left none."""

    @property
    def xcom_key(self) -> str:
        return _key_of(self.name.lower())

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        from airflow.sdk.execution_time.xcom import XCom

        # Airflow stores the answer under the same key; it must be what was left.
        return XCom.get_value(ti_key=ti_key, key=self.xcom_key) or ""


class ModelLink(PageLink):
    name = "Model"


class VersionLink(PageLink):
    name = "Version"


class TrialLink(PageLink):
    name = "Trial"


class DecisionLink(PageLink):
    name = "Decision"


class DriftLink(PageLink):
    name = "Drift"


class AlertsLink(PageLink):
    name = "Alerts"
