"""Where tasks find the governance database: the connection `governance_db`, else the settings.

A task never sees Airflow's own database. Without the connection, `GOVERNANCE_DATABASE_URL` or the
SQLite file in `GOVERNANCE_HOME` counts, as on the command line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from governance.errors import SettingsError

if TYPE_CHECKING:
    from governance.wiring import Governance

CONNECTION_ID = "governance_db"
# Connection extras that libpq understands; everything else in `extra` is Airflow's.
_LIBPQ = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name")


class AirflowConnection(Protocol):
    conn_type: str | None
    host: str | None
    schema: str | None
    login: str | None
    password: str | None
    port: int | None
    extra: str | None


@contextmanager
def open_governance() -> Iterator[Governance]:
    """The product on the database of this Airflow, closed at the end of the task."""
    from governance.wiring import Governance  # pandas and LightGBM: not while DAG files are parsed

    with Governance.open(database=database_url()) as gov:
        yield gov


def database_url() -> str | None:
    """SQLAlchemy URL of the connection `governance_db`; None where there is no such connection."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = Connection.get(CONNECTION_ID)
    except AirflowNotFoundException:
        return None
    return url_of(connection)


def url_of(connection: AirflowConnection) -> str:
    """The URL with the driver that this product uses.

    Airflow's own `get_uri()` says `postgres://`, which SQLAlchemy refuses.

    Raises:
        SettingsError: neither PostgreSQL nor SQLite, or SQLite without a path.
    """
    from sqlalchemy.engine import URL

    if connection.conn_type in ("postgres", "postgresql"):
        url = URL.create(
            "postgresql+psycopg",
            username=connection.login,
            password=connection.password,
            host=connection.host,
            port=connection.port,
            database=connection.schema,
            query={key: str(value) for key, value in _extras(connection).items() if key in _LIBPQ},
        )
        return url.render_as_string(hide_password=False)
    if connection.conn_type == "sqlite" and connection.host:
        return URL.create("sqlite", database=connection.host).render_as_string()
    raise SettingsError(
        f"the Airflow connection {CONNECTION_ID} has type {connection.conn_type!r}; "
        "make it a postgres connection, or a sqlite one whose host is the path of the file"
    )


def _extras(connection: AirflowConnection) -> dict[str, Any]:
    try:
        extras = json.loads(connection.extra or "{}")
    except ValueError as error:
        raise SettingsError(f"the extra of connection {CONNECTION_ID} is no JSON object") from error
    return extras if isinstance(extras, dict) else {}
