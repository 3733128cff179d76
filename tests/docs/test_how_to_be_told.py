"""docs/how-to/be-told-of-incidents.md, done to the letter: the storm is scanned, told, answered."""

from __future__ import annotations

import re
from pathlib import Path

from governance.config.governance_file import parse_config
from governance.config.words import format_duration
from governance.effects.alerts.addresses import allowed_hosts
from governance.effects.alerts.smtp import SmtpServer
from local.caught_mail import MailCatcher, text_of
from tests.docs.pages import ROOT, additions_of, blocks_of, commands_of
from tests.docs.reader import Reader

PAGE = "how-to/be-told-of-incidents.md"
TRAINED = "--at 2013-02-01T05:00:00Z"
FIRST = [
    f"governance retrain run arrival_delay {TRAINED}",
    f"governance promotion promote arrival_delay:1.0.0 --force --reason first {TRAINED}",
]


def declared(folder: Path) -> Path:
    """The demo's models with the alerts of the page in place of the demo's own."""
    models, _, _ = (ROOT / "config" / "governance.yaml").read_text().partition("# Who is told")
    ((name, alerts),) = additions_of(PAGE).items()
    file = folder / name
    file.parent.mkdir()
    file.write_text(models + alerts)
    return folder


def test_the_page_tells_of_the_storm(tmp_path: Path) -> None:
    with MailCatcher(tmp_path / "mail") as catcher:
        url = f"smtp://127.0.0.1:{catcher.port}?from=governance@example.com&starttls=false"
        reader = Reader(declared(tmp_path), {"GOVERNANCE_SMTP_URL": url})
        scan, listing, deliver, *answers = commands_of(PAGE)
        *_, scanned, listed, delivered = reader.succeeds([*FIRST, scan, listing, deliver])
        assert scanned.count("opened") == 1
        (mail,) = catcher.caught
    found = re.search(r"\b[0-9a-f]{12}\b", listed)
    assert found is not None
    assert found[0] in text_of(mail) and "duty@example.com" in mail["To"]
    assert re.search(r"sent +1\n", re.sub(r" +\n", "\n", delivered))
    named = [re.sub(r"\b[0-9a-f]{12}\b", found[0], command) for command in answers]
    acknowledged, snoozed, dead, retried = reader.succeeds(named)
    assert re.search(r"acknowledged_by +reader", acknowledged)
    assert re.search(r"snoozed_until +20", snoozed)
    assert "no dead letters" in dead and re.search(r"retried +0", retried)


def test_the_figures_of_the_page_are_the_defaults() -> None:
    (text,) = additions_of(PAGE).values()
    defaults = parse_config(b"models: {}").alerts
    for key in ("group", "repeat", "dead_after"):
        assert f"{key}: {format_duration(getattr(defaults, key))} " in text
    assert f"per_hour: {defaults.per_hour} " in text


def test_webhooks_hosts_and_mail_server_are_written_as_the_page_says() -> None:
    webhooks, hooks = blocks_of(PAGE, "yaml")
    reload = parse_config(hooks.encode()).alerts.reload
    assert (reload["scoring"].url, reload["canary"].url_from) == (
        "https://scoring.example.com/reload",
        "CANARY_RELOAD_URL",
    )
    declared = parse_config(webhooks.encode()).alerts.webhooks
    assert {name: hook.format for name, hook in declared.items()} == {
        "team": "slack",
        "log": "json",
    }
    page = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    table = page.partition("| entry | allows |")[2].partition("\n\n")[0]
    entries = [entry for row in table.splitlines() for entry in re.findall(r"`([^`]+)`", row)]
    assert len(allowed_hosts(", ".join(entries))) == len(entries) == 5
    (url,) = re.findall(r"^GOVERNANCE_SMTP_URL=(\S+)$", page, re.MULTILINE)
    assert SmtpServer.from_url(url).from_address == "governance@example.com"
