"""F8: the mail server is down for an hour, every incident is raised twice, relays are killed.

A real SMTP server, real processes that end by SIGKILL, and a clock that the test turns. `make test`
takes a sample, GOVERNANCE_FAULTS=full 1,000 incidents and 60 kills. Half of the kills fall on the
worst moment, after the server took the mail and before its answer; the others on any line.
"""

from __future__ import annotations

import email
import email.policy
import os
import signal
import socket
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from aiosmtpd.controller import Controller

import governance.effects.drift_report.mail
from governance.config.alerts import AlertSettings
from governance.config.governance_file import GovernanceConfig
from governance.effects import alerts
from governance.effects.alerts import outbox
from governance.effects.alerts.center import AlertCenter
from governance.effects.alerts.smtp import SmtpServer
from governance.settings import Settings
from governance.store.database import Database
from tests.alarms import HOUR, START, event, record
from tests.effects.alerts.post_office import incidents_in, text_of

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
INCIDENTS, KILLS = (1000, 60) if FULL else (100, 8)
SEED = 20131
PATIENCE = 120  # seconds until a relay that hangs is ended, which fails the test
MINUTE = timedelta(minutes=1)
PACKAGE = str(Path(alerts.__file__).parent)
LINES = 400  # about as many as one message takes


class MailServer:
    """An SMTP server on a port of its own. ``kill`` is the process that the next mail ends, after
    it was taken and before the answer.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.kill: int | None = None
        self._lock = threading.Lock()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        with self._lock:
            self.mails.append(mail)
            doomed, self.kill = self.kill, None
        if doomed is not None:
            os.kill(doomed, signal.SIGKILL)
        return "250 taken"

    def up(self) -> None:
        self._controller.start()

    def down(self) -> None:
        self._controller.stop()


def _in_a_child(work: Callable[[], object], started: Callable[[int], None]) -> int:
    """The wait status of a forked process that does ``work`` and nothing after it."""
    ready, go = os.pipe()
    with warnings.catch_warnings():  # the server has a thread; the child does not need it
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(PATIENCE)
            os.read(ready, 1)
            work()
            status = 0
        finally:
            os._exit(status)
    os.close(ready)
    started(child)
    os.write(go, b"!")
    os.close(go)
    return os.waitpid(child, 0)[1]


def _die_at_line(number: int) -> None:
    """End this process when it comes to the ``number``-th line of the package from now on."""
    seen = 0

    def trace(frame: FrameType, what: str, _argument: Any) -> Any:
        nonlocal seen
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if what == "line":
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


class Relays:
    """Relay processes on one database and one mail server, some of them doomed."""

    def __init__(self, url: str, server: MailServer, **settings: Any) -> None:
        self.database = Database(url)
        self._url = url
        self._server = server
        self._config = GovernanceConfig(
            alerts=AlertSettings(email=("ann@example.com",), **settings)
        )
        self.kills = 0

    def run(self, now: Any, *, at_mail: bool = False, at_line: int | None = None) -> None:
        """One relay process at ``now``; it may live, since it may have nothing to do."""

        def work() -> None:
            database = Database(self._url)
            center = AlertCenter(
                database,
                Settings(),
                lambda: self._config,
                render=governance.effects.drift_report.mail.render_message,
                random=Random(int(now.timestamp())),
            )
            mailer = SmtpServer(
                host="127.0.0.1",
                port=self._server.port,
                from_address="governance@example.com",
                starttls=False,
            )
            if at_line is not None:
                _die_at_line(at_line)
            center.deliver(now=now, mailer=mailer)
            sys.settrace(None)
            database.close()

        def started(child: int) -> None:
            if at_mail:
                self._server.kill = child

        self.database.close()  # no connection crosses a fork
        status = _in_a_child(work, started)
        self._server.kill = None
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            self.kills += 1
        else:
            assert os.WEXITSTATUS(status) == 0, "the relay failed by itself"


def _waiting(database: Database) -> int:
    with database.read() as connection:
        return outbox.count_waiting(connection)


def _raise(database: Database, first: int, last: int) -> list[str]:
    """Incidents over the hour, each raised twice, as a retried scan does it."""
    named = []
    for number in range(first, last):
        now = START + number * HOUR / INCIDENTS
        one = event(number, at=START, opened_at=START)
        named += record(database, one, now=now)
        assert record(database, one, now=now + MINUTE) == named[-1:]
    return named


def test_no_alert_is_lost_and_no_kill_repeats_more_than_one_message(database_url: str) -> None:
    chance, server = Random(SEED), MailServer()
    relays = Relays(database_url, server, per_hour=1000, group="10s")
    database = relays.database
    named: list[str] = []
    for part in range(4):  # the server is down; some relays die all the same
        named += _raise(database, part * INCIDENTS // 4, (part + 1) * INCIDENTS // 4)
        relays.run(START + (part + 1) * HOUR / 4, at_line=chance.randrange(1, LINES))
    now = START + HOUR + 5 * MINUTE
    server.up()
    try:
        while relays.kills < KILLS and _waiting(database):
            by_mail = relays.kills % 2 == 0
            line = None if by_mail else chance.randrange(1, LINES)
            relays.run(now, at_mail=by_mail, at_line=line)
            now += chance.choice((MINUTE, 6 * MINUTE))
        assert relays.kills == KILLS, "there was enough to kill for"
        while _waiting(database):
            assert now < START + 24 * HOUR
            relays.run(now)
            now += 6 * MINUTE
    finally:
        server.down()
        database.close()
    assert len(set(named)) == INCIDENTS
    told = set().union(*(incidents_in(mail) for mail in server.mails))
    assert told >= set(named), f"lost: {set(named) - told} (seed {SEED})"
    counts = Counter(str(mail["Message-ID"]) for mail in server.mails)
    repeated = sum(count - 1 for count in counts.values())
    assert 0 < repeated <= relays.kills, "kills fell between sending and marking"
    contents = {(str(mail["Message-ID"]), text_of(mail)) for mail in server.mails}
    assert len(contents) == len(counts), "a repeated message is the same message"
    alike = Counter(name for _, text in contents for name in named if name in text)
    assert set(alike.values()) == {1}, "no incident is in two different messages"


def test_after_an_hours_outage_the_rest_of_a_storm_is_one_digest(database_url: str) -> None:
    server = MailServer()
    relays = Relays(database_url, server)
    database = relays.database
    named = []
    for part in range(4):
        named += _raise(database, part * INCIDENTS // 4, (part + 1) * INCIDENTS // 4)
        relays.run(START + (part + 1) * HOUR / 4)
    server.up()
    try:
        now = START + HOUR + 5 * MINUTE
        while _waiting(database):
            relays.run(now)
            now += MINUTE
    finally:
        server.down()
        database.close()
    assert set().union(*(incidents_in(mail) for mail in server.mails)) >= set(named)
    assert len(server.mails) == 2, "what the first relay bound, and all that came after it"
    assert all(str(mail["Message-ID"]).startswith("<digest.") for mail in server.mails)
