"""An alert posted to a webhook: https, to a host of the allow-list, and to nowhere else.

The name is resolved once, each address is checked, the connection goes to a checked one, and the
certificate must be the host's. No redirect is followed, no proxy is asked, and of the answer only
the status counts. A URL may be a secret, so nothing here repeats more of it than its host.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from governance.config.alerts import Endpoint, ReloadHook, Webhook
from governance.effects.alerts.addresses import AllowedHost, find_entry
from governance.effects.alerts.outgoing import Failure, Outgoing, failure
from governance.effects.alerts.slack import slack_message
from governance.effects.alerts.storm import briefed
from governance.errors import DeliveryError

_TIMEOUT = 10.0
_MOST_READ = 64 * 1024
# Answers that concern this one message (so may any from 500 on); any other refusal would meet the
# next one too.
_THIS_ONE = (400, 413, 422, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSender:
    """
    Attributes:
        name: of the webhook in ``governance.yaml``; declared: what stands there now, if it does.
        hosts: the allow-list. environment: where ``url_from`` is looked up.
        what: how messages call it.
        context: of TLS; the system's trusted certificates if not given.
    """

    name: str
    declared: Endpoint | None
    hosts: tuple[AllowedHost, ...]
    environment: Mapping[str, str]
    report_url: str = ""
    what: str = "webhook"
    timeout: float = _TIMEOUT
    context: ssl.SSLContext | None = None

    def __call__(self, message: Outgoing) -> Failure | None:
        try:
            status = self._post(message)
        except DeliveryError as error:
            return failure(error.message, whole_channel=True)
        except OSError as error:
            said = f"{self.what} {self.name}: {type(error).__name__}: {error}"
            return failure(said, whole_channel=True)
        except (http.client.HTTPException, ValueError) as error:  # their texts may hold the URL
            return failure(f"{self.what} {self.name}: {type(error).__name__}", whole_channel=True)
        if 200 <= status < 300:
            return None
        redirect = "; redirects are not followed" if 300 <= status < 400 else ""
        said = f"{self.what} {self.name} answered {status}{redirect}"
        return failure(said, whole_channel=status < 500 and status not in _THIS_ONE)

    def _post(self, message: Outgoing) -> int:
        url = self._url()
        assert url.hostname is not None
        port = url.port or 443
        entry = find_entry(self.hosts, url.hostname, port)
        if entry is None:
            raise DeliveryError(
                f"{self.what} {self.name}: {url.hostname}:{port} is not in GOVERNANCE_WEBHOOK_HOSTS"
            )
        connection = _CheckedConnection(
            entry, timeout=self.timeout, context=self.context or ssl.create_default_context()
        )
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        try:
            connection.request(
                "POST",
                target,
                body=json.dumps(self._body(message)).encode(),
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": "model-governance",
                    "Idempotency-Key": message.message_id,
                },
            )
            answer = connection.getresponse()
            answer.read(_MOST_READ)
            return answer.status
        finally:
            connection.close()

    def _url(self) -> SplitResult:
        """As declared, or as the environment has it; never in a message."""
        if self.declared is None:
            raise DeliveryError(f"{self.what} {self.name} is not in governance.yaml (any more)")
        text = self.declared.url
        if text is None and self.declared.url_from is not None:
            text = self.environment.get(self.declared.url_from, "")
        try:
            url = urlsplit(text or "")
            good = url.scheme == "https" and url.hostname and not url.username and url.port != 0
        except ValueError:
            good = False
        if not good:
            named = self.declared.url_from or "url"
            raise DeliveryError(f"{self.what} {self.name}: {named} holds no https URL")
        return url

    def _body(self, message: Outgoing) -> dict[str, Any]:
        if isinstance(self.declared, ReloadHook):
            return dict(message.events[-1]["reload"])
        if isinstance(self.declared, Webhook) and self.declared.format == "json":
            return {
                "message_id": message.message_id,
                "digest": message.digest,
                "events": briefed(message.events),
            }
        return slack_message(message, report_url=self.report_url)


class _CheckedConnection(http.client.HTTPSConnection):
    """To one host, at an address that its entry allows; the check is on what is connected."""

    def __init__(self, entry: AllowedHost, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(entry.host, entry.port, timeout=timeout, context=context)
        self._entry = entry
        self._tls = context

    def connect(self) -> None:
        plain = self._connected()
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._entry.host)
        except BaseException:
            plain.close()
            raise

    def _connected(self) -> socket.socket:
        """The first address that is allowed and answers."""
        found = socket.getaddrinfo(self._entry.host, self._entry.port, type=socket.SOCK_STREAM)
        allowed = [one for one in found if self._allows(one[4])]
        if not allowed:
            raise DeliveryError(
                f"{self._entry.host} has no address that may be connected to; for a service of "
                f"your own write {self._entry.host}!private into GOVERNANCE_WEBHOOK_HOSTS"
            )
        refusal: OSError | None = None
        for family, kind, protocol, _, address in allowed:
            plain = socket.socket(family, kind, protocol)
            try:
                plain.settimeout(self.timeout)
                plain.connect(address)
                if self._allows(plain.getpeername()):
                    return plain
                refusal = OSError("connected to an address that is not allowed")
            except OSError as error:
                refusal = error
            plain.close()
        assert refusal is not None
        raise refusal

    def _allows(self, address: Any) -> bool:
        return self._entry.allows(ip_address(str(address[0]).partition("%")[0]))
