"""A mail server in memory, and an alert center on it with a clock that the test turns."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from random import Random
from typing import Any

from governance.config.alerts import AlertSettings
from governance.config.governance_file import GovernanceConfig
from governance.effects.alerts.center import AlertCenter
from governance.effects.alerts.outgoing import Failure, failure
from governance.effects.alerts.relay import Delivered
from governance.settings import Settings
from governance.store.database import Database

_INCIDENT = re.compile(r"\b[0-9a-f]{12}\b")
DOWN = failure("connection refused", whole_channel=True)


class PostOffice:
    """Keeps mails; ``refuse`` is what it answers instead, by a piece of the mail's text."""

    from_address = "governance@example.com"

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.attempts = 0
        self.refuse: dict[str, Failure] = {}
        self._lock = threading.Lock()

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Failure | None:
        with self._lock:
            self.attempts += 1
            for word, refusal in self.refuse.items():
                if word in text_of(mail):
                    return refusal
            self.mails.append(mail)
            self.recipients.append(list(recipients))
        return None

    @property
    def ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mails]


class Alerting:
    """An alert center and its post office."""

    def __init__(self, database: Database, **alerts: Any) -> None:
        self.database = database
        self.config = GovernanceConfig(
            alerts=AlertSettings(**{"email": ("ann@example.com",), **alerts})
        )
        self.office = PostOffice()
        self.center = AlertCenter(database, Settings(), lambda: self.config, random=Random(1))

    def deliver(self, now: datetime, **given: Any) -> Delivered:
        return self.center.deliver(now=now, mailer=self.office, **given)

    def until_quiet(self, now: datetime, step: timedelta, *, steps: int = 500) -> datetime:
        """Deliver again and again until nothing waits; when that was."""
        for _ in range(steps):
            if self.deliver(now).waiting == 0:
                return now
            now += step
        raise AssertionError(f"alerts still wait at {now}")


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def incidents_in(mail: EmailMessage) -> set[str]:
    """The incidents that a mail names."""
    return set(_INCIDENT.findall(text_of(mail)))
