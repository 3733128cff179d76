"""Notices as people and programs get them: mail, chat, JSON; critical ones at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from governance.effects.alerts import plain
from governance.effects.alerts.outgoing import Outgoing
from governance.effects.alerts.relay import Delivered
from governance.effects.alerts.slack import slack_message
from governance.effects.alerts.storm import IN_FULL, briefed, line, shortened
from governance.effects.notices.mail import render_message
from governance.effects.notices.told import ToldNotice
from governance.history.notices import Notice, record_notice
from governance.store.database import Database
from tests.alarms import START, event, record
from tests.effects.alerts.post_office import Alerting, incidents_in, text_of

SECOND = timedelta(seconds=1)
DECISION = "d" * 32
GATES = [
    {
        "gate": "shadow.sessions",
        "result": "insufficient",
        "observed": 2.0,
        "threshold": 5.0,
        "reason": "2 of 5 sessions <b>seen</b>",
        "mode": "enforce",
    },
    {
        "gate": "soak",
        "result": "fail",
        "observed": None,
        "threshold": None,
        "reason": "no trial ran",
        "mode": "observe",
    },
]


def notice(**given: Any) -> Notice:
    return Notice(
        **{
            "kind": "force",
            "model": "momentum",
            "version": "1.2.0",
            "headline": "momentum 1.2.0 decides now instead of 1.1.0",
            "reasons": ("the market opens in ten minutes",),
            "by": "eve",
            "at": START,
            "severity": "warning",
            "key": "force:1",
            **given,
        }
    )


def payload(**given: Any) -> dict[str, Any]:
    decided = {
        "reason": "the champion's feed is gone",
        "approved_by": "ann",
        "forced": True,
        "overridden": False,
        "gates": GATES,
        "decision_id": DECISION,
        "generation": 7,
    }
    return notice().payload() | decided | given


def told(database: Database, *notices: Notice, now: Any = START) -> None:
    with database.begin() as tx:
        for one in notices:
            record_notice(tx, one, channels=("email",), now=now)


@pytest.fixture
def alerting(database: Database) -> Iterator[Alerting]:
    yield Alerting(database)


def test_a_mail_says_what_who_why_which_gates_and_what_next() -> None:
    mail = render_message([payload()], report_url="/srv/reports", digest=False)
    assert mail.subject == "[FORCED PROMOTION] momentum 1.2.0 decides now instead of 1.1.0"
    for said in (
        "By: eve",
        "Approved by: ann",
        "Reason: the champion's feed is gone",
        "Generation: 7",
        f"Decision: {DECISION}",
        "Gates that were overridden",
        "shadow.sessions: insufficient, 2 against 5",
        "soak: fail (observed only) (no trial ran)",
        "governance rollback momentum",
        f"governance decision show {DECISION}",
        f"Notice: {notice().id}",
    ):
        assert said in mail.text
    for said in ("shadow.sessions", "eve", "&lt;b&gt;seen&lt;/b&gt;", "governance rollback"):
        assert said in mail.html
    assert "<b>seen" not in mail.html and mail.images == {}
    again = render_message([payload()], report_url="/srv/reports", digest=False)
    assert (again.text, again.html) == (mail.text, mail.html)


def test_a_refusal_names_the_gates_as_such() -> None:
    refused = payload(kind="promotion", forced=False, generation=None)
    mail = render_message([refused], report_url=None, digest=False)
    assert "Gates that did not pass\n" in mail.text and "governance rollback" not in mail.text
    shadowed = payload(kind="promotion", forced=False)
    assert ToldNotice(shadowed).gates_title == "Gates that did not pass and did not decide"


def test_a_command_of_the_caller_stands_for_the_usual_ones() -> None:
    given = payload(commands=[["Answer", "governance approval answer abc --approve"]])
    mail = render_message([given], report_url=None, digest=False)
    assert "governance approval answer abc" in mail.text and "rollback" not in mail.text


def test_every_kind_says_what_to_type_next() -> None:
    first = {
        kind: ToldNotice(payload(kind=kind, key="approval:abc")).commands[0][1]
        for kind in ("promotion", "rollback", "failover", "health", "drill", "policy", "approval")
    }
    assert first == {
        "promotion": "governance rollback momentum --reason 'why'",
        "rollback": "governance health check momentum",
        "failover": "governance health check momentum",
        "health": "governance health check momentum",
        "drill": "governance health drill momentum",
        "policy": "governance policy check config/promotion_policy.yaml",
        "approval": "governance approval answer abc --approve --comment 'why'",
    }
    doubled = payload(reasons=["soak: no trial ran", "said once"])
    assert ToldNotice(doubled).reasons == ["said once"], "a gate says the other"


def test_a_notice_about_no_model_can_be_read() -> None:
    policy = notice(
        kind="policy", model="", version=None, headline="the policy file has a mistake", key="p"
    ).payload()
    mail = render_message([policy], report_url=None, digest=False)
    assert mail.subject == "[POLICY FILE] Policy file: the policy file has a mistake"
    assert "governance policy check" in mail.text and "None" not in mail.text + mail.html
    assert "None" not in plain.render([policy], report_url="", digest=False).text
    both = render_message([policy, payload()], report_url=None, digest=False)
    assert both.subject == "[WARNING] 2 notices: Policy file and momentum"


def test_headers_and_markup_from_data_stay_text() -> None:
    hostile = payload(
        headline="x\r\nBcc: eve@example.com <script>alert(1)</script> <!channel>", by="<b>eve</b>"
    )
    mail = render_message([hostile], report_url=None, digest=False)
    assert "\n" not in mail.subject and "<script" not in mail.html and "<b>eve" not in mail.html
    chat = slack_message(_message(hostile))
    _, *sections = chat["blocks"]  # the first is plain text, in which nothing is a mention
    read = json.dumps([chat["text"], sections])
    assert "<!channel>" not in read and "<script" not in read


def test_notices_and_incidents_share_a_digest_the_worst_first(database: Database) -> None:
    incident = event(1).payload()
    critical = payload(kind="failover", severity="critical", incident_id="c" * 12)
    mail = render_message([payload(), incident, critical], report_url="/r", digest=True)
    assert "Digest: 3 alerts of 2 models" in mail.subject
    assert mail.text.index("[FAILOVER]") < mail.text.index(incident["incident_id"])
    for name in (notice().id, incident["incident_id"], "c" * 12):
        assert name in mail.text


def _message(*payloads: dict[str, Any]) -> Outgoing:
    return Outgoing(message_id="n@alerts", channel="webhook:ops", events=payloads, created_at=START)


def test_a_chat_message_says_the_same() -> None:
    chat = slack_message(_message(payload()), report_url="https://reports.example.com")
    text = json.dumps(chat)
    assert chat["text"] == "[FORCED PROMOTION] momentum 1.2.0 decides now instead of 1.1.0"
    for said in ("eve", "shadow.sessions", "governance rollback momentum", "Gates that were"):
        assert said in text
    assert "reports.example.com" not in text and "alerts ack" not in text
    several = slack_message(_message(payload(), payload(incident_id="b" * 12)))
    assert several["text"] == "2 notices, 2 alerts"


def test_very_many_are_shortened_and_all_are_named() -> None:
    many = [payload(incident_id=f"{number:012x}") for number in range(IN_FULL + 5)]
    mail = shortened(_message(*many), render_message, report_url="")
    assert all(f"{number:012x}" in mail.text for number in range(IN_FULL + 5))
    assert "None" not in line(payload(version=None))
    assert len(briefed(many)) == len(many)


def test_a_notice_waits_for_its_group_and_a_critical_one_for_nobody(alerting: Alerting) -> None:
    told(alerting.database, notice(), notice(key="2", headline="second"))
    assert alerting.deliver(START) == Delivered(waiting=2)
    told(alerting.database, notice(key="3", kind="failover", severity="critical"))
    assert alerting.deliver(START) == Delivered(sent=1, waiting=2)
    assert alerting.office.mails[0]["Subject"].startswith("[CRITICAL FAILOVER]")
    assert alerting.deliver(START + 31 * SECOND) == Delivered(sent=1)
    assert incidents_in(alerting.office.mails[1]) >= {notice().id, notice(key="2").id}


def test_no_cap_swallows_a_critical_notice(database: Database) -> None:
    alerting = Alerting(database, per_hour=1)
    record(database, event(0), event(1, at=START + timedelta(minutes=2)))
    assert alerting.deliver(START + 40 * SECOND).sent == 1
    told(database, notice(), now=START + 50 * SECOND)
    told(
        database,
        *(notice(key=f"f{n}", kind="failover", severity="critical") for n in range(3)),
        now=START + 55 * SECOND,
    )
    done = alerting.deliver(START + timedelta(minutes=2))
    assert (done.sent, done.waiting) == (1, 1), "three at once are one message; the other waits"
    names = {notice(key=f"f{n}").id for n in range(3)}
    assert incidents_in(alerting.office.mails[-1]) >= names
    assert alerting.deliver(START + timedelta(minutes=62)).waiting == 0
    assert notice().id in text_of(alerting.office.mails[-1])


def test_the_same_notice_is_told_once_and_dies_in_sight(alerting: Alerting) -> None:
    told(alerting.database, notice())
    told(alerting.database, notice(headline="again"))
    assert alerting.deliver(START, flush=True) == Delivered(sent=1)
    (one,) = alerting.center.notices()
    assert (one["told"], one["headline"]) == ({"sent": 1}, notice().headline)
    with pytest.raises(ValueError, match="limit"):
        alerting.center.notices(limit=0)
