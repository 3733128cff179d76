"""Mails against a real SMTP server: what arrives, and what keeps one from being sent."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from governance.effects.alerts.mail import EmailSender, build_mail
from governance.effects.alerts.outgoing import Failure, Outgoing
from governance.effects.alerts.plain import PlainMessage, render
from governance.effects.alerts.relay import Delivered
from governance.effects.alerts.smtp import SmtpServer
from governance.effects.drift_report.mail import render_message
from governance.errors import SettingsError
from governance.store.database import Database
from tests.alarms import HOUR, START, event, record
from tests.effects.alerts.post_office import Alerting, text_of
from tests.effects.alerts.tls import Authority

PASSWORD = "p@ss word"
PNG = b"\x89PNG\r\n\x1a\n and so on"


class Server:
    """Keeps what it takes; ``answer`` is what it says to a mail, ``refused`` whom it does not
    know.
    """

    def __init__(self, **given: Any) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.answer = "250 taken"
        self.refused: set[str] = set()
        self.code = 550
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._controller = Controller(self, hostname="localhost", port=self.port, **given)
        self._controller.start()

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return f"{self.code} nobody of that name: {address}"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
            data = envelope.original_content
            self.taken.append(email.message_from_bytes(data, policy=email.policy.default))
        return self.answer

    def stop(self) -> None:
        self._controller.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server()
    yield opened
    opened.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def _smtp(port: int, **given: Any) -> SmtpServer:
    values: dict[str, Any] = {"starttls": False, "timeout": 5.0, **given}
    return SmtpServer(host="localhost", port=port, from_address="governance@example.com", **values)


def _message(*numbers: int) -> Outgoing:
    payloads = tuple(event(number).payload() for number in numbers or (0,))
    return Outgoing(message_id="a.b@x", channel="email", events=payloads, created_at=START)


def _send(smtp: SmtpServer, **given: Any) -> Failure | None:
    recipients = given.pop("recipients", ("ann@example.com", "eve@example.com"))
    return EmailSender(recipients, smtp, render, report_url="")(_message(**given))


def test_a_mail_arrives_whole_for_everybody(server: Server) -> None:
    assert _send(_smtp(server.port)) is None
    (mail,) = server.taken
    people = ["ann@example.com", "eve@example.com"]
    assert server.envelopes == [("governance@example.com", people)]
    assert mail["To"] == ", ".join(people)
    assert mail["Message-ID"] == "<a.b@x>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == START
    assert event().incident_id in text_of(mail)


def test_text_html_and_pictures_are_one_mail(server: Server) -> None:
    bars = {"labels": ["1", "2"], "reference": [0.5, 0.5], "current": [0.1, 0.9]}
    feature = {"feature": "visib", "finding": "shifted", "severity": "severe", "ks": 0.4}
    payload = event(features=({**feature, "kind": "numeric", "histogram": bars},)).payload()
    message = Outgoing(message_id="a@x", channel="email", events=(payload,), created_at=START)
    sender = EmailSender(
        ("ann@example.com",), _smtp(server.port), render_message, report_url="https://r.example"
    )
    assert sender(message) is None
    (mail,) = server.taken
    assert mail.get_content_type() == "multipart/alternative"
    html = mail.get_body(("html",))
    assert html is not None
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert f"cid:{str(picture['Content-ID']).strip('<>')}" in html.get_content()
    assert picture.get_content().startswith(b"\x89PNG")
    assert payload["incident_id"] in text_of(mail)


@pytest.mark.parametrize("what", ["opened", "updated", "closed", "reminder"])
def test_every_mail_names_its_incidents(server: Server, what: str) -> None:
    payload = {**event(closed_reason="calm").payload(), "event": what, "number": 2}
    other = event(1).payload()
    sender = EmailSender(("ann@example.com",), _smtp(server.port), render_message, report_url="")
    for payloads in ((payload,), (payload, other)):
        message = Outgoing(message_id="a@x", channel="email", events=payloads, created_at=START)
        assert sender(message) is None
        text = text_of(server.taken[-1])
        assert all(text.count(str(one["incident_id"])) for one in payloads)


def test_nothing_from_data_becomes_a_header() -> None:
    nasty = "drift\r\nBcc: eve@evil.example\n\n<script>\x00\u2028"
    mail = build_mail(
        _message(),
        PlainMessage(nasty, nasty, nasty, {"ok.png": PNG, "a>\r\nBcc: x": PNG}),
        sender="governance@example.com",
        recipients=["ann@example.com"],
    )
    assert mail["Bcc"] is None
    assert mail["Subject"] == "drift Bcc: eve@evil.example <script>"
    lines = mail.as_bytes().split(b"\r\n\r\n")[0].split(b"\r\n")
    assert not any(line.lower().startswith(b"bcc") for line in lines)
    (picture,) = [part for part in mail.walk() if part["Content-ID"]]
    assert (picture["Content-ID"], picture.get_filename()) == ("<ok.png>", "ok.png")
    for header, value in (("sender", "a@b.c\r\nBcc: x@y.z"), ("recipients", ["a@b.c\nBcc: x"])):
        given: dict[str, Any] = {"sender": "a@b.c", "recipients": ["a@b.c"], header: value}
        with pytest.raises(ValueError, match="linefeed"):
            build_mail(_message(), PlainMessage("s", "t"), **given)


def test_an_alert_is_sent_plainly_where_the_full_message_breaks(
    server: Server, logged: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a plot")

    sender = EmailSender(("ann@example.com",), _smtp(server.port), breaks, report_url="")
    assert sender(_message()) is None
    assert event().incident_id in text_of(server.taken[0])
    assert "could not be rendered" in logged.text


@pytest.mark.parametrize(
    ("answer", "whole"),
    [("554 spam", False), ("552 too large", False), ("451 later", False), ("421 bye", True)],
)
def test_a_refusal_concerns_the_mail_or_the_server(
    server: Server, answer: str, whole: bool
) -> None:
    server.answer = answer
    found = _send(_smtp(server.port))
    assert found is not None
    assert (found.whole_channel, answer in found.reason) == (whole, True)


@pytest.mark.parametrize(("code", "final"), [(550, True), (450, False)])
def test_one_refused_recipient_does_not_keep_the_others_from_it(
    server: Server, logged: pytest.LogCaptureFixture, code: int, final: bool
) -> None:
    server.code, server.refused = code, {"eve@example.com"}
    found = _send(_smtp(server.port))
    assert found is not None and (found.whole_channel, found.final) == (False, final)
    assert found.remaining == ("eve@example.com",)
    assert server.envelopes[0][1] == ["ann@example.com"]
    assert f"e...@example.com: {code}" in found.reason and "eve@" not in found.reason
    assert "e...@example.com" in logged.text
    server.refused |= {"ann@example.com"}
    found = _send(_smtp(server.port))
    assert found is not None and not found.whole_channel and found.remaining is None
    assert "nobody of that name" in found.reason


def test_a_greylisted_recipient_is_told_later_and_the_others_once(
    server: Server, database: Database
) -> None:
    alerting = Alerting(database, email=("ann@example.com", "eve@example.com"))
    record(database, event())
    server.code, server.refused = 450, {"eve@example.com"}
    smtp, later = _smtp(server.port), START + HOUR
    deliver = alerting.center.deliver
    assert deliver(now=START, mailer=smtp, flush=True) == Delivered(failed=1, waiting=1)
    assert deliver(now=later, mailer=smtp) == Delivered(failed=1, waiting=1)
    server.refused = set()
    assert deliver(now=later + HOUR, mailer=smtp) == Delivered(sent=1)
    assert [to for _, to in server.envelopes] == [["ann@example.com"], ["eve@example.com"]]
    assert len({str(mail["Message-ID"]) for mail in server.taken}) == 1


def test_a_recipient_that_is_refused_for_good_is_a_dead_letter(
    server: Server, database: Database
) -> None:
    alerting = Alerting(database, email=("ann@example.com", "eve@example.com"))
    record(database, event())
    server.refused = {"eve@example.com"}
    smtp = _smtp(server.port)
    deliver = alerting.center.deliver
    assert deliver(now=START, mailer=smtp, flush=True) == Delivered(failed=1, dead=1)
    (letter,) = alerting.center.dead()
    assert "e...@example.com: 550" in str(letter.last_error)
    assert "eve@" not in str(letter.last_error)
    alerting.center.retry_dead(now=START + HOUR)
    server.refused = set()
    assert deliver(now=START + HOUR, mailer=smtp) == Delivered(sent=1)
    assert [to for _, to in server.envelopes] == [["ann@example.com"], ["eve@example.com"]]


def test_a_server_that_is_not_there_is_a_failure_with_its_name(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = int(closed.getsockname()[1])
    found = _send(_smtp(port))
    assert found is not None and found.whole_channel
    assert f"localhost:{port}" in found.reason
    assert _send(_smtp(server.port)) is None


def test_nobody_to_tell_and_no_server_are_failures_that_say_so(server: Server) -> None:
    found = _send(_smtp(server.port), recipients=())
    assert found is not None and "alerts.email" in found.reason
    none = EmailSender(("ann@example.com",), None, render, report_url="")(_message())
    assert none is not None and "GOVERNANCE_SMTP_URL" in none.reason


def test_starttls_is_never_left_out(server: Server) -> None:
    found = _send(_smtp(server.port, starttls=True))
    assert found is not None and found.whole_channel and server.taken == []


def _knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (b"ann", PASSWORD.encode())
    return AuthResult(success=good, handled=False)


def test_over_starttls_the_certificate_counts_and_so_does_the_password(
    authority: Authority, tmp_path: Path
) -> None:
    server = Server(
        tls_context=authority.serving("localhost"),
        require_starttls=True,
        auth_required=True,
        authenticator=_knows,
    )
    try:
        good: dict[str, Any] = {"starttls": True, "context": authority.trusting(), "user": "ann"}
        assert _send(_smtp(server.port, **good, password=SecretStr(PASSWORD))) is None
        wrong = _send(_smtp(server.port, **good, password=SecretStr("another one")))
        stranger = {**good, "context": Authority(tmp_path).trusting()}
        unknown = _send(_smtp(server.port, **stranger, password=SecretStr(PASSWORD)))
    finally:
        server.stop()
    assert len(server.taken) == 1
    assert wrong is not None and wrong.whole_channel and "535" in wrong.reason
    assert "another one" not in wrong.reason
    assert unknown is not None and "CERTIFICATE_VERIFY_FAILED" in unknown.reason


def test_a_url_names_the_server() -> None:
    made = SmtpServer.from_url(
        SecretStr("smtp://ann:p%40ss%20word@mail.example.com:2525?from=g@example.com")
    )
    assert made.password is not None and made.password.get_secret_value() == PASSWORD
    assert (made.host, made.port, made.user) == ("mail.example.com", 2525, "ann")
    assert (made.from_address, made.starttls, made.tls) == ("g@example.com", True, False)
    assert "p@ss" not in repr(made)
    plain = SmtpServer.from_url("smtp://localhost?from=g@example.com&starttls=false")
    assert (plain.port, plain.starttls, plain.tls, plain.user) == (587, False, False, None)
    secure = SmtpServer.from_url("smtps://g%40example.com:x@localhost")
    assert (secure.port, secure.tls, secure.starttls) == (465, True, False)
    assert secure.from_address == "g@example.com"


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost", "http://secret@host?from=a@b.c", "smtp://?from=a@b.c"),
        *("smtp://u:secret@host", "smtp://u:secret@host:99999?from=a@b.c", "smtp://[secret"),
        *("smtp://u:secret@host?from=a@b.c&starttls=no", "smtp://u:secret@host?from=a@b.c&x=1"),
        *("smtp://u:secret@host/path?from=a@b.c", "smtp://h?from=a%0d%0aBcc:secret@b.c"),
    ],
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        SmtpServer.from_url(url)
    assert "secret" not in str(refused.value)


def test_what_cannot_be_a_server_is_refused() -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"host": ""},
        {"host": "a b"},
        {"from_address": "a@b.c\nBcc: x"},
        {"port": 0},
        {"timeout": 0},
        {"timeout": float("nan")},
    )
    for given in wrong:
        with pytest.raises(SettingsError):
            SmtpServer(**{"host": "h", "from_address": "a@b.c", **given})
