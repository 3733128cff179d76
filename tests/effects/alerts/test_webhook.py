"""Webhooks against a real TLS server: what arrives, and everything that must not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from governance.config.alerts import Webhook
from governance.effects.alerts import plain
from governance.effects.alerts.addresses import allowed_hosts
from governance.effects.alerts.grouping import MOST_ALERTS, message_id
from governance.effects.alerts.outgoing import Failure, Outgoing
from governance.effects.alerts.relay import Delivered
from governance.effects.alerts.slack import slack_message
from governance.effects.alerts.storm import IN_FULL
from governance.effects.alerts.webhook import WebhookSender
from governance.store.database import Database
from tests.alarms import HOUR, START, event, record
from tests.effects.alerts.post_office import Alerting
from tests.effects.alerts.tls import Authority

SECRET = "T000-B000-secret"


class Hook:
    """An https server that keeps what is posted to it and answers with ``status``."""

    def __init__(self, authority: Authority, *names: str) -> None:
        self.posts: list[tuple[str, dict[str, str], Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(hook.status)
                if hook.status in (301, 307):
                    self.send_header("Location", f"https://localhost:{hook.port}/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server.socket = authority.serving(*names).wrap_socket(
            self._server.socket, server_side=True
        )
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def hook(authority: Authority) -> Iterator[Hook]:
    opened = Hook(authority, "localhost", "127.0.0.1")
    yield opened
    opened.close()


def _message(*numbers: int) -> Outgoing:
    payloads = tuple(event(number).payload() for number in numbers or (0,))
    name = message_id("webhook:ops", [(p["incident_id"], "opened", p["at"]) for p in payloads])
    return Outgoing(message_id=name, channel="webhook:ops", events=payloads, created_at=START)


def _sender(hook: Hook, authority: Authority, **given: Any) -> WebhookSender:
    url = f"https://localhost:{hook.port}/services/{SECRET}?x=1"
    values: dict[str, Any] = {
        "name": "ops",
        "declared": Webhook(url=url),
        "hosts": allowed_hosts(f"localhost:{hook.port}!private"),
        "environment": {},
        "timeout": 5.0,
        "context": authority.trusting(),
        **given,
    }
    return WebhookSender(**values)


def _fails(sender: WebhookSender, *, whole_channel: bool = True) -> str:
    found = sender(_message())
    assert isinstance(found, Failure) and found.whole_channel is whole_channel
    assert SECRET not in found.reason, "a URL may be a secret"
    return found.reason


def test_slack_gets_text_and_blocks_and_the_message_id(hook: Hook, authority: Authority) -> None:
    message = _message()
    assert _sender(hook, authority)(message) is None
    ((path, headers, body),) = hook.posts
    assert path == f"/services/{SECRET}?x=1"
    assert headers["Idempotency-Key"] == message.message_id
    assert headers["Host"] == f"localhost:{hook.port}"
    assert body["text"].startswith("[moderate] m0 1.0.0: drift incident opened")
    assert message.incidents[0] in json.dumps(body["blocks"])


def test_json_is_the_whole_event(hook: Hook, authority: Authority) -> None:
    message = _message(0, 1)
    url = f"https://localhost:{hook.port}/x"
    assert _sender(hook, authority, declared=Webhook(url=url, format="json"))(message) is None
    body = hook.posts[0][2]
    assert body["message_id"] == message.message_id
    assert [one["incident_id"] for one in body["events"]] == list(message.incidents)
    assert body["events"][0]["features"][0]["ks"] == 0.4


def test_the_url_may_come_from_the_environment(hook: Hook, authority: Authority) -> None:
    declared = Webhook(url_from="SLACK_URL")
    url = f"https://localhost:{hook.port}/env"
    assert (
        _sender(hook, authority, declared=declared, environment={"SLACK_URL": url})(_message())
        is None
    )
    assert hook.posts[0][0] == "/env"
    for wrong in ("", f"http://localhost/{SECRET}", f"https://a:b@localhost/{SECRET}", "https://["):
        sender = _sender(hook, authority, declared=declared, environment={"SLACK_URL": wrong})
        assert "SLACK_URL holds no https URL" in _fails(sender)


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_not_followed(hook: Hook, authority: Authority, status: int) -> None:
    hook.status = status
    assert "redirects are not followed" in _fails(_sender(hook, authority))
    assert len(hook.posts) == 1


@pytest.mark.parametrize(
    ("status", "whole"),
    [(400, False), (413, False), (403, True), (404, True), (429, False), (503, False)],
)
def test_an_answer_concerns_the_message_or_the_channel(
    hook: Hook, authority: Authority, status: int, whole: bool
) -> None:
    hook.status = status
    assert str(status) in _fails(_sender(hook, authority), whole_channel=whole)


def test_a_host_that_is_not_listed_is_not_even_resolved(
    hook: Hook, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    hosts = allowed_hosts(f"hooks.example.com,localhost:{hook.port + 1}!private")
    assert "not in GOVERNANCE_WEBHOOK_HOSTS" in _fails(_sender(hook, authority, hosts=hosts))


def test_a_listed_name_with_a_private_address_is_not_connected_to(
    hook: Hook, authority: Authority
) -> None:
    hosts = allowed_hosts(f"localhost:{hook.port}")
    assert "!private" in _fails(_sender(hook, authority, hosts=hosts))
    assert hook.posts == []


def test_a_name_is_resolved_once_and_never_rebound(
    hook: Hook, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["8.8.8.8", "127.0.0.1"])
    asked = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        address = next(answers)
        asked.append(address)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(_self: socket.socket, address: Any) -> None:
        raise ConnectionRefusedError(f"not in a test: {address[0]}")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    hosts = allowed_hosts(f"localhost:{hook.port}")
    assert "8.8.8.8" in _fails(_sender(hook, authority, hosts=hosts))
    assert asked == ["8.8.8.8"]


def test_what_is_connected_is_checked_too(
    hook: Hook, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the name and the wire somebody may stand who leads elsewhere."""
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", hook.port))]
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        real(self, ("127.0.0.1", address[1]))

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: public)
    monkeypatch.setattr(socket.socket, "connect", connect)
    sender = _sender(hook, authority, hosts=allowed_hosts(f"localhost:{hook.port}"))
    assert "not allowed" in _fails(sender)
    assert hook.posts == []


