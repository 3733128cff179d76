"""A mail server, and one mail handed to it.

A connection is made for each mail (there are twenty an hour). With STARTTLS or TLS the certificate
is verified; a server without STARTTLS is an error, never a reason to go on in the clear. What a
failure says goes into the outbox, so it never contains the password.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from governance.effects.alerts.outgoing import Failure, failure
from governance.errors import SettingsError

log = logging.getLogger(__name__)

_USAGE = (
    "write smtp://user:password@host:587?from=governance@example.com "
    "(smtps:// for TLS from the first byte, &starttls=false for none)"
)
_PORTS = {"smtp": 587, "smtps": 465}
_FLAGS = {"true": True, "false": False}
_TOO_LARGE, _CLOSING = 552, 421


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """
    Attributes:
        from_address: who the alerts come from.
        starttls: change to TLS after the greeting; tls: speak TLS from the first byte.
        timeout: seconds that the server may take for one answer.
        context: of TLS; the system's trusted certificates if not given.

    >>> SmtpServer(host="mail.example.com", from_address="governance@example.com").port
    587
    """

    host: str
    from_address: str
    port: int = 587
    user: str | None = None
    password: SecretStr | None = None
    starttls: bool = True
    tls: bool = False
    timeout: float = 30.0
    context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for text in (self.host, self.from_address):
            if not text or not text.isprintable() or " " in text:
                raise SettingsError("a mail server needs a host and a from address in one word")
        if not 0 < self.port < 65536 or not 0 < self.timeout <= 120:
            raise SettingsError("a mail server's port is 1-65535, its timeout up to 120 seconds")

    @classmethod
    def from_url(cls, url: SecretStr | str) -> Self:
        """As ``GOVERNANCE_SMTP_URL`` has it.

        Raises:
            SettingsError: it is no such URL; the message does not repeat it.

        >>> SmtpServer.from_url("smtp://ann:p%40ss@host?from=g@example.com").user
        'ann'
        """
        text = url.get_secret_value() if isinstance(url, SecretStr) else url
        try:
            return cls._parsed(text)
        except (ValueError, KeyError):  # also what urlsplit says, which quotes the URL
            raise SettingsError(f"GOVERNANCE_SMTP_URL cannot be read; {_USAGE}") from None

    @classmethod
    def _parsed(cls, text: str) -> Self:
        parts = urlsplit(text)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        user = unquote(parts.username) if parts.username else None
        sender = options.pop("from", user or "")
        starttls = _FLAGS[options.pop("starttls", "true")]
        if options or parts.path.strip("/") or "@" not in sender or not parts.hostname:
            raise ValueError
        return cls(
            host=parts.hostname,
            from_address=sender,
            port=parts.port or _PORTS[parts.scheme],
            user=user,
            password=SecretStr(unquote(parts.password)) if parts.password else None,
            starttls=starttls and parts.scheme == "smtp",
            tls=parts.scheme == "smtps",
        )

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Failure | None:
        """Hand ``mail`` to the server; why not, if it was not taken for everybody."""
        try:
            connection = self._connected()
            try:
                refused = connection.send_message(mail, self.from_address, list(recipients))
            finally:
                _leave(connection)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return self._failure(error)
        if refused:
            said = failure(f"not taken for {_answers(refused)}", whole_channel=False)
            log.warning("the mail server took the alert, but %s", said.reason)
            return replace(said, remaining=tuple(sorted(refused)), final=_final(refused))
        return None

    def _connected(self) -> smtplib.SMTP:
        """Logged in, and over TLS where that was asked for."""
        context = self.context or ssl.create_default_context()
        connection: smtplib.SMTP
        if self.tls:
            connection = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout, context=context
            )
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.starttls and not self.tls:
                connection.starttls(context=context)
            if self.user is not None and self.password is not None:
                connection.login(self.user, self.password.get_secret_value())
        except BaseException:
            connection.close()
            raise
        return connection

    def _failure(self, error: Exception) -> Failure:
        """Does the server refuse this mail, or any?"""
        where = f"mail server {self.host}:{self.port}"
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            closing = any(code == _CLOSING for code, _ in error.recipients.values())
            said = f"{where} takes no recipient: {_answers(error.recipients)}"
            return replace(failure(said, whole_channel=closing), final=_final(error.recipients))
        if isinstance(error, smtplib.SMTPResponseException):
            said = f"{error.smtp_code} {_decoded(error.smtp_error)}"
            of_mail = isinstance(error, smtplib.SMTPDataError | smtplib.SMTPSenderRefused)
            later = 400 <= error.smtp_code < 500
            this_one = error.smtp_code == _TOO_LARGE or (
                of_mail
                and error.smtp_code != _CLOSING
                and (later or isinstance(error, smtplib.SMTPDataError))
            )
            return failure(f"{where} said {said}", whole_channel=not this_one)
        this_one = isinstance(error, ValueError) and not isinstance(error, OSError)
        said = f"{type(error).__name__}: {error}"
        return failure(f"{where}: {said}", whole_channel=not this_one)


def _leave(connection: smtplib.SMTP) -> None:
    """What goes wrong after a mail was taken does not make it untaken."""
    with suppress(smtplib.SMTPException, OSError):
        connection.quit()
    connection.close()


def _answers(refused: Mapping[str, tuple[int, bytes]]) -> str:
    """What was said to each, whose addresses are shown as ``e...@example.com``."""
    return "; ".join(
        f"{masked(address)}: {code} {_decoded(said).replace(address, masked(address))}"
        for address, (code, said) in sorted(refused.items())
    )


def masked(address: str) -> str:
    """
    >>> masked("eve@example.com")
    'e...@example.com'
    """
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}...{at}{domain}"


def _final(refused: Mapping[str, tuple[int, bytes]]) -> bool:
    return all(code >= 500 for code, _ in refused.values())


def _decoded(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
