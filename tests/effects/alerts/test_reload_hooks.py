"""Reload hooks: each activation is posted, and an older one never after a newer one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from governance import Governance
from governance.config.alerts import AlertSettings, ReloadHook
from governance.config.governance_file import GovernanceConfig, parse_config
from governance.effects.alerts.addresses import allowed_hosts
from governance.effects.alerts.center import AlertCenter
from governance.effects.alerts.outgoing import Failure, Outgoing, failure
from governance.effects.alerts.relay import Relay
from governance.effects.alerts.webhook import WebhookSender
from governance.history.notices import Notice, record_notice
from governance.settings import Settings
from governance.store.alert_tables import alert_outbox
from governance.values import ModelVersion
from tests.alarms import START
from tests.effects.alerts.test_webhook import Hook
from tests.effects.alerts.tls import Authority
from tests.versions import NAME, champion

CHANNEL = "reload:serving"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def hook(authority: Authority) -> Iterator[Hook]:
    opened = Hook(authority, "localhost")
    yield opened
    opened.close()


class Server:
    """Takes activations; ``refuse`` holds those that it does not take."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.refuse: set[tuple[str, int]] = set()

    def __call__(self, message: Outgoing) -> Failure | None:
        (payload,) = message.events
        if (payload["model"], payload["reload"]["generation"]) in self.refuse:
            return failure("500", whole_channel=False)
        self.told.append(dict(payload["reload"]))
        return None

    @property
    def generations(self) -> list[int]:
        return [one["generation"] for one in self.told]


def activated(gov: Governance, seed: int, *, name: str = NAME) -> ModelVersion:
    version = champion(gov, seed, name=name)
    generation = gov.registry.generation(name)
    with gov.database.begin() as tx:
        one = Notice(
            kind="promotion",
            model=name,
            version=version.version,
            headline="it decides now",
            generation=generation,
            by="eve",
            at=START,
            key=f"{name}:{generation}",
        )
        record_notice(tx, one, channels=(CHANNEL,), now=START)
    return version


def relay(gov: Governance, server: Server) -> Relay:
    return Relay(
        gov.database,
        AlertSettings(per_hour=1),
        channels=(),
        sender=lambda _: server,
        clock=lambda _: clock[0],
        random=Random(1),
    )


clock = [START]


def states(gov: Governance) -> list[tuple[str, str | None]]:
    row = alert_outbox.c
    query = select(row.state, row.last_error).where(row.channel == CHANNEL).order_by(row.id)
    with gov.database.read() as connection:
        return [(one.state, one.last_error) for one in connection.execute(query)]


def test_every_activation_is_posted_at_once_whatever_the_cap(gov: Governance) -> None:
    versions = [activated(gov, seed) for seed in range(3)]
    other = activated(gov, 7, name="other")
    server, clock[0] = Server(), START
    assert relay(gov, server).run().sent == 4
    assert server.generations == [1, 2, 3, 1]
    assert server.told[2] == {
        "model": NAME,
        "version": versions[2].version,
        "version_id": versions[2].id,
        "generation": 3,
        "digest": versions[2].digest,
        "operation": gov.promotion.history(NAME)[-1]["operation"],
    }
    assert server.told[3]["version_id"] == other.id


def test_an_older_activation_is_dropped_once_a_newer_one_was_taken(gov: Governance) -> None:
    server, clock[0] = Server(), START
    server.refuse = {(NAME, 1)}
    activated(gov, 1)
    assert relay(gov, server).run().failed == 1
    activated(gov, 2)
    activated(gov, 9, name="other")
    assert relay(gov, server).run().sent == 2
    server.refuse = set()
    clock[0] = START + HOUR
    assert relay(gov, server).run().waiting == 0
    assert server.generations == [2, 1], "of the other model, 1 is the newest"
    assert states(gov) == [
        ("dropped", "superseded by generation 2"),
        ("sent", None),
        ("sent", None),
    ]


def test_a_dead_letter_that_is_tried_again_does_not_send_a_server_back(gov: Governance) -> None:
    server, clock[0] = Server(), START
    server.refuse = {(NAME, 1)}
    activated(gov, 1)
    for _ in range(20):
        relay(gov, server).run()
        clock[0] += 2 * HOUR
    assert states(gov)[0][0] == "dead"
    activated(gov, 2)
    relay(gov, server).run()
    server.refuse = set()
    assert gov.alerts.retry_dead(now=clock[0]) == 1
    relay(gov, server).run()
    assert server.generations == [2]
    assert states(gov)[0] == ("dropped", "superseded by generation 2")


def test_the_post_is_these_six_and_the_files_are_there_first(
    gov: Governance, hook: Hook, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = activated(gov, 1)
    seen: list[bool] = []
    send = WebhookSender._post

    def post(self: WebhookSender, message: Outgoing) -> int:
        trusting = authority.trusting()
        object.__setattr__(self, "context", trusting)
        seen.append((gov.settings.home / "active" / f"{NAME}_active").is_symlink())
        return send(self, message)

    monkeypatch.setattr(WebhookSender, "_post", post)
    declared = ReloadHook(url=f"https://localhost:{hook.port}/reload")
    config = GovernanceConfig(alerts=AlertSettings(reload={"serving": declared}))
    settings = Settings(webhook_hosts=f"localhost:{hook.port}!private")
    center = AlertCenter(gov.database, settings, lambda: config, before_reload=gov.files.catch_up)
    assert center.deliver(now=START).sent == 1
    ((path, headers, body),) = hook.posts
    assert path == "/reload" and headers["Idempotency-Key"].endswith("@alerts.model-governance")
    assert set(body) == {"model", "version", "version_id", "generation", "digest", "operation"}
    assert (body["version_id"], body["digest"]) == (version.id, version.digest)
    assert seen == [True], "what a server reads is there before it is told"


def test_hosts_that_are_not_allowed_are_not_told(gov: Governance) -> None:
    activated(gov, 1)
    sender = WebhookSender(
        name="serving",
        what="reload hook",
        declared=ReloadHook(url="https://evil.example.com/"),
        hosts=allowed_hosts("hooks.example.com"),
        environment={},
    )
    with gov.database.read() as connection:
        row = connection.execute(
            select(alert_outbox).where(alert_outbox.c.channel == CHANNEL)
        ).one()
    message = Outgoing(message_id="m", channel=CHANNEL, events=(row.payload,), created_at=START)
    said = sender(message)
    assert said is not None and said.whole_channel
    assert said.reason.startswith("reload hook serving: evil.example.com:443 is not in")


@pytest.mark.parametrize("url", ["http://a.example.com", "https://user:secret@a.example.com", "x"])
def test_only_https_is_declared(url: str) -> None:
    with pytest.raises(ValidationError):
        ReloadHook(url=url)


def test_a_hook_is_declared_in_governance_yaml() -> None:
    text = b"alerts: {reload: {serving: {url_from: SERVING_RELOAD_URL}}}"
    assert parse_config(text).alerts.reload["serving"].url_from == "SERVING_RELOAD_URL"