def test_a_proxy_of_the_environment_is_not_asked(
    hook: Hook, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert _sender(hook, authority)(_message()) is None


def test_a_certificate_for_another_name_or_of_another_authority_is_refused(
    hook: Hook, authority: Authority, tmp_path: Path
) -> None:
    other = Hook(authority, "other.example.com")
    try:
        assert "CERTIFICATE_VERIFY_FAILED" in _fails(_sender(other, authority))
    finally:
        other.close()
    stranger = Authority(tmp_path)
    assert "CERTIFICATE_VERIFY_FAILED" in _fails(_sender(hook, stranger))
    assert hook.posts == other.posts == []


def test_an_address_may_be_listed_by_itself(hook: Hook, authority: Authority) -> None:
    sender = _sender(
        hook,
        authority,
        declared=Webhook(url=f"https://127.0.0.1:{hook.port}/x"),
        hosts=allowed_hosts(f"127.0.0.1:{hook.port}"),
    )
    assert sender(_message()) is None


def test_a_server_that_is_silent_is_given_up(hook: Hook, authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        sender = replace(
            _sender(hook, authority),
            declared=Webhook(url=f"https://localhost:{port}/{SECRET}"),
            hosts=allowed_hosts(f"localhost:{port}!private"),
            timeout=0.05,
        )
        assert "timed out" in _fails(sender)


def test_a_url_with_control_characters_is_no_request(hook: Hook, authority: Authority) -> None:
    url = f"https://localhost:{hook.port}/{SECRET}\x7f x"
    sender = _sender(hook, authority, declared=Webhook(url_from="U"), environment={"U": url})
    assert "InvalidURL" in _fails(sender)


def test_slack_names_every_incident_within_its_limits() -> None:
    message = _message(*range(1000))
    body = slack_message(message, report_url="https://reports.example.com")
    whole = json.dumps(body)
    assert all(name in whole for name in message.incidents)
    assert len(body["blocks"]) <= 50
    assert all(len(block["text"]["text"]) <= 3000 for block in body["blocks"])


def test_slack_text_from_data_mentions_nobody() -> None:
    payload = event(headline="<!channel> & <https://evil.example|you>").payload()
    message = replace(_message(), events=(payload,))
    whole = json.dumps(slack_message(message))
    assert "<!" not in whole and "<http" not in whole
    long = replace(_message(), events=({**payload, "reasons": ["x" * 9000]},))
    assert all(len(b["text"]["text"]) <= 3000 for b in slack_message(long)["blocks"])


def test_one_alert_is_not_said_in_the_plural() -> None:
    payloads = (event().payload(), event(1).payload())
    message = Outgoing(message_id="a@x", channel="team", events=payloads, created_at=START)
    assert slack_message(message)["text"] == "2 incidents, 2 alerts"
    assert plain.render(payloads[:1], report_url="", digest=True).subject == "1 alert of 1 model"


def test_one_payload_that_breaks_the_server_does_not_stop_the_others(
    hook: Hook, authority: Authority, database: Database
) -> None:
    alerting = Alerting(database, email=())
    record(database, event(0), channels=("webhook:ops",))
    record(database, event(1), channels=("webhook:ops",), now=START + HOUR)
    send = _sender(hook, authority)

    def sent(message: Outgoing) -> Failure | None:
        hook.status = 503 if message.events[0]["model"] == "m0" else 200
        return send(message)

    alerting.center._sender = lambda *_: sent  # type: ignore[method-assign]
    assert alerting.deliver(START + 2 * HOUR) == Delivered(sent=1, failed=1, waiting=1)


def test_json_of_a_storm_names_every_incident_below_the_limit(
    hook: Hook, authority: Authority
) -> None:
    message = _message(*range(MOST_ALERTS))
    url = f"https://localhost:{hook.port}/x"
    assert _sender(hook, authority, declared=Webhook(url=url, format="json"))(message) is None
    body = hook.posts[0][2]
    assert [one["incident_id"] for one in body["events"]] == list(message.incidents)
    assert sum(bool(one["features"]) for one in body["events"]) == IN_FULL
    assert len(json.dumps(body)) < 2**20
