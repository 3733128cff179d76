"""One incident per episode: what is recorded, told and answered, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from governance.config.alerts import AlertSettings, Webhook
from governance.errors import ConflictError, InvalidInputError, NaiveDatetimeError, NotFoundError
from governance.history.audit import AuditLog
from governance.history.incident_handling import (
    acknowledge_incident,
    list_incidents,
    read_incident,
    snooze_incident,
)
from governance.history.incidents import channels_of, record_incident
from governance.history.retrain_requests import take_request
from governance.store.alert_tables import alert_outbox, incidents
from governance.store.database import Database
from governance.values import Severity, iso
from tests.alarms import HOUR, START, event, record


def _told(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as connection:
        rows = connection.execute(select(alert_outbox).order_by(alert_outbox.c.id))
        return [(row.incident_id, row.event, row.channel) for row in rows]


def _actions(database: Database) -> list[str]:
    return [entry.action for entry in AuditLog(database).entries()]


def test_an_episode_is_one_incident_with_an_entry_for_its_opening_and_its_close(
    database: Database,
) -> None:
    later, closed = START + HOUR, START + 50 * HOUR
    (name, *_) = record(
        database,
        event(),
        event(what="updated", at=later, severity=Severity.SEVERE, retrain=True),
        event(what="closed", at=closed, closed_reason="calm for two days"),
    )
    with database.read() as connection:
        (incident,) = list_incidents(connection)
        assert read_incident(connection, name) == incident
    assert (incident.id, incident.state, incident.severity) == (name, "closed", Severity.SEVERE)
    assert (incident.opened_at, incident.closed_at) == (START, closed)
    assert (incident.closed_reason, incident.retrain_requested) == ("calm for two days", True)
    assert incident.features == ("visib",)
    assert _told(database) == [(name, what, "email") for what in ("opened", "updated", "closed")]
    assert _actions(database) == ["incident.opened", "incident.closed"]
    assert AuditLog(database).verify().entries == 2


def test_recording_again_in_any_order_changes_nothing(database: Database) -> None:
    events = [
        event(),
        event(what="updated", at=START + HOUR),
        event(what="closed", at=START + 2 * HOUR),
    ]
    record(database, *events)
    with database.read() as connection:
        before = list_incidents(connection)
    told, entries = _told(database), _actions(database)
    record(database, *events, *reversed(events), now=START + HOUR)
    with database.read() as connection:
        assert list_incidents(connection) == before
    assert (_told(database), _actions(database)) == (told, entries)


def test_nothing_is_recorded_where_the_transaction_fails(database: Database) -> None:
    with pytest.raises(RuntimeError, match="the scan broke"), database.begin() as tx:
        record_incident(tx, event(), channels=("email",), now=START)
        raise RuntimeError("the scan broke")
    assert (_told(database), _actions(database)) == ([], [])


def test_each_channel_is_told_once_and_without_one_the_incident_stands(database: Database) -> None:
    (first,) = record(database, event(0), channels=("email", "webhook:ops", "email"))
    (second,) = record(database, event(1), channels=())
    assert _told(database) == [(first, "opened", "email"), (first, "opened", "webhook:ops")]
    with database.read() as connection:
        assert {found.id for found in list_incidents(connection)} == {first, second}


def test_drift_and_data_of_a_model_are_two_incidents(database: Database) -> None:
    assert len(set(record(database, event(), event(kind="data")))) == 2
    with database.read() as connection:
        assert {found.kind for found in list_incidents(connection, state="open")} == {
            "drift",
            "data",
        }


def test_a_new_versions_incident_ends_the_old_versions(database: Database) -> None:
    old, new = record(
        database,
        event(),
        event(version="1.1.0", version_id="a" * 12, opened_at=START + HOUR, at=START + HOUR),
    )
    with database.read() as connection:
        ended, standing = read_incident(connection, old), read_incident(connection, new)
    assert (ended.state, ended.closed_at, standing.state) == ("closed", START + HOUR, "open")
    assert ended.closed_reason is not None and new in ended.closed_reason
    assert _told(database) == [
        (old, "opened", "email"),
        (old, "closed", "email"),
        (new, "opened", "email"),
    ]
    assert _actions(database) == ["incident.opened", "incident.closed", "incident.opened"]


def test_an_episode_of_the_past_is_told_to_nobody_and_ends_when_it_ended(
    database: Database,
) -> None:
    earlier = START - 100 * HOUR
    past: dict[str, Any] = {"opened_at": earlier, "newest": False}
    now_open, found = record(database, event(), event(at=earlier, **past))
    with database.read() as connection:
        incident = read_incident(connection, found)
    assert (incident.state, incident.closed_at) == ("closed", None)
    assert "found by a scan of the past" in str(incident.closed_reason)
    with pytest.raises(ConflictError, match="was closed, so"), database.begin() as tx:
        acknowledge_incident(tx, found, by="ann", at=START)
    worse = event(what="updated", at=earlier + HOUR, severity=Severity.SEVERE, **past)
    closing = event(what="closed", at=earlier + 2 * HOUR, closed_reason="calm", **past)
    assert record(database, worse, closing, closing) == [found] * 3
    with database.read() as connection:
        assert read_incident(connection, now_open).state == "open"
        incident = read_incident(connection, found)
    assert (incident.state, incident.opened_at) == ("closed", earlier)
    assert (incident.closed_at, incident.closed_reason) == (earlier + 2 * HOUR, "calm")
    assert incident.severity is Severity.SEVERE
    assert _told(database) == [(now_open, "opened", "email")]
    assert _actions(database) == ["incident.opened", "incident.opened", "incident.closed"]


def test_an_episode_of_the_past_that_goes_on_is_opened_and_told_at_the_newest_look(
    database: Database,
) -> None:
    (found,) = record(database, event(newest=False))
    assert _told(database) == []
    record(database, event(at=START + 3 * HOUR))
    with database.read() as connection:
        incident = read_incident(connection, found)
    assert (incident.state, incident.closed_reason) == ("open", None)
    assert _told(database) == [(found, "opened", "email")]


def test_a_closed_incident_whose_alarm_is_on_is_opened_again_and_told_again(
    database: Database,
) -> None:
    closing = event(what="closed", at=START + 2 * HOUR, closed_reason="replaced by 1.1.0")
    (name, *_) = record(database, event(), closing)
    with database.begin() as tx:
        tx.execute(incidents.update().values(acknowledged_by="ann", acknowledged_at=START))
    again = event(at=START + 2 * HOUR, severity=Severity.SEVERE, report_id="2" * 32)
    record(database, again, again)
    with database.read() as connection:
        found = read_incident(connection, name)
    assert (found.state, found.closed_at, found.closed_reason) == ("open", None, None)
    assert (found.severity, found.report_id) == (Severity.SEVERE, "2" * 32)
    assert found.acknowledged_by is None
    record(database, closing, now=START + 3 * HOUR)  # the same look closes it once more
    assert _told(database) == [(name, what, "email") for what in ("opened", "closed") * 2]
    assert _actions(database) == [
        "incident.opened",
        "incident.closed",
        "incident.reopened",
        "incident.closed",
    ]
    assert AuditLog(database).verify()


def test_an_episode_that_began_earlier_than_was_known_takes_the_later_one_in(
    database: Database,
) -> None:
    later, earlier = record(database, event(), event(opened_at=START - 5 * HOUR, at=START + HOUR))
    with database.read() as connection:
        assert [found.id for found in list_incidents(connection, state="open")] == [earlier]
        assert "began earlier" in str(read_incident(connection, later).closed_reason)


def test_the_moment_of_the_last_request_is_kept_and_each_is_taken_once(database: Database) -> None:
    at = START + 7 * HOUR
    name = record(
        database,
        event(),
        event(what="updated", at=at, severity=Severity.SEVERE, retrain=True),
        event(what="updated", at=at + HOUR, severity=Severity.SEVERE),
    )[0]
    with database.read() as connection:
        assert read_incident(connection, name).retrain_requested_at == at
    taken = []
    for moment in (at, at, at - HOUR, at + HOUR):
        with database.begin() as tx:
            taken.append(take_request(tx, name, at=moment))
    assert taken == [True, False, False, False]
    with database.begin() as tx:
        assert not take_request(tx, "f" * 12, at=at)


def test_the_rule_follows_the_severity(database: Database) -> None:
    name = record(
        database,
        event(kind="data", rule="missed", severity=Severity.INSUFFICIENT),
        event(kind="data", what="updated", rule="data", at=START + HOUR, severity=Severity.SEVERE),
        event(
            kind="data",
            what="updated",
            rule="missed",
            at=START + 2 * HOUR,
            severity=Severity.INSUFFICIENT,
        ),
    )[0]
    with database.read() as connection:
        found = read_incident(connection, name)
    assert (found.rule, found.severity) == ("data", Severity.SEVERE)


def test_an_older_update_does_not_hide_a_newer_one(database: Database) -> None:
    newer = event(what="updated", at=START + 2 * HOUR, report_id="2" * 32)
    older = event(what="updated", at=START + HOUR, report_id="1" * 32, severity=Severity.SEVERE)
    name = record(database, event(), newer, older)[0]
    with database.read() as connection:
        found = read_incident(connection, name)
    assert (found.report_id, found.updated_at) == ("2" * 32, START + 2 * HOUR)


@pytest.mark.parametrize("what", ["updated", "closed"])
def test_what_was_never_opened_cannot_go_on(database: Database, what: str) -> None:
    with pytest.raises(NotFoundError, match="never opened"):
        record(database, event(what=what))


def test_the_first_who_acknowledges_stays_and_others_are_told_who_and_when(
    database: Database,
) -> None:
    (name,) = record(database, event())
    for at in (START + HOUR, START + 2 * HOUR):  # again is no change
        with database.begin() as tx:
            found = acknowledge_incident(tx, name, by="ann", at=at)
        assert (found.acknowledged_by, found.acknowledged_at) == ("ann", START + HOUR)
    said = rf"by ann at {iso(START + HOUR)}"
    with pytest.raises(ConflictError, match=said), database.begin() as tx:
        acknowledge_incident(tx, name, by="eve", at=START + 3 * HOUR)
    with database.read() as connection:
        assert read_incident(connection, name) == found
    assert _actions(database) == ["incident.opened", "incident.acknowledged"]
    assert AuditLog(database).verify()


def test_a_snooze_can_be_moved_either_way_and_each_move_is_recorded(database: Database) -> None:
    (name,) = record(database, event())
    for hours in (8, 8, 2):
        with database.begin() as tx:
            found = snooze_incident(tx, name, until=START + hours * HOUR, by="ann", at=START + HOUR)
        assert found.snoozed_until == START + hours * HOUR
    entries = AuditLog(database).entries(action="incident.snoozed")
    assert [entry.details["until"][:13] for entry in entries] == ["2013-02-09T02", "2013-02-08T20"]
    assert AuditLog(database).verify()


def _answers(tx: Any, name: str) -> None:
    acknowledge_incident(tx, name, by="ann", at=START)


def _silences(tx: Any, name: str) -> None:
    snooze_incident(tx, name, until=START + HOUR, by="ann", at=START)


@pytest.mark.parametrize("answer", [_answers, _silences])
def test_a_closed_or_unknown_incident_takes_no_answer(database: Database, answer: Any) -> None:
    name, _ = record(database, event(), event(what="closed", at=START + HOUR))
    with pytest.raises(ConflictError, match="was closed at"), database.begin() as tx:
        answer(tx, name)
    for unknown in ("ffffffffffff", "no such\0thing", ""):
        with pytest.raises(NotFoundError, match="governance alerts list"), database.begin() as tx:
            answer(tx, unknown)
    assert _actions(database) == ["incident.opened", "incident.closed"]


def test_a_snooze_that_ends_in_the_past_or_without_a_zone_is_refused(
    sqlite_database: Database,
) -> None:
    (name,) = record(sqlite_database, event())
    with pytest.raises(InvalidInputError, match="past"), sqlite_database.begin() as tx:
        snooze_incident(tx, name, until=START, by="ann", at=START)
    with pytest.raises(NaiveDatetimeError), sqlite_database.begin() as tx:
        snooze_incident(tx, name, until=START.replace(tzinfo=None), by="ann", at=START)


def test_the_list_is_newest_first_and_can_be_narrowed(sqlite_database: Database) -> None:
    made = [event(n, opened_at=START + n * HOUR, at=START + n * HOUR) for n in range(4)]
    ids = record(sqlite_database, *made)
    record(sqlite_database, replace(made[0], event="closed", at=START + 9 * HOUR))
    with sqlite_database.read() as connection:
        assert [found.id for found in list_incidents(connection)] == ids[::-1]
        assert [found.id for found in list_incidents(connection, limit=1)] == ids[3:]
        assert [found.id for found in list_incidents(connection, model="m2")] == [ids[2]]
        assert [found.id for found in list_incidents(connection, state="closed")] == [ids[0]]
        for wrong in ({"state": "ajar"}, {"limit": 0}, {"limit": 10**9}, {"model": "../m"}):
            with pytest.raises(InvalidInputError):
                list_incidents(connection, **wrong)


def test_channels_follow_from_the_configuration() -> None:
    hook = Webhook(url="https://hooks.example.com/x")
    assert channels_of(AlertSettings()) == ()
    both = AlertSettings(email=("a@example.com",), webhooks={"email": hook, "a": hook})
    assert channels_of(both) == ("email", "webhook:a", "webhook:email")


def test_an_id_differs_by_everything_that_makes_an_episode() -> None:
    ids = {
        event().incident_id,
        event(1).incident_id,
        event(version_id="b" * 12).incident_id,
        event(kind="data").incident_id,
        event(opened_at=START - timedelta(microseconds=1)).incident_id,
    }
    assert len(ids) == 5
    assert event(what="closed", at=START + HOUR).incident_id == event().incident_id
