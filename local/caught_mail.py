"""A mail server that keeps what it is sent, so that the demo can show the alert it caused.

It listens on 127.0.0.1 on a free port and relays nothing. What it catches is also written to a
folder, since an alert is told once: a later demo shows the mail of the first.
"""

from __future__ import annotations

import email
import email.policy
import threading
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller

from local.ports import HOST, free_port

FIRST_PORT = 1025


class MailCatcher:
    """A context manager; `port` is where to send to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port(first=FIRST_PORT)
        self._caught: list[EmailMessage] = []
        self._lock = threading.Lock()
        self._server: Any = None

    def __enter__(self) -> Self:
        self._server = Controller(self, hostname=HOST, port=self.port)
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.keep(bytes(envelope.original_content))
        return "250 caught"

    def keep(self, data: bytes) -> None:
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{len(list(self.folder.glob('*.eml'))):04d}.eml").write_bytes(data)
            self._caught.append(parsed(data))

    @property
    def caught(self) -> list[EmailMessage]:
        """What came in since the start, the first first."""
        with self._lock:
            return list(self._caught)

    def earlier(self) -> list[EmailMessage]:
        """What this and earlier demos caught, the first first."""
        return [parsed(file.read_bytes()) for file in sorted(self.folder.glob("*.eml"))]


def parsed(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data.replace(b"\r\n", b"\n"), policy=email.policy.default)


def text_of(mail: EmailMessage) -> str:
    """The part for people who read text.

    >>> mail = EmailMessage()
    >>> mail.set_content("Severe drift.")
    >>> mail.add_alternative("<p>Severe drift.</p>", subtype="html")
    >>> text_of(mail)
    'Severe drift.'
    """
    part = mail.get_body(preferencelist=("plain",))
    return str(part.get_content()).strip() if part is not None else ""
