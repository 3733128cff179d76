"""The management API as Airflow's API server mounts it: same routes, Airflow's people.

Airflow mounts the app of a plugin as it is, authenticates nobody for it, and runs its lifespan, of
which only the end does anything here. Neighbours: `api_identity` says who asks; `connection` does
for tasks what `open_beside_airflow` does for the API server, which may not ask the way tasks do.

The database is opened by the first request, never at import: an API server starts without it, and
one that forks its workers hands no open connection down.
"""

from __future__ import annotations

from fastapi import FastAPI

from governance.api import create_app
from governance.errors import GovernanceError, UnavailableError
from governance.wiring import Governance
from governance_airflow.api_identity import identify
from governance_airflow.connection import CONNECTION_ID, url_of


def management_api() -> FastAPI:
    """The app; a further router of ours that wants the same people is included in it."""
    return create_app(opening=open_beside_airflow, identify=identify)


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
