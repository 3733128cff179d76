"""Old predictions are removed, never hours that the drift scan needs, never another's file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from governance import Governance
from governance.cli.app import app as cli
from governance.errors import ConfigError, InvalidInputError
from governance.serving import create_app
from governance.serving.prediction_log import LAYOUT
from governance.serving.retention import Removed, prune
from tests.api.world import report
from tests.serving.conftest import calling, in_production, until
from tests.serving.test_champion import declare
from tests.versions import NAME

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def hour(gov: Governance, ago: timedelta, place: str = f"champions/{NAME}") -> Path:
    """A file of one hour, so long before ``NOW``."""
    folder = gov.settings.home / "predictions" / place / (NOW - ago).strftime(LAYOUT)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "part-0-000001.parquet"
    path.write_bytes(b"12345")
    return path


def watched(gov: Governance) -> None:
    declare(gov, "momentum", "volume")
    path = gov.settings.config_path
    live = gov.settings.home / "predictions" / "champions" / NAME
    drift = {"live": {"kind": "parquet", "path": str(live)}}
    path.write_text(f"{path.read_text()}    drift: {json.dumps(drift)}\n")


def test_hours_that_ended_before_so_many_days_go(sqlite_gov: Governance) -> None:
    old, older = hour(sqlite_gov, 8 * DAY), hour(sqlite_gov, 30 * DAY)
    young = hour(sqlite_gov, 6 * DAY)
    edge = hour(sqlite_gov, 7 * DAY + timedelta(hours=1))  # it ended a week ago, to the minute
    shadow = hour(sqlite_gov, 9 * DAY, f"challengers/{NAME}/1.0.1")
    would = prune(sqlite_gov, days=7, now=NOW, dry_run=True)
    assert would == Removed(hours=4, files=4, bytes=20) and old.exists()
    assert prune(sqlite_gov, days=7, now=NOW) == would
    assert young.exists()
    assert not any(one.exists() for one in (old, older, edge, shadow, old.parent.parent))
    assert prune(sqlite_gov, days=7, now=NOW) == Removed()


def test_what_the_log_did_not_write_stays(sqlite_gov: Governance, tmp_path: Path) -> None:
    old = hour(sqlite_gov, 30 * DAY)
    notes = old.with_name("notes.txt")
    notes.write_text("mine")
    odd = sqlite_gov.settings.home / "predictions" / "champions" / NAME / "date=2020-13-45/hour=99"
    odd.mkdir(parents=True)
    (odd / "part-0-000001.parquet").write_bytes(b"1")
    away = tmp_path / "away"
    away.mkdir()
    (away / "part-0-000001.parquet").write_bytes(b"1")
    (old.parent.parent / "hour=01").symlink_to(away)
    assert prune(sqlite_gov, days=1, now=NOW).files == 1
    assert not old.exists() and notes.exists()
    assert (odd / "part-0-000001.parquet").exists() and (away / "part-0-000001.parquet").exists()


def test_nothing_goes_of_a_model_that_was_never_looked_at(sqlite_gov: Governance) -> None:
    watched(sqlite_gov)
    old = hour(sqlite_gov, 800 * DAY)
    assert prune(sqlite_gov, days=7, now=NOW) == Removed(kept_hours=1)
    assert old.exists()


def test_hours_stay_that_a_later_look_may_ask_for(sqlite_gov: Governance) -> None:
    watched(sqlite_gov)
    version = in_production(sqlite_gov)
    looked = NOW - 10 * DAY  # the scan stood still since
    report(sqlite_gov, version, looked)
    within, beyond = hour(sqlite_gov, 99 * DAY), hour(sqlite_gov, 200 * DAY)
    found = prune(sqlite_gov, days=7, now=NOW)
    assert (found.hours, found.kept_hours) == (1, 1)
    assert within.exists() and not beyond.exists()


def test_nothing_goes_while_nobody_knows_what_is_needed(sqlite_gov: Governance) -> None:
    old = hour(sqlite_gov, 30 * DAY)
    sqlite_gov.settings.config_path.parent.mkdir(parents=True, exist_ok=True)
    sqlite_gov.settings.config_path.write_text("models: [")
    with pytest.raises(ConfigError):
        prune(sqlite_gov, days=7, now=NOW)
    assert old.exists()


def test_less_than_a_day_is_refused(sqlite_gov: Governance) -> None:
    with pytest.raises(InvalidInputError, match="at least one day"):
        prune(sqlite_gov, days=0, now=NOW)


def test_by_the_command_line(sqlite_gov: Governance, sqlite_url: str) -> None:
    old = hour(sqlite_gov, 30 * DAY)
    at = ["--home", str(sqlite_gov.settings.home), "--database", sqlite_url]
    asked = [*at, "predictions", "prune", "--output", "json"]
    assert CliRunner().invoke(cli, asked).exit_code != 0  # how many days?
    dry = CliRunner().invoke(cli, [*asked, "--days", "7", "--dry-run"])
    assert json.loads(dry.stdout)["hours"] == 1 and old.exists()
    done = CliRunner().invoke(cli, [*asked, "--days", "7"])
    assert json.loads(done.stdout) == {"hours": 1, "files": 1, "bytes": 5, "kept_hours": 0}
    assert not old.exists()


def test_the_server_prunes_where_it_is_told_to(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVERNANCE_PREDICTION_LOG_DAYS", "7")
    with Governance.open(database=sqlite_url, home=tmp_path / "home") as gov:
        old = hour(gov, timedelta(0))  # of 2024
        served = create_app(gov)
        with calling(gov, served):
            served.state.desk.start()
            until(lambda: not old.exists())
