"""The delivery loop: remind, then claim, send and mark, message by message, until nothing is due.

At least once: a process that dies between sending and marking leaves a message that is sent again,
with the same id, when its lease is over. No state outside the database, no clock: the time is asked
of the caller before every step.

Not promised: that a message which was taken arrives, or that it arrives only once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import Connection

from governance.config.alerts import AlertSettings
from governance.effects.alerts import outbox
from governance.effects.alerts.backoff import delay
from governance.effects.alerts.outgoing import Failure, Outgoing, Sender, failure
from governance.effects.alerts.reminders import due_reminders, remind
from governance.store.database import Database

Clock = Callable[[Connection], datetime]
MOST_MESSAGES = 1000  # of one call, on each channel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one call did: messages sent, not taken (``failed``), and given up (``dead``, of the
    failed); alerts that still wait.
    """

    sent: int = 0
    failed: int = 0
    dead: int = 0
    waiting: int = 0


class Relay:
    """
    Args:
        sender: the way to send on a channel, by its name; it answers for unknown names too.
        clock: the time of now.
        random: chance for the waits between attempts.
    """

    def __init__(
        self,
        database: Database,
        settings: AlertSettings,
        *,
        channels: Sequence[str],
        sender: Callable[[str], Sender],
        clock: Clock,
        random: Random,
    ) -> None:
        self._database = database
        self._settings = settings
        self._channels = channels
        self._sender = sender
        self._clock = clock
        self._random = random

    def run(self, *, flush: bool = False) -> Delivered:
        """Deliver what is due.

        Args:
            flush: alerts are not held back for others of their group; for a caller who knows that
                no more are coming.
        """
        self._remind()
        with self._database.read() as connection:
            channels = outbox.waiting_channels(connection)
        sent = failed = dead = 0
        for channel in channels:
            send = self._sender(channel)
            for _ in range(MOST_MESSAGES):
                claimed = self._claim(channel, flush)
                if claimed is None:
                    break
                problem = _sent(send, claimed.message)
                if problem is None:
                    self._mark_sent(claimed)
                    sent += 1
                    continue
                log.warning("alert not delivered on %s: %s", channel, problem.reason)
                failed += 1
                dead += self._mark_failed(claimed, problem)
                if problem.whole_channel:  # also where it is a dead letter, and pauses nothing
                    break
        with self._database.read() as connection:
            return Delivered(sent, failed, dead, outbox.count_waiting(connection))

    def _remind(self) -> None:
        with self._database.read() as connection:
            now = self._clock(connection)
            due = due_reminders(connection, self._channels, now=now, repeat=self._settings.repeat)
        if due:
            with self._database.begin() as tx:
                remind(tx, due, now=now)

    def _claim(self, channel: str, flush: bool) -> outbox.Claimed | None:
        with self._database.begin() as tx:
            return outbox.claim(tx, channel, self._settings, now=self._clock(tx), flush=flush)

    def _mark_sent(self, claimed: outbox.Claimed) -> None:
        with self._database.begin() as tx:
            outbox.mark_sent(tx, claimed, now=self._clock(tx))

    def _mark_failed(self, claimed: outbox.Claimed, problem: Failure) -> bool:
        with self._database.begin() as tx:
            return outbox.mark_failed(
                tx,
                claimed,
                problem,
                now=self._clock(tx),
                again_in=delay(claimed.attempts + 1, self._random),
                dead_after=self._settings.dead_after,
            )


def _sent(send: Sender, message: Outgoing) -> Failure | None:
    """A sender that breaks must not keep the other messages from being sent."""
    try:
        return send(message)
    except Exception as error:
        log.exception("sending an alert on %s broke", message.channel)
        return failure(f"{type(error).__name__}: {error}", whole_channel=False)
