"""The delivery loop on both databases: at least once, grouped, capped, reminded, given up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from governance.effects.alerts import outbox, relay
from governance.effects.alerts.outgoing import Outgoing, failure
from governance.effects.alerts.plain import render
from governance.effects.alerts.relay import Delivered
from governance.effects.alerts.storm import shortened
from governance.errors import InvalidInputError
from governance.store.alert_tables import alert_outbox
from governance.store.database import Database
from governance.values import Severity
from tests.alarms import HOUR, START, event, record
from tests.effects.alerts.post_office import DOWN, Alerting, incidents_in

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def _rows(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(alert_outbox).order_by(alert_outbox.c.id)))


def test_an_alert_is_sent_once_with_an_id_from_its_incident(database: Database) -> None:
    alerting = Alerting(database)
    (name,) = record(database, event())
    assert alerting.deliver(START) == Delivered(waiting=1), "its group is still open"
    assert alerting.deliver(START + 30 * SECOND) == Delivered(sent=1)
    assert alerting.deliver(START + MINUTE) == Delivered()
    (mail,) = alerting.office.mails
    assert mail["Message-ID"].startswith(f"<{name}.opened.")
    assert incidents_in(mail) == {name}
    assert alerting.office.recipients == [["ann@example.com"]]


def test_alerts_of_half_a_minute_are_one_message(database: Database) -> None:
    alerting = Alerting(database)
    times = (0, 10, 30, 31, 90)
    ids = [record(database, event(n), now=START + s * SECOND)[0] for n, s in enumerate(times)]
    assert alerting.deliver(START + 120 * SECOND).sent == 3
    assert [incidents_in(mail) for mail in alerting.office.mails] == [
        set(ids[:3]),
        {ids[3]},
        {ids[4]},
    ]


def test_a_flush_waits_for_nobody(database: Database) -> None:
    alerting = Alerting(database)
    record(database, event(0), event(1))
    assert alerting.deliver(START, flush=True) == Delivered(sent=1)


def test_what_waits_beyond_the_hours_number_is_one_digest(database: Database) -> None:
    alerting = Alerting(database, per_hour=3)
    ids = []
    for n in range(10):
        ids += record(database, event(n), now=START + n * MINUTE)
        alerting.deliver(START + n * MINUTE + 30 * SECOND)
    assert len(alerting.office.mails) == 3
    assert alerting.deliver(START + HOUR).waiting == 7
    assert alerting.deliver(START + HOUR + MINUTE) == Delivered(sent=1)
    *singles, digest = alerting.office.mails
    assert [incidents_in(mail) for mail in singles] == [{name} for name in ids[:3]]
    assert incidents_in(digest) == set(ids[3:])
    assert digest["Message-ID"].startswith("<digest.")


def test_a_message_keeps_its_id_and_content_until_it_is_taken(database: Database) -> None:
    alerting = Alerting(database)
    record(database, event(0))
    alerting.office.refuse = {"m0": DOWN}
    now = START + 30 * SECOND
    assert alerting.deliver(now) == Delivered(failed=1, waiting=1)
    record(database, event(1), now=START + 10 * SECOND)
    (bound,) = {row.message_id for row in _rows(database)} - {None}
    alerting.office.refuse = {}
    alerting.until_quiet(now, SECOND)
    first, second = alerting.office.mails
    assert first["Message-ID"] == f"<{bound}>"
    assert (len(incidents_in(first)), len(incidents_in(second))) == (1, 1)


def test_while_the_server_is_down_it_is_asked_ever_more_rarely(database: Database) -> None:
    alerting = Alerting(database)
    alerting.office.refuse = {"": DOWN}
    for n in range(60):  # a new alert each minute
        record(database, event(n), now=START + n * MINUTE)
    for second in range(0, 3600, 20):
        alerting.deliver(START + second * SECOND)
    assert 12 <= alerting.office.attempts <= 30, "one attempt in 2.5 to 5 minutes"
    alerting.office.refuse = {}
    alerting.until_quiet(START + HOUR, MINUTE)
    told = set().union(*(incidents_in(mail) for mail in alerting.office.mails))
    assert len(told) == 60
    assert len(alerting.office.mails) <= 3, "what waited is a digest"
    assert len(set(alerting.office.ids)) == len(alerting.office.ids)


def test_an_outage_counts_once_for_every_message_that_waits_for_the_server(
    database: Database,
) -> None:
    alerting = Alerting(database)
    for n in range(3):
        record(database, event(n), now=START + n * MINUTE)
    alerting.office.refuse = {"": DOWN}
    for number in (1, 2):
        assert alerting.deliver(START + number * 10 * MINUTE) == Delivered(failed=1, waiting=3)
        rows = _rows(database)
        assert [row.attempts for row in rows] == [number] * 3
        assert len({row.next_attempt_at for row in rows}) == 1
    assert alerting.office.attempts == 2


def test_one_refused_message_does_not_hold_up_the_others(database: Database) -> None:
    alerting = Alerting(database)
    record(database, event(0))
    record(database, event(1), now=START + 60 * SECOND)
    alerting.office.refuse = {"m0": failure("554 not this one", whole_channel=False)}
    assert alerting.deliver(START + 2 * MINUTE) == Delivered(sent=1, failed=1, waiting=1)
    (waiting,) = [row for row in _rows(database) if row.state == "pending"]
    assert waiting.last_error == "refused: 554 not this one"


def test_a_sender_that_breaks_is_a_failure_of_its_message(database: Database) -> None:
    alerting = Alerting(database)
    record(database, event(0), now=START)
    record(database, event(1), now=START + MINUTE)
    send = alerting.office.send

    def breaks(mail: Any, recipients: Any) -> Any:
        if "m0" in str(mail):
            raise ZeroDivisionError("a mistake")
        return send(mail, recipients)

    alerting.office.send = breaks  # type: ignore[method-assign]
    assert alerting.deliver(START + 2 * MINUTE) == Delivered(sent=1, failed=1, waiting=1)
    assert "ZeroDivisionError" in _rows(database)[0].last_error


def test_a_day_without_delivery_makes_a_dead_letter_that_can_be_tried_again(
    database: Database,
) -> None:
    alerting = Alerting(database)
    (name,) = record(database, event())
    alerting.center.acknowledge(name, "ann", START)
    alerting.office.refuse = {"": DOWN}
    now, dead = START + 30 * SECOND, 0
    while not dead:
        assert now < START + 26 * HOUR
        now += 20 * MINUTE
        dead = alerting.deliver(now).dead
    assert now >= START + 24 * HOUR
    (letter,) = alerting.center.dead()
    assert (letter.incident_id, letter.event, letter.channel) == (name, "opened", "email")
    assert letter.attempts > 50 and "connection refused" in str(letter.last_error)
    assert alerting.deliver(now + HOUR) == Delivered(), "it is not tried by itself"
    bound = _rows(database)[0].message_id
    alerting.office.refuse = {}
    assert alerting.center.retry_dead(now=now + HOUR) == 1
    assert alerting.deliver(now + HOUR) == Delivered(sent=1)
    assert alerting.office.ids == [f"<{bound}>"]
    assert alerting.center.dead() == []


def test_an_alert_that_a_stopped_relay_left_for_days_is_tried_more_than_once(
    database: Database,
) -> None:
    alerting = Alerting(database)
    record(database, event())
    alerting.office.refuse = {"": DOWN}
    assert alerting.deliver(START + 72 * HOUR) == Delivered(failed=1, waiting=1)
    alerting.office.refuse = {}
    assert alerting.deliver(START + 73 * HOUR).sent == 1


def test_an_open_incident_is_told_again_until_somebody_answers(database: Database) -> None:
    alerting = Alerting(database)
    (name,) = record(database, event())
    for minutes in range(0, 14 * 60, 20):
        alerting.deliver(START + minutes * MINUTE)
    assert [row.event_key for row in _rows(database)[1:]] == [
        f"{name}:reminder:{number}" for number in (1, 2, 3)
    ]
    assert len(alerting.office.mails) == 4
    alerting.center.acknowledge(name, "ann", START + 14 * HOUR)
    for hours in range(14, 40):
        alerting.deliver(START + hours * HOUR)
    assert len(alerting.office.mails) == 4


def test_reminders_are_not_piled_up_while_one_waits(database: Database) -> None:
    alerting = Alerting(database)
    (name,) = record(database, event())
    alerting.office.refuse = {"": DOWN}
    for hours in range(20):
        alerting.deliver(START + hours * HOUR)
    assert [row.event for row in _rows(database)] == ["opened"]
    alerting.office.refuse = {}
    alerting.deliver(START + 21 * HOUR)
    assert [incidents_in(mail) for mail in alerting.office.mails] == [{name}]


def test_a_reminder_that_waits_is_dropped_when_it_is_answered_or_closed(
    database: Database,
) -> None:
    alerting = Alerting(database, group="10m")
    answered, closed = record(database, event(0), event(1))
    alerting.deliver(START, flush=True)
    alerting.deliver(START + 4 * HOUR)
    assert [row.state for row in _rows(database)] == ["sent", "sent", "pending", "pending"]
    alerting.center.acknowledge(answered, "ann", START + 4 * HOUR)
    record(database, event(1, "closed", at=START + 4 * HOUR), now=START + 4 * HOUR)
    alerting.deliver(START + 5 * HOUR)
    assert [row.state for row in _rows(database)] == ["sent", "sent", "dropped", "dropped", "sent"]
    assert _rows(database)[-1].incident_id == closed


def test_a_snooze_holds_updates_and_reminders_and_lets_the_close_through(
    database: Database,
) -> None:
    alerting = Alerting(database)
    kept, ended = record(database, event(0), event(1))
    alerting.deliver(START, flush=True)
    for name in (kept, ended):
        alerting.center.snooze(name, START + 10 * HOUR, "ann", START)
    later = START + HOUR
    record(database, event(0, "updated", at=later), event(1, "updated", at=later), now=later)
    for hours in range(1, 9):
        alerting.deliver(START + hours * HOUR)
    assert len(alerting.office.mails) == 1
    record(database, event(1, "closed", at=START + 9 * HOUR), now=START + 9 * HOUR)
    alerting.deliver(START + 9 * HOUR + MINUTE)
    alerting.deliver(START + 10 * HOUR)
    told = [(row.incident_id, row.event, row.state) for row in _rows(database)[2:]]
    assert told == [
        (kept, "updated", "sent"),
        (ended, "updated", "dropped"),
        (ended, "closed", "sent"),
    ]
    assert [row.sent_at for row in _rows(database)][2] == START + 10 * HOUR
    alerting.deliver(START + 14 * HOUR, flush=True)
    assert _rows(database)[-1].event_key == f"{kept}:reminder:1"


def test_who_is_added_later_is_told_of_what_is_still_open(database: Database) -> None:
    alerting = Alerting(database, email=())
    (name,) = record(database, event(), channels=alerting.center.channels())
    assert alerting.deliver(START + 8 * HOUR) == Delivered()
    alerting.config = Alerting(database).config
    assert alerting.deliver(START + 9 * HOUR, flush=True) == Delivered(sent=1)
    assert incidents_in(alerting.office.mails[0]) == {name}
    assert alerting.center.told([name]) == {name: {"sent": 1}}


def test_an_alert_for_somebody_who_was_removed_waits_and_says_why(database: Database) -> None:
    alerting = Alerting(database)
    record(database, event(), channels=("email", "webhook:gone"))
    alerting.config = Alerting(database, email=()).config
    assert alerting.deliver(START + MINUTE) == Delivered(failed=2, waiting=2)
    assert [row.last_error for row in _rows(database)] == [
        "unreachable: no address under alerts.email in governance.yaml",
        "unreachable: webhook gone is not in governance.yaml (any more)",
    ]
    assert alerting.office.attempts == 0


def test_what_a_killed_relay_left_is_taken_up_with_the_same_id(database: Database) -> None:
    alerting = Alerting(database)
    record(database, event())
    now = START + 30 * SECOND
    with database.begin() as tx:  # claimed, perhaps sent, and then it died
        claimed = outbox.claim(tx, "email", alerting.config.alerts, now=now)
    assert claimed is not None
    assert alerting.deliver(now + outbox.LEASE - SECOND) == Delivered(waiting=1)
    assert alerting.deliver(now + outbox.LEASE) == Delivered(sent=1)
    assert alerting.office.ids == [f"<{claimed.message.message_id}>"]


def test_a_relay_whose_lease_is_over_does_not_undo_what_another_did(database: Database) -> None:
    alerting = Alerting(database)
    record(database, event())
    now = START + 30 * SECOND
    with database.begin() as tx:
        slow = outbox.claim(tx, "email", alerting.config.alerts, now=now)
    assert slow is not None
    later = now + outbox.LEASE
    with database.begin() as tx:
        quick = outbox.claim(tx, "email", alerting.config.alerts, now=later)
    assert quick is not None and quick.message == slow.message
    with database.begin() as tx:
        outbox.mark_failed(tx, slow, DOWN, now=later, again_in=HOUR, dead_after=timedelta(hours=24))
    assert _rows(database)[0].attempts == 0
    with database.begin() as tx:
        outbox.mark_sent(tx, quick, now=later)
    assert alerting.deliver(later + HOUR) == Delivered()


@pytest.mark.parametrize("flush", [False, True])
def test_racing_relays_send_each_message_once(
    database: Database, database_url: str, flush: bool
) -> None:
    count, racers = 24, 4
    ids = [record(database, event(n), now=START + n * MINUTE)[0] for n in range(count)]
    others = [Database(database_url) for _ in range(racers)]
    alerting = Alerting(database, per_hour=1000)
    start = Barrier(racers)

    def race(other: Database) -> Delivered:
        rival = Alerting(other, per_hour=1000)
        rival.office = alerting.office
        start.wait(60)
        return rival.deliver(START + count * MINUTE, flush=flush)

    with ThreadPoolExecutor(racers) as pool:
        done = list(pool.map(race, others))
    for other in others:
        other.close()
    assert sum(one.sent for one in done) == count
    assert sorted(alerting.office.ids) == sorted(set(alerting.office.ids))
    assert set().union(*(incidents_in(mail) for mail in alerting.office.mails)) == set(ids)


def test_racing_relays_remind_once(database: Database, database_url: str) -> None:
    record(database, *(event(n) for n in range(5)))
    alerting = Alerting(database)
    alerting.deliver(START, flush=True)
    others = [Database(database_url) for _ in range(4)]
    start = Barrier(4)

    def race(other: Database) -> None:
        rival = Alerting(other)
        rival.office = alerting.office
        start.wait(60)
        rival.deliver(START + 4 * HOUR, flush=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(race, others))
    for other in others:
        other.close()
    told = [name for mail in alerting.office.mails[1:] for name in incidents_in(mail)]
    assert sorted(told) == sorted(set(told)) and len(told) == 5


def test_an_outbox_of_thousands_is_bound_at_once(sqlite_database: Database) -> None:
    alerting = Alerting(sqlite_database, per_hour=1)
    with sqlite_database.begin() as tx:
        for n in range(1500):
            tx.execute(
                alert_outbox.insert().values(
                    event_key=f"{n:012x}:opened:x",
                    channel="email",
                    incident_id=f"{n:012x}",
                    model_name="m",
                    event="opened",
                    payload={**event().payload(), "incident_id": f"{n:012x}"},
                    state="pending",
                    attempts=0,
                    created_at=START + n * SECOND,
                    next_attempt_at=START,
                )
            )
    assert alerting.deliver(START + HOUR) == Delivered(sent=1)
    assert len(incidents_in(alerting.office.mails[0])) == 1500


def test_a_storm_is_several_digests_that_name_every_incident(sqlite_database: Database) -> None:
    alerting = Alerting(sqlite_database)
    feature = {"feature": "visib", "severity": "severe", "reason": "x" * 1000}
    names = [f"{n:012x}" for n in range(5000)]
    payload = event(features=(feature,)).payload()
    rows = [
        {
            "event_key": f"{name}:opened:x",
            "channel": "email",
            "incident_id": name,
            "model_name": "m",
            "event": "opened",
            "payload": {**payload, "incident_id": name},
            "state": "pending",
            "attempts": 0,
            "created_at": START,
            "next_attempt_at": START,
        }
        for name in names
    ]
    with sqlite_database.begin() as tx:
        tx.execute(alert_outbox.insert(), rows)
    assert alerting.deliver(START + HOUR) == Delivered(sent=3)
    told = [incidents_in(mail) for mail in alerting.office.mails]
    assert [len(one) for one in told] == [2000, 2000, 1000]
    assert set().union(*told) == set(names)
    assert all(len(mail.as_bytes()) < 2**20 for mail in alerting.office.mails)
    told_of = alerting.center.told(names + names)
    assert len(told_of) == 5000 and set(map(str, told_of.values())) == {"{'sent': 1}"}


def test_the_worst_of_a_storm_are_told_in_full() -> None:
    mild = event(severity=Severity.MODERATE).payload()
    events = tuple(
        {**mild, "incident_id": f"{n:012x}", "severity": "severe" if n % 50 == 7 else "moderate"}
        for n in range(150)
    )
    message = Outgoing(message_id="digest.x", channel="email", events=events, created_at=START)
    found = shortened(message, render, report_url="")
    assert found.subject == "[SEVERE] Digest: 150 incidents of 1 model"
    lines = found.text.partition("50 alerts more, in a line each:\n")[2].splitlines()
    assert [one.partition(" ")[0] for one in lines] == [
        f"{n:012x}" for n in range(99, 150) if n % 50 != 7
    ][-50:]


def test_a_message_that_is_stuck_is_not_always_the_first(database: Database) -> None:
    alerting = Alerting(database)
    record(database, event(0))
    alerting.office.refuse = {"m0": failure("451 later", whole_channel=False)}
    alerting.deliver(START, flush=True)
    record(database, event(1), now=START + SECOND)
    with database.begin() as tx:
        outbox._bind(tx, "email", alerting.config.alerts, now=START + 2 * SECOND, flush=True)
        claimed = outbox.claim(tx, "email", alerting.config.alerts, now=START + HOUR)
    assert claimed is not None and claimed.message.events[0]["model"] == "m1"


def test_a_busy_channel_does_not_starve_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "MOST_MESSAGES", 2)
    alerting = Alerting(database, per_hour=100)
    for n in range(3):
        record(database, event(n), now=START + n * MINUTE)
    record(database, event(9), channels=("webhook:gone",))
    assert alerting.deliver(START + HOUR) == Delivered(sent=2, failed=1, waiting=2)


def test_a_time_or_a_number_that_cannot_be_is_refused(database: Database) -> None:
    alerting = Alerting(database)
    for now in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        with pytest.raises(InvalidInputError, match="no time for alerts"):
            alerting.deliver(now)
    for limit in (10**30, 0, -1, True):
        with pytest.raises(InvalidInputError, match="limit must be"):
            alerting.center.dead(limit=limit)
