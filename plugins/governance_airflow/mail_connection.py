"""Where alerts go out: the Airflow connection `smtp_governance`, else `GOVERNANCE_SMTP_URL`.

    AIRFLOW_CONN_SMTP_GOVERNANCE='{"conn_type": "smtp", "host": "relay.example.com", "port": 587,
      "login": "governance", "password": "...", "extra": {"from_email": "governance@example.com",
      "disable_tls": false, "disable_ssl": true, "timeout": 10}}'

The extras are those of Airflow's own SMTP hook. The mail itself is sent by the package, which keeps
the outbox; no Airflow callback has a part in it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from governance.errors import SettingsError

if TYPE_CHECKING:
    from governance_airflow.connection import AirflowConnection

CONNECTION_ID = "smtp_governance"
_TIMEOUT = 10.0
_PORTS = {"tls": 465, "starttls": 587, "none": 25}


def server_arguments() -> dict[str, Any] | None:
    """What `gov.alerts.smtp` makes a mail server of; None where there is no such connection.

    Raises:
        SettingsError: the connection cannot be used.
    """
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = Connection.get(CONNECTION_ID)
    except AirflowNotFoundException:
        return None
    return arguments_of(connection)


def arguments_of(connection: AirflowConnection) -> dict[str, Any]:
    """A connection in the words of the package.

    As in Airflow's hook, `disable_ssl` and `disable_tls` are false if not given; TLS from the first
    byte then leaves nothing for STARTTLS to do.

    Raises:
        SettingsError: no SMTP connection, no host or sender, or an extra that cannot be read. The
            message repeats no password.
    """
    if connection.conn_type != "smtp" or not connection.host:
        raise SettingsError(
            f"the Airflow connection {CONNECTION_ID} has type {connection.conn_type!r} and host "
            f"{connection.host!r}; make it an smtp connection with the host of your mail server"
        )
    extra = _extras(connection)
    tls = not _is_true(extra.get("disable_ssl"))
    starttls = not tls and not _is_true(extra.get("disable_tls"))
    sender = extra.get("from_email") or connection.login
    if not isinstance(sender, str) or "@" not in sender:
        raise SettingsError(
            f'the Airflow connection {CONNECTION_ID} names no sender; add "from_email" to its extra'
        )
    try:
        timeout = float(extra.get("timeout") or _TIMEOUT)
    except (TypeError, ValueError):
        raise SettingsError(
            f"the timeout of the Airflow connection {CONNECTION_ID} is no number of seconds"
        ) from None
    return {
        "host": connection.host,
        "port": connection.port or _PORTS["tls" if tls else "starttls" if starttls else "none"],
        "user": connection.login or None,
        "password": SecretStr(connection.password) if connection.password else None,
        "from_address": sender,
        "tls": tls,
        "starttls": starttls,
        "timeout": timeout,
    }


def _is_true(value: Any) -> bool:
    """Extras of connections come as JSON booleans or, from URIs and forms, as texts."""
    return str(value).strip().lower() in ("true", "1", "yes", "t", "y")


def _extras(connection: AirflowConnection) -> dict[str, Any]:
    try:
        extras = json.loads(connection.extra or "{}")
    except ValueError as error:
        raise SettingsError(f"the extra of connection {CONNECTION_ID} is no JSON object") from error
    return extras if isinstance(extras, dict) else {}
