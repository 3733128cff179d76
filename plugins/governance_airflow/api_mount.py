"""The management API and the pages as Airflow's API server mounts them: Airflow's people.

Airflow mounts the app of a plugin as it is, authenticates nobody for it, and runs its lifespan, of
which only the end does anything here. Neighbours: `api_identity` says who asks; `connection` does
for tasks what `open_beside_airflow` does for the API server, which may not ask the way tasks do.

The database is opened by the first request, never at import: an API server starts without it, and
one that forks its workers hands no open connection down.
"""

from __future__ import annotations

from fastapi import FastAPI

from governance.api import create_app
from governance.dashboard import mount_dashboard
from governance.errors import GovernanceError, UnavailableError
from governance.wiring import Governance
from governance_airflow.api_identity import identify
from governance_airflow.connection import CONNECTION_ID, url_of
from governance_airflow.pages import mount_point


def management_api() -> FastAPI:
    """The app, and the pages with the same people; their buttons lead to Airflow's forms."""
    app = create_app(opening=open_beside_airflow, identify=identify)
    return mount_dashboard(app, login=False, airflow_url=f"{mount_point()}/")


def open_beside_airflow() -> Governance:
    """On the database of the connection `governance_db`, else of the settings.

    Raises:
        GovernanceError: it cannot be opened now.
    """
    return Governance.open(database=database_url())


def database_url() -> str | None:
    """SQLAlchemy URL of the connection; None where there is none.

    Airflow's own look-up takes a secrets backend that does not answer for one that has nothing.
    Here that would open another, empty database for as long as the process lives.

    Raises:
        UnavailableError: a place where the connection may stand does not answer.
        SettingsError: it is of no type that this product uses.
    """
    from airflow.configuration import ensure_secrets_loaded

    for backend in ensure_secrets_loaded():
        try:
            found = backend.get_connection(conn_id=CONNECTION_ID)
        except Exception as error:
            if isinstance(error, GovernanceError):
                raise
            raise UnavailableError(
                f"{type(backend).__name__} does not say whether there is a connection "
                f"{CONNECTION_ID}; mend it, or set AIRFLOW_CONN_GOVERNANCE_DB"
            ) from error
        if found is not None:
            return url_of(found)
    return None
