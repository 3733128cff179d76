"""Checks of what leaves the house: who is told, is there a mail server, is anything undelivered?

The server is greeted (EHLO) and left again within a few seconds; nobody logs in and nothing is
sent. Not promised: that it takes our mails; `governance alerts` shows what it said to the last.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from socket import gaierror
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import func, select

from governance.doctor.finding import Finding, counted, ok, problem, unknown, warning
from governance.doctor.installation import PATIENCE, Installation
from governance.errors import GovernanceError, SettingsError
from governance.store.alert_tables import alert_outbox

_CONNECTION = "smtp_governance"
_HOW = "how-to/be-told-of-incidents.md"
_YES = ("true", "1", "yes", "t", "y")


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    tls: bool
    starttls: bool
    named_by: str


def mail(installation: Installation) -> Iterator[Finding]:
    """Where alerts go."""
    try:
        alerts = installation.config().alerts
    except GovernanceError:
        yield unknown("mail", "not looked at: governance.yaml is broken", "mend it first")
        return
    if not alerts.email:
        if alerts.webhooks:
            told = counted(len(alerts.webhooks), "webhook", "is told", "are told")
            yield ok("mail", f"{told} of incidents, nobody by mail")
        else:
            found = "nobody is told of incidents: governance.yaml has no alerts.email"
            yield warning("mail", found, f"say who is told ({_HOW})", "governance alerts list")
        return
    try:
        server = _server(installation)
    except (ValueError, SettingsError) as error:
        yield problem("mail", str(error), f"write it as {_HOW} shows")
        return
    if server is not None:
        yield _greeted(server)
    elif installation.airflow.installed:
        yield unknown(
            "mail",
            f"neither GOVERNANCE_SMTP_URL nor AIRFLOW_CONN_{_CONNECTION.upper()} is set here",
            f"set one of them; a connection {_CONNECTION} that Airflow stores is not seen here",
            f"airflow connections get {_CONNECTION}",
        )
    else:
        told = counted(len(alerts.email), "address", "is to be told", "are to be told")
        found = f"{told}, and no mail server is named"
        yield problem("mail", found, f"set GOVERNANCE_SMTP_URL ({_HOW})")


def _server(installation: Installation) -> _Server | None:
    """As tasks find it: the connection, else the settings."""
    if (found := installation.airflow.connection(_CONNECTION)) is not None:
        name = f"AIRFLOW_CONN_{_CONNECTION.upper()}"
        extra = found.get("extra") or {}
        if found.get("conn_type") != "smtp" or not found.get("host"):
            raise ValueError(f"{name} is no smtp connection with a host")
        tls = str(extra.get("disable_ssl")).lower() not in _YES
        starttls = not tls and str(extra.get("disable_tls")).lower() not in _YES
        port = int(found.get("port") or (465 if tls else 587 if starttls else 25))
        return _Server(str(found["host"]), port, tls, starttls, name)
    url = installation.settings.smtp_url.get_secret_value()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        given, known = parts.port, parts.scheme in ("smtp", "smtps") and parts.hostname
    except ValueError:  # what it says quotes the URL
        known = None
    if not known:
        raise ValueError("GOVERNANCE_SMTP_URL is no smtp:// or smtps:// URL with a host")
    tls = parts.scheme == "smtps"
    starttls = not tls and dict(parse_qsl(parts.query)).get("starttls", "true").lower() in _YES
    return _Server(known, given or (465 if tls else 587), tls, starttls, "GOVERNANCE_SMTP_URL")


def _greeted(server: _Server) -> Finding:
    where = f"{server.host}:{server.port} ({server.named_by})"
    kind = smtplib.SMTP_SSL if server.tls else smtplib.SMTP
    try:
        connection = kind(server.host, server.port, timeout=PATIENCE)
        try:
            code, _ = connection.ehlo()
            offers = connection.has_extn("starttls")
        finally:
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        why = "its name is not known" if isinstance(error, gaierror) else type(error).__name__
        found = f"the mail server {where} does not answer: {why}"
        return problem("mail", found, "check host, port and firewall; alerts wait in the outbox")
    if code != 250:
        return problem("mail", f"the mail server {where} answers {code}", "ask its owner")
    if server.starttls and not offers:
        found = f"the mail server {where} offers no STARTTLS, which is asked for"
        return problem("mail", found, "use its TLS port, or say that there is none")
    return ok("mail", f"the mail server {where} answers")


def outbox(installation: Installation) -> Iterator[Finding]:
    """What was to be told and was not."""
    states = select(alert_outbox.c.state, func.count()).group_by(alert_outbox.c.state)
    with installation.database() as opened, opened.read() as connection:
        found = {str(state): int(number) for state, number in connection.execute(states)}
    dead, pending = found.get("dead", 0), found.get("pending", 0)
    if dead:
        said = counted(dead, "message", "was given up", "were given up")
        said += f", {pending} {'waits' if pending == 1 else 'wait'}"
        remedy = "mend the channel, then `governance alerts deliver --retry-dead`"
        yield warning("outbox", said, remedy, "governance alerts list --dead")
    else:
        yield ok("outbox", f"{counted(pending, 'message', 'waits', 'wait')}, none was given up")
