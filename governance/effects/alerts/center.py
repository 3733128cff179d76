"""``gov.alerts``: incidents for people, and their delivery.

Puts the parts together: what is recorded (``governance.history``), who is told (``alerts:`` in
``governance.yaml``, read at every call) and through what (settings, or a mailer that is given).
The time is the caller's; where none is given, the database's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import Connection, func, select

from governance.config.governance_file import GovernanceConfig
from governance.effects.alerts import outbox, plain
from governance.effects.alerts.addresses import allowed_hosts
from governance.effects.alerts.mail import EmailSender
from governance.effects.alerts.outgoing import Failure, Mailer, Outgoing, Renderer, Sender, failure
from governance.effects.alerts.relay import Clock, Delivered, Relay
from governance.effects.alerts.smtp import SmtpServer
from governance.effects.alerts.webhook import WebhookSender
from governance.errors import GovernanceError, InvalidInputError
from governance.history.incident_handling import (
    Incident,
    acknowledge_incident,
    list_incidents,
    snooze_incident,
)
from governance.history.incidents import EMAIL, WEBHOOK, channels_of
from governance.history.notices import RELOAD, list_notices
from governance.registry.attachments import check_person
from governance.settings import Settings
from governance.store.alert_tables import alert_outbox
from governance.store.database import Database, database_time
from governance.values import as_utc

_row = alert_outbox.c
_MOST_LISTED = 1_000_000
_FIRST_YEAR, _LAST_YEAR = 1970, 9000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An alert that was given up; `governance alerts deliver --retry-dead` tries again."""

    incident_id: str
    model: str
    event: str
    channel: str
    attempts: int
    created_at: datetime
    last_error: str | None

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class AlertCenter:
    """
    Args:
        config: what ``governance.yaml`` says now.
        render: makes a message of events; plain text if not given.
        random: chance for the waits between attempts.
        before_reload: called before a reload hook is told, so that what it reads is there.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        config: Callable[[], GovernanceConfig],
        *,
        render: Renderer = plain.render,
        random: Random | None = None,
        before_reload: Callable[[], object] = lambda: None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._config = config
        self._render = render
        self._random = random or Random()
        self._before_reload = before_reload

    def channels(self) -> tuple[str, ...]:
        """Who is told now: ``email``, ``webhook:NAME``. Empty: nobody is."""
        return channels_of(self._config().alerts)

    def list(
        self, state: str | None = None, model: str | None = None, *, limit: int = 100
    ) -> Sequence[Incident]:
        """Incidents, the newest first.

        Raises:
            InvalidInputError: a state that is neither ``open`` nor ``closed``.
        """
        with self._database.read() as connection:
            return list_incidents(connection, state=state, model=model, limit=limit)

    def notices(self, model: str | None = None, *, limit: int = 100) -> Sequence[dict[str, Any]]:
        """What was told of decisions, the newest first: plain JSON, with ``told`` by state.

        Raises:
            InvalidInputError: ``limit`` is no number from 1 on that a database takes.
        """
        _check_limit(limit)
        with self._database.read() as connection:
            return list_notices(connection, model=model, limit=limit)

    def told(self, incident_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """How many alerts of each incident are sent, pending or dead."""
        found: dict[str, dict[str, int]] = {}
        ids = list(dict.fromkeys(incident_ids))
        query = select(_row.incident_id, _row.state, func.count().label("alerts"))
        query = query.group_by(_row.incident_id, _row.state)
        with self._database.read() as connection:
            for first in range(0, len(ids), 500):  # SQLite takes only so many parameters
                some = _row.incident_id.in_(ids[first : first + 500])
                for row in connection.execute(query.where(some)):
                    found.setdefault(row.incident_id, {})[row.state] = row.alerts
        return found

    def dead(self, *, limit: int = 1000) -> Sequence[DeadLetter]:
        """Alerts that were given up, the latest first.

        Raises:
            InvalidInputError: ``limit`` is no number from 1 on that a database takes.
        """
        _check_limit(limit)
        query = select(
            _row.incident_id,
            _row.model_name.label("model"),
            *(_row.event, _row.channel, _row.attempts, _row.created_at, _row.last_error),
        ).where(_row.state == "dead")
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_row.id.desc()).limit(limit))
            return [DeadLetter(**row._mapping) for row in rows]

    def acknowledge(self, incident_id: str, by: str, at: datetime | None = None) -> Incident:
        """Somebody looks after it: no more reminders. The first who says so stays.

        Raises:
            NotFoundError: no such incident.
            ConflictError: it is closed, or somebody else acknowledged it.
        """
        check_person(by, what="by")
        with self._database.begin() as tx:
            return acknowledge_incident(tx, incident_id, by=by, at=_clock(at)(tx))

    def snooze(
        self, incident_id: str, until: datetime, by: str, at: datetime | None = None
    ) -> Incident:
        """Silence until a moment: updates and reminders wait, a close is told.

        Raises:
            NotFoundError: no such incident.
            ConflictError: it is closed.
            InvalidInputError: the moment is past.
        """
        check_person(by, what="by")
        with self._database.begin() as tx:
            return snooze_incident(tx, incident_id, until=until, by=by, at=_clock(at)(tx))

    def smtp(self, **arguments: Any) -> SmtpServer:
        """A mail server made of ``host``, ``port``, ``user``, ``password`` and so on, for
        ``deliver(mailer=)``; one that a face knows of by itself.

        Raises:
            SettingsError: no host, no sender, or a port or timeout that cannot be.
        """
        return SmtpServer(**arguments)

    def deliver(
        self, *, now: datetime | None = None, mailer: Mailer | None = None, flush: bool = False
    ) -> Delivered:
        """Send what is due, on every channel. Call it again and again; several at once may.

        Args:
            mailer: takes the mails; the server of ``GOVERNANCE_SMTP_URL`` if not given.
            flush: do not hold alerts back for others of their group.
        """
        alerts = self._config().alerts
        relay = Relay(
            self._database,
            alerts,
            channels=channels_of(alerts),
            sender=lambda channel: self._sender(channel, mailer),
            clock=_clock(now),
            random=self._random,
        )
        return relay.run(flush=flush)

    def retry_dead(self, *, now: datetime | None = None) -> int:
        """Put dead letters back into the outbox, with the ids they had; how many alerts."""
        with self._database.begin() as tx:
            return outbox.retry_dead(tx, now=_clock(now)(tx))

    def _sender(self, channel: str, mailer: Mailer | None) -> Sender:
        """The way to send on a channel as it is configured now; a wrong setting is its failure,
        and does not keep the other channels from being served.
        """
        alerts = self._config().alerts
        report_url = self._settings.report_url or str(self._settings.home / "reports")
        try:
            if channel == EMAIL:
                url = self._settings.smtp_url
                if mailer is None and url.get_secret_value():
                    mailer = SmtpServer.from_url(url)
                return EmailSender(alerts.email, mailer, self._render, report_url=report_url)
            hook = channel.startswith(RELOAD)
            name = channel.removeprefix(RELOAD if hook else WEBHOOK)
            if hook:
                self._before_reload()
            return WebhookSender(
                name=name,
                declared=alerts.reload.get(name) if hook else alerts.webhooks.get(name),
                what="reload hook" if hook else "webhook",
                hosts=allowed_hosts(self._settings.webhook_hosts),
                environment=os.environ,
                report_url=self._settings.report_url,
            )
        except GovernanceError as error:
            return _Unusable(failure(error.message, whole_channel=True))


@dataclass(frozen=True, slots=True)
class _Unusable:
    """Stands for a channel whose settings cannot be taken."""

    why: Failure

    def __call__(self, message: Outgoing) -> Failure | None:
        return self.why


def _check_limit(limit: object) -> None:
    if type(limit) is not int or not 1 <= limit <= _MOST_LISTED:
        raise InvalidInputError(f"limit must be between 1 and {_MOST_LISTED}")


def _clock(given: datetime | None) -> Clock:
    if given is None:
        return database_time
    moment = as_utc(given, what="now")
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:  # waits and leases are counted from it
        raise InvalidInputError(
            f"now={moment.isoformat()} is no time for alerts; give one of the years "
            f"{_FIRST_YEAR} to {_LAST_YEAR - 1}"
        )

    def stopped(_: Connection) -> datetime:
        return moment

    return stopped
