"""What passes between the relay and those who send: a message, how it looks, and how it failed.

Values and protocols only; ``smtp`` and ``webhook`` send, ``relay`` decides when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Protocol

Payload = Mapping[str, Any]

DIGEST = "digest."  # how the ids of such messages begin
_LONGEST = 300  # characters of a reason: servers can be talkative


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message whose content is fixed; sending it again is sending the same.

    Attributes:
        message_id: without angle brackets; the same at every attempt.
        events: payloads of its rows, in the order they were recorded.
        created_at: of its latest row.
        recipients: of a mail, who has still to get it; ``None``: everybody.
    """

    message_id: str
    channel: str
    events: tuple[Payload, ...]
    created_at: datetime
    recipients: tuple[str, ...] | None = None

    @property
    def incidents(self) -> tuple[str, ...]:
        """Ids of the incidents it speaks of, each once."""
        return tuple(dict.fromkeys(str(event["incident_id"]) for event in self.events))

    @property
    def digest(self) -> bool:
        """Is it all that waited, because the hour allowed no more messages?"""
        return self.message_id.startswith(DIGEST)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message was not taken.

    Attributes:
        whole_channel: nothing else would be taken either (the server is down, a password is
            wrong), as opposed to a refusal of this one message.
        remaining: where some recipients took it, those who did not; the others are not told again.
        final: those who did not never will.
    """

    reason: str
    whole_channel: bool
    remaining: tuple[str, ...] | None = None
    final: bool = False


def failure(reason: object, *, whole_channel: bool) -> Failure:
    """A failure in one printable line of bounded length.

    >>> failure("554 no\\r\\nthanks", whole_channel=False).reason
    '554 no thanks'
    """
    words = "".join(char if char.isprintable() else " " for char in str(reason)).split()
    return Failure(" ".join(words)[:_LONGEST], whole_channel)


class Sender(Protocol):
    """Sends one message on one channel; answers with a failure instead of raising one."""

    def __call__(self, message: Outgoing) -> Failure | None: ...


class Mailer(Protocol):
    """Hands a finished mail to a server: ``SmtpServer``, or what a test puts in its place."""

    @property
    def from_address(self) -> str: ...

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Failure | None: ...


class Rendered(Protocol):
    """What a renderer answers with; ``html`` may be empty, it names images as ``cid:NAME``."""

    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str: ...
    @property
    def images(self) -> Mapping[str, bytes]: ...


class Renderer(Protocol):
    """Makes a message of payloads, as ``governance.effects.drift_report.mail`` does."""

    def __call__(self, events: Sequence[Payload], *, report_url: str, digest: bool) -> Rendered: ...
