"""`mount_dashboard`: the pages on an app of the management API.

One call, made by who builds the app: ``governance api serve``, and the plugin inside Airflow. The
pages take the app's own ``identify``, guard and second look, and stand in no OpenAPI document.
"""

from __future__ import annotations

from fastapi import FastAPI

from governance.dashboard.routes import LAST, LOGIN, ROUTERS
from governance.dashboard.sessions import Sessions, by_session
from governance.dashboard.site import Site

PREFIX = "/dashboard"


def mount_dashboard(
    app: FastAPI, *, login: bool, airflow_url: str | None = None, prefix: str = PREFIX
) -> FastAPI:
    """The same app, with the pages below ``prefix``.

    Args:
        login: let people log in with an API token. False where the app's ``identify`` knows them
            by a cookie already, as inside Airflow.
        airflow_url: base address of Airflow's pages, for the buttons that lead to its forms;
            ``""`` for none; by default what the settings say.
    """
    desk = app.state.desk
    sessions = Sessions() if login else None
    if sessions is not None:
        desk.identify = by_session(sessions, lambda: desk.gov().access.tokens, desk.identify)
    app.state.pages = prefix
    app.state.dashboard = Site(prefix, sessions, airflow_url)
    for router in (*ROUTERS, *([LOGIN] if login else []), LAST):
        app.include_router(router, prefix=prefix, include_in_schema=False)
    return app
