"""`governance alerts`: what it shows, does and says, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from governance import Governance
from local.caught_mail import MailCatcher
from tests.alarms import START, event, record
from tests.cli.conftest import Run
from tests.effects.alerts.post_office import text_of


@pytest.fixture
def gov(home: Path) -> Iterator[Governance]:
    """The installation that the commands work on, which tells ann."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "governance.yaml").write_text("alerts: {email: [ann@example.com]}\n")
    with Governance.open(home=home) as opened:
        yield opened


def _raise(gov: Governance, *numbers: int) -> list[str]:
    return record(
        gov.database, *(event(n) for n in numbers or (0,)), channels=gov.alerts.channels()
    )


def test_the_list_shows_what_is_open_and_who_was_told(run: Run, gov: Governance) -> None:
    first, second = _raise(gov, 0, 1)
    record(gov.database, event(1, "closed", at=START + timedelta(hours=1)))
    said = run("alerts", "list", "-o", "json")
    assert said.code == 0 and said.err == ""
    assert {item["id"] for item in said.json["items"]} == {first, second}
    assert said.json["channels"] == ["email"]
    (item,) = run("alerts", "list", "--state", "open", "-o", "json").json["items"]
    assert (item["id"], item["severity"], item["alerts"]) == (first, "moderate", {"pending": 1})
    assert item["opened_at"] == "2013-02-08T18:00:00.000000Z"
    table = run("alerts", "list", "--model", "m1").out
    assert second in table and "2 pending" in table and first not in table


def test_a_list_without_recipients_says_that_nobody_is_told(run: Run, home: Path) -> None:
    with Governance.open(home=home) as gov:
        (name,) = _raise(gov)
    for command in (("list",), ("list", "-o", "json"), ("deliver",)):
        said = run("alerts", *command)
        assert said.code == 0
        assert "nobody is told" in said.err and "`alerts:`" in said.err
    assert name in run("alerts", "list").out


def test_an_incident_is_acknowledged_once(run: Run, gov: Governance) -> None:
    (name,) = _raise(gov)
    assert run("alerts", "ack", name, "-o", "json").json["acknowledged_by"] == "ann"
    assert run("alerts", "ack", name, "-o", "json").json["acknowledged_by"] == "ann"
    said = run("alerts", "ack", name, "--by", "eve")
    assert (said.code, said.out) == (3, "") and "was acknowledged by ann at 20" in said.err
    assert run("audit", "verify").code == 0
    (entry,) = run("audit", "list", "--action", "incident.acknowledged", "-o", "json").json["items"]
    assert (entry["actor"], entry["model"]) == ("ann", "m0")


def test_an_incident_is_snoozed_for_a_while_or_until_a_moment(run: Run, gov: Governance) -> None:
    (name,) = _raise(gov)
    end = "2999-01-01T00:00:00Z"
    said = run("alerts", "snooze", name, "--until", end, "-o", "json")
    assert said.json["snoozed_until"] == "2999-01-01T00:00:00.000000Z"
    assert run("alerts", "snooze", name, "--for", "8h", "-o", "json").json["snoozed_until"] < end
    for wrong in (
        *((), ("--for", "8h", "--until", end), ("--for", "soon"), ("--for", "9999999999w")),
        *(("--for", "500000w"), ("--until", "2013-01-01T00:00:00Z"), ("--until", "2999-01-01")),
    ):
        assert run("alerts", "snooze", name, *wrong).code == 2, wrong


def test_what_is_closed_or_unknown_takes_no_answer(run: Run, gov: Governance) -> None:
    (name,) = _raise(gov)
    record(gov.database, event(what="closed", at=START + timedelta(hours=1)))
    for command in (("ack",), ("snooze", "--for", "1h")):
        verb, *options = command
        assert run("alerts", verb, name, *options).code == 3
        said = run("alerts", verb, "ffffffffffff", *options, "-o", "json")
        assert (said.code, json.loads(said.err)["code"]) == (1, "not_found")


def test_alerts_are_delivered_by_the_server_of_the_settings(
    run: Run, gov: Governance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = _raise(gov)
    with MailCatcher(tmp_path / "mails") as catcher:
        url = f"smtp://127.0.0.1:{catcher.port}?from=governance@example.com&starttls=false"
        monkeypatch.setenv("GOVERNANCE_SMTP_URL", url)
        early = run("alerts", "deliver", "--now", "2013-02-08T18:00:10Z", "-o", "json").json
        assert early == {"sent": 0, "failed": 0, "dead": 0, "waiting": 1}
        said = run("alerts", "deliver", "--flush", "--now", "2013-02-08T18:00:10Z", "-o", "json")
        assert said.json == {"sent": 1, "failed": 0, "dead": 0, "waiting": 0}
        (mail,) = catcher.caught
    assert name in text_of(mail) and f"governance alerts ack {name}" in text_of(mail)


def test_a_server_that_is_down_is_exit_7_and_ends_in_a_dead_letter(
    run: Run, gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = _raise(gov)
    assert run("alerts", "ack", name).code == 0
    monkeypatch.setenv("GOVERNANCE_SMTP_URL", "smtp://127.0.0.1:1?from=g@example.com")
    assert run("alerts", "list", "--dead").err.startswith("no dead letters")
    for hours in range(1, 26):
        moment = (START + timedelta(hours=hours)).isoformat()
        said = run("alerts", "deliver", "--now", moment, "-o", "json")
        assert (said.code, json.loads(said.err)["code"]) == (7, "delivery_failed")
        if said.json["dead"]:
            break
    assert "1 message could not be delivered" in said.err
    (letter,) = run("alerts", "list", "--dead", "-o", "json").json["items"]
    assert (letter["incident_id"], letter["channel"]) == (name, "email")
    assert "127.0.0.1:1" in letter["last_error"]
    assert "--retry-dead" in run("alerts", "list", "--dead").err
    later = (START + timedelta(hours=30)).isoformat()
    said = run("alerts", "deliver", "--retry-dead", "--now", later, "-o", "json")
    assert said.code == 7
    assert said.json == {"sent": 0, "failed": 1, "dead": 0, "waiting": 1, "retried": 1}


def test_a_mail_server_that_cannot_be_read_is_said_without_its_password(
    run: Run, gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(gov)
    monkeypatch.setenv("GOVERNANCE_SMTP_URL", "smtp://ann:topsecret@host")
    said = run("alerts", "deliver", "--flush")
    assert said.code == 7
    assert "topsecret" not in said.out + said.err
