"""Notices: in the transaction of what they tell of, once, with what the decision says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from governance import Governance
from governance.config.alerts import AlertSettings, ReloadHook, Webhook
from governance.errors import GateFailedError, InvalidInputError
from governance.history.notices import Notice, list_notices, notice_channels, record_notice
from governance.store.alert_tables import alert_outbox
from governance.store.database import database_time
from tests.versions import NAME, champion, registered

AT = datetime(2013, 2, 8, 18, tzinfo=UTC)
CHANNELS = ("email", "webhook:ops", "reload:serving")


def notice(**given: Any) -> Notice:
    return Notice(
        **{
            "kind": "promotion",
            "model": NAME,
            "version": "1.0.0",
            "headline": "momentum 1.0.0 decides now",
            "by": "eve",
            "at": AT,
            "key": "promotion:1",
            **given,
        }
    )


def record(gov: Governance, one: Notice, channels: tuple[str, ...] = CHANNELS) -> str:
    with gov.database.begin() as tx:
        return record_notice(tx, one, channels=channels, now=database_time(tx))


def rows(gov: Governance) -> list[Any]:
    with gov.database.read() as connection:
        found = connection.execute(select(alert_outbox).order_by(alert_outbox.c.id)).all()
    return [row for row in found if row.event_key.startswith("notice:")]


def listed(gov: Governance, **given: Any) -> list[dict[str, Any]]:
    with gov.database.read() as connection:
        return list_notices(connection, **given)


def test_every_channel_is_told_once(gov: Governance) -> None:
    assert record(gov, notice()) == record(gov, notice(headline="said again"))
    assert [(row.channel, row.state) for row in rows(gov)] == [
        ("email", "pending"),
        ("webhook:ops", "pending"),
    ]
    assert {row.payload["headline"] for row in rows(gov)} == {"momentum 1.0.0 decides now"}
    record(gov, notice(key="promotion:2"))
    assert len(rows(gov)) == 4


def test_the_decision_says_why_who_and_which_gates(gov: Governance) -> None:
    version = champion(gov)
    (decided,) = gov.promotion.history(NAME)
    with gov.database.read() as connection:
        from governance.decisions.stored_decisions import latest_decision

        decision = latest_decision(connection, version.id, "promotion")
    assert decision is not None
    record(gov, notice(kind="force", decision_id=decision.id, generation=decided["generation"]))
    *people, hook = rows(gov)[-3:]
    payload = people[0].payload
    assert (payload["reason"], payload["forced"]) == ("initial", True)
    assert [gate["gate"] for gate in payload["gates"]] == [
        check.gate for check in decision.checks if check.result.value != "pass"
    ]
    assert payload["gates"], "a forced promotion overrode something"
    assert hook.payload["reload"] == {
        "model": NAME,
        "version": version.version,
        "version_id": version.id,
        "generation": 1,
        "digest": version.digest,
        "operation": "promotion",
    }
    assert all("reload" not in row.payload for row in people)


def test_a_refusal_reloads_nothing(gov: Governance) -> None:
    version = registered(gov)
    gov.registry.transition(version, "validated", "ann", "fine")
    try:
        gov.promotion.promote_to_production(version, by="eve")
    except GateFailedError as refused:
        decision: Any = refused.decision
        record(gov, notice(decision_id=decision.id))
        assert {row.channel for row in rows(gov)} == {"email", "webhook:ops"}
    else:
        pytest.skip("the default policy asks nothing of this version")


def test_what_is_rolled_back_was_told_to_nobody(gov: Governance) -> None:
    with pytest.raises(ZeroDivisionError), gov.database.begin() as tx:
        record_notice(tx, notice(), channels=CHANNELS, now=database_time(tx))
        raise ZeroDivisionError
    assert rows(gov) == []


def test_an_activation_that_is_not_there_is_a_mistake(gov: Governance) -> None:
    with pytest.raises(InvalidInputError, match="no activation 7"):
        record(gov, notice(generation=7))
    assert rows(gov) == []


def test_without_a_channel_the_notice_is_kept_and_listed(gov: Governance) -> None:
    name = record(gov, notice(kind="policy", model="", version=None, key="p"), ())
    record(gov, notice(key="q"))
    assert [row.state for row in rows(gov)] == ["dropped", "pending", "pending"]
    newest, oldest = listed(gov)
    assert (newest["told"], oldest["told"]) == ({"pending": 2}, {})
    assert oldest["incident_id"] == name
    assert [one["kind"] for one in listed(gov, model=NAME)] == ["promotion"]
    assert len(listed(gov, limit=1)) == 1
    assert gov.alerts.deliver().waiting == 2


def test_channels_are_those_of_incidents_and_the_hooks() -> None:
    alerts = AlertSettings(
        email=("ann@example.com",),
        webhooks={"ops": Webhook()},
        reload={"b": ReloadHook(), "a": ReloadHook()},
    )
    assert notice_channels(alerts) == ("email", "webhook:ops", "reload:a", "reload:b")


@pytest.mark.parametrize(
    "wrong", [{"kind": "party"}, {"severity": "severe"}, {"key": ""}, {"headline": " "}]
)
def test_what_is_no_notice_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        notice(**wrong)
