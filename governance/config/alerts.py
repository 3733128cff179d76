"""Who is told of incidents, and how often (``alerts:`` in ``governance.yaml``)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from governance.config.document import Section
from governance.config.words import Duration

_ADDRESS = re.compile(r"[^\s@<>,;\"()\[\]:\\\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,255}")


def _address(text: str) -> str:
    if _ADDRESS.fullmatch(text):
        return text
    raise ValueError(f"{text[:80]!r} is no e-mail address; write name@example.com")


def _https(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme == "https" and parts.hostname and not parts.username:
        return text
    raise ValueError("a webhook is an https URL without a password in its host part")


HookName = Annotated[str, Field(pattern="^[a-z0-9_-]{1,40}$")]


class Endpoint(Section):
    """Where something is posted to.

    Attributes:
        url: https; its host must stand in ``GOVERNANCE_WEBHOOK_HOSTS``.
        url_from: environment variable that holds the URL, where the URL is itself a secret (Slack).
    """

    url: Annotated[str, Field(max_length=2000), AfterValidator(_https)] | None = None
    url_from: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$")] | None = None


class ReloadHook(Endpoint):
    """A server that is told of every activation, so that it loads the version that decides now."""


class Webhook(Endpoint):
    """A place that gets every alert.

    Attributes:
        format: ``slack`` (text and blocks) or ``json`` (the whole event).
    """

    format: Annotated[str, Field(pattern="^(slack|json)$")] = "slack"


class AlertSettings(Section):
    """
    Attributes:
        email: who gets every alert.
        webhooks: further places, by name.
        reload: servers that are told of every activation, by name.
        group: alerts of so short a time are one message.
        repeat: an open incident that nobody acknowledged or snoozed is told again after this long.
        per_hour: messages in an hour on one channel; what is more waits for one digest.
        dead_after: a message that was not taken for so long is a dead letter.
    """

    email: tuple[Annotated[str, AfterValidator(_address)], ...] = ()
    webhooks: dict[HookName, Webhook] = Field(default_factory=dict)
    reload: dict[HookName, ReloadHook] = Field(default_factory=dict)
    group: Duration = timedelta(seconds=30)
    repeat: Duration = timedelta(hours=4)
    per_hour: int = Field(default=20, ge=1, le=1000)
    dead_after: Duration = timedelta(hours=24)
