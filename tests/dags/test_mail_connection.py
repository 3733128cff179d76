"""The Airflow connection for alerts, in the words of the package's mail server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from governance.errors import SettingsError
from governance.wiring import Governance
from governance_airflow.mail_connection import arguments_of

SENDER = '"from_email": "governance@example.com"'


@dataclass
class Connected:
    """Stands for an Airflow connection."""

    conn_type: str | None = "smtp"
    host: str | None = "relay.example.com"
    schema: str | None = None
    login: str | None = "gov"
    password: str | None = "p@ss:w/rd"
    port: int | None = None
    extra: str | None = f"{{{SENDER}}}"


@pytest.fixture
def server_of(gov: Governance) -> Callable[[Connected], Any]:
    return lambda connection: gov.alerts.smtp(**arguments_of(connection))


@pytest.mark.parametrize(
    ("extra", "tls", "starttls", "port"),
    [
        ("", True, False, 465),
        (', "disable_ssl": true', False, True, 587),
        (', "disable_ssl": "True", "disable_tls": "0"', False, True, 587),
        (', "disable_ssl": true, "disable_tls": true', False, False, 25),
        (', "disable_tls": true', True, False, 465),
    ],
)
def test_what_airflow_calls_ssl_and_tls_becomes_one_of_three_ways_to_speak(
    server_of: Callable[[Connected], Any], extra: str, tls: bool, starttls: bool, port: int
) -> None:
    server = server_of(Connected(extra=f"{{{SENDER}{extra}}}"))
    assert (server.tls, server.starttls, server.port) == (tls, starttls, port)


def test_host_login_sender_and_timeout_are_taken_over(
    server_of: Callable[[Connected], Any],
) -> None:
    server = server_of(Connected(port=2525, extra=f'{{{SENDER}, "timeout": 5}}'))
    assert (server.host, server.port, server.timeout) == ("relay.example.com", 2525, 5.0)
    assert (server.user, server.password) == ("gov", SecretStr("p@ss:w/rd"))
    assert server.from_address == "governance@example.com"
    assert "p@ss" not in repr(server)
    anonymous = server_of(Connected(login=None, password=None))
    assert (anonymous.user, anonymous.password) == (None, None)


def test_who_logs_in_with_an_address_sends_from_it(server_of: Callable[[Connected], Any]) -> None:
    assert server_of(Connected(login="ann@example.com", extra=None)).from_address == (
        "ann@example.com"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"conn_type": "http"},
        {"host": None},
        {"extra": None},
        {"extra": "{not json"},
        {"extra": f'{{{SENDER}, "timeout": "soon"}}'},
        {"extra": f'{{{SENDER}, "timeout": 1e9}}'},
    ],
)
def test_a_connection_that_cannot_be_used_is_refused_without_its_password(
    server_of: Callable[[Connected], Any], wrong: dict[str, Any]
) -> None:
    with pytest.raises(SettingsError) as refused:
        server_of(Connected(**wrong))
    assert "p@ss" not in str(refused.value)
