"""One thing is told as one, several as several, in every line of the doctor that counts."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from governance.doctor import CHECKS
from governance.doctor import home as homes
from governance.store.alert_tables import alert_outbox
from governance.wiring import Governance
from tests.docs.pages import ROOT
from tests.doctor.conftest import Fit
from tests.versions import registered

SAID = {
    0: [
        "declares no model",
        "there are none: no program may use the APIs",
        "nobody is told of incidents",
        "0 messages wait, none was given up",
        "0 artifacts in their places",
    ],
    1: [
        "declares 1 model",
        "1 valid, it does not expire within 14 days",
        "1 webhook is told of incidents",
        "1 message was given up, 1 waits",
        "1 artifact in its place",
    ],
    2: [
        "declares 2 models",
        "2 valid, none expires within 14 days",
        "2 webhooks are told of incidents",
        "2 messages were given up, 2 wait",
        "2 artifacts in their places",
    ],
}


def _waits(gov: Governance, number: int, state: str) -> None:
    now = datetime.now(UTC)
    given = {"channel": "email", "incident_id": "0" * 12, "model_name": "m", "event": "opened"}
    more = {"payload": {}, "attempts": 0, "created_at": now, "next_attempt_at": now}
    key = {"event_key": f"{state}{number}", "state": state}
    with gov.database.begin() as tx:
        tx.execute(alert_outbox.insert().values(**given, **more, **key))


def test_what_is_counted_is_said_in_its_number(
    sqlite_gov: Governance, fit: Fit, tmp_path: Path
) -> None:
    url = sqlite_gov.database.engine.url.render_as_string(hide_password=False)
    text = (ROOT / "config" / "governance.yaml").read_text(encoding="utf-8")
    declared = list(yaml.safe_load(text)["models"].items())
    file = tmp_path / "governance.yaml"
    for number, expected in SAID.items():
        if number:
            life = timedelta(days=90)
            sqlite_gov.access.tokens.create("robot", role="viewer", expires_in=life, by="ann")
            registered(sqlite_gov, number)
            for state in ("dead", "pending"):
                _waits(sqlite_gov, number, state)
        hooks = {f"h{one}": {"url": f"https://x.example/{one}"} for one in range(number)}
        written = {"models": dict(declared[:number]), "alerts": {"webhooks": hooks}}
        file.write_text(json.dumps(written))
        installation = fit(config=file, database_url=url, home=sqlite_gov.settings.home)
        checks = ("governance.yaml", "rights", "mail", "outbox", "files")
        found = [one.found for check in checks for one in CHECKS[check](installation)]
        for line in expected:
            assert [one for one in found if line in one], (line, found)


def test_what_is_missing_and_what_is_left_over_too(
    sqlite_gov: Governance, fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes, "_LEFTOVER", -timedelta(days=1))
    url = sqlite_gov.database.engine.url.render_as_string(hide_password=False)
    home = sqlite_gov.settings.home
    versions = [registered(sqlite_gov, number) for number in (1, 2)]
    sqlite_gov.files.catch_up()
    for number, words in (
        (1, ("1 of 2 artifacts is", "1 folder ")),
        (2, ("2 of 2 artifacts are", "2 folders ")),
    ):
        artifact = home / versions[number - 1].artifact_path
        shutil.move(artifact, artifact.with_name(f"{number:012x}"))
        found = [one.found for one in CHECKS["files"](fit(database_url=url, home=home))]
        for word in words:
            assert [one for one in found if word in one], (word, found)


def test_several_executors_run_and_one_runs(fit: Fit) -> None:
    for executors, word in (
        ("CeleryExecutor", "runs"),
        ("CeleryExecutor,KubernetesExecutor", "run"),
    ):
        installation = fit({"AIRFLOW__CORE__EXECUTOR": executors})
        for check in ("database place", "home shared"):
            (found,) = CHECKS[check](installation)
            assert f"Executor {word} tasks" in found.found, found


def test_one_token_that_ends_and_two(sqlite_gov: Governance, fit: Fit) -> None:
    url = sqlite_gov.database.engine.url.render_as_string(hide_password=False)
    for word in ("expires the token of", "expire the tokens of"):
        life = timedelta(days=3)
        sqlite_gov.access.tokens.create("robot", role="viewer", expires_in=life, by="ann")
        found = [one.found for one in CHECKS["rights"](fit(database_url=url))]
        assert any(word in one for one in found), found
