"""Where the pages are, how one logs in, where Airflow's forms are: what every page knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.requests import Request

from governance.api.routing import mounted_under
from governance.dashboard.sessions import Sessions

FORCE = "force_promotion"
# What it takes to be shown the form of a DAG. A DAG forces for whom the policy names (``force``).
FORMS = {
    "promotion": "promotions.promote",
    "rollback": "promotions.rollback",
    "answer": "approvals.answer",
    FORCE: "promotions.promote",
    "retrain": "models.register",
}


@dataclass(frozen=True, slots=True)
class Site:
    """
    Attributes:
        prefix: path of the first page within the app.
        sessions: of people who logged in with a token; ``None`` where somebody else knows them.
        airflow_url: base address of Airflow's pages; ``None`` for what the settings say. ``""``
            where there is none, and then no page offers what Airflow would do.
    """

    prefix: str
    sessions: Sessions | None
    airflow_url: str | None = None


def airflow_form(airflow_url: str, dag: str, model: str | None = None) -> str:
    """Address of a DAG whose trigger form does something, or of what waits for answers; ``""``
    without Airflow.

    >>> airflow_form("https://airflow.example.com/", "rollback"), airflow_form("/", "answer")
    ('https://airflow.example.com/dags/rollback', '/required_actions')
    """
    match dag:
        case "answer":
            below = "required_actions"
        case "retrain":
            below = f"dags/retrain__{quote(model or '')}"
        case _:
            below = f"dags/{quote(dag)}"
    return f"{airflow_url.rstrip('/')}/{below}" if airflow_url else ""


def site_of(request: Request) -> Site:
    found = request.app.state.dashboard
    assert isinstance(found, Site)
    return found


def base_of(request: Request) -> str:
    """Path of the first page as a browser sees it: a mounted app has a path of its own."""
    return f"{mounted_under(request)}{site_of(request).prefix}"


def url_of(request: Request) -> Callable[..., str]:
    """``address`` below the first page that this request's browser sees."""
    base = base_of(request)
    return lambda *parts, **query: address(base, *parts, **query)


def address(base: str, *parts: object, **query: object) -> str:
    """A path below ``base``; parts are quoted, and a value that is ``None`` or empty is left out.

    >>> address("/dashboard", "models", "a/b", version="1.0.0", cursor=None)
    '/dashboard/models/a%2Fb?version=1.0.0'
    """
    path = "/".join([base, *(quote(str(part), safe="") for part in parts)])
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path
