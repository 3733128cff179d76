"""`governance rollback` and `governance health`: tables, JSON, exit codes, nothing else running."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance import Governance
from governance.values import ModelVersion
from tests.cli.conftest import Run
from tests.decisions.history import corrupt, lose, promoted
from tests.versions import NAME


@pytest.fixture
def two(home: Path) -> Iterator[tuple[Governance, ModelVersion, ModelVersion]]:
    """A model with a champion and one before it."""
    with Governance.open(home=home) as gov:
        yield gov, promoted(gov, 1), promoted(gov, 2)


Two = tuple[Governance, ModelVersion, ModelVersion]


def test_a_rollback_is_one_command(run: Run, two: Two) -> None:
    gov, first, _ = two
    said = run("rollback", NAME, "--reason", "it is wrong")
    assert said.code == 0
    assert "asked for by name" not in said.out and "target" in said.out
    assert "momentum:1.0.0 is in production (generation 3)" in said.err
    live = gov.registry.get_production_model(NAME)
    assert live is not None and live.id == first.id
    row = gov.promotion.history(NAME)[-1]
    assert (row["by"], row["reason"]) == ("ann", "it is wrong")
    meta = gov.settings.home / first.artifact_path / "meta.json"
    assert '"status": "production"' in meta.read_text()


def test_a_rollback_names_its_version_and_answers_in_json(run: Run, two: Two) -> None:
    _, first, second = two
    assert run("rollback", NAME, "--reason", "a").code == 0
    said = run(
        *("rollback", NAME, "--to", "1.0.1", "--reason", "b", "--by", "max", "-o", "json"),
        *("--at", "2018-01-02T00:00:00Z", "--expected-generation", "3", "--idempotency-key", "k"),
    )
    assert said.code == 0
    assert said.json["version_id"] == second.id
    assert (said.json["operation"], said.json["by"], said.json["generation"]) == (
        *("rollback", "max", 4),
    )
    assert first.id not in said.out


def test_exit_codes_of_rollback(run: Run, two: Two) -> None:
    gov, first, _ = two
    assert run("rollback", NAME).code == 2
    assert run("rollback", NAME, "--reason", " ").code == 2
    assert run("rollback", "unknown", "--reason", "x").code == 1
    said = run("rollback", NAME, "--reason", "x", "--expected-generation", "1")
    assert said.code == 3 and "stale_generation" in said.err
    corrupt(gov, first)
    said = run("rollback", NAME, "--to", "1.0.0", "--reason", "x")
    assert said.code == 5 and "artifact_integrity" in said.err
    said = run("rollback", NAME, "--reason", "x", "-o", "json")
    assert said.code == 3 and json.loads(said.err)["code"] == "nothing_to_roll_back"
    shutil.move(gov.settings.home / "models", gov.settings.home / "elsewhere")
    said = run("rollback", NAME, "--reason", "x")
    assert said.code == 7 and "storage_unavailable" in said.err


def test_files_that_cannot_be_written_do_not_undo_a_rollback(
    run: Run, two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.effects.registry_files import RegistryFiles
    from governance.errors import StorageFullError

    gov, first, _ = two

    def full(_: object) -> int:
        raise StorageFullError("cannot write meta.json: no space left")

    monkeypatch.setattr(RegistryFiles, "catch_up", full)
    said = run("rollback", NAME, "--reason", "x")
    assert said.code == 0 and "governance reconcile" in said.err
    live = gov.registry.get_production_model(NAME)
    assert live is not None and live.id == first.id


def test_health_answers_with_a_table_and_its_exit_code(run: Run, two: Two) -> None:
    gov, _, second = two
    said = run("health", "check")
    assert said.code == 0 and "healthy" in said.out
    lose(gov, second)
    said = run("health", "check", NAME, "-o", "json")
    assert said.code == 5
    (found,) = said.json["items"]
    assert (found["status"], found["target"], found["failed_over"]) == ("corrupt", "1.0.0", True)
    assert "momentum:1.0.1 failed; 1.0.0 took over" in said.err
    assert run("health", "check").code == 0
    shutil.move(gov.settings.home / "models", gov.settings.home / "elsewhere")
    said = run("health", "check")
    assert said.code == 7 and "unavailable" in said.out
    assert run("health", "check", "unknown").code == 1


def test_a_drill_answers_with_a_table_and_its_exit_code(run: Run, two: Two) -> None:
    gov, first, _ = two
    said = run("health", "drill", "--at", "2018-01-07T00:00:00Z")
    assert said.code == 0 and "1.0.0" in said.out and "ok" in said.out
    lose(gov, first)
    assert run("health", "drill", "--at", "2018-01-07T00:00:00Z").code == 0  # the stored answer
    said = run("health", "drill", NAME, "--at", "2018-01-14T00:00:00Z", "-o", "json")
    assert said.code == 3
    (found,) = said.json["items"]
    assert (found["passed"], found["alarming"]) == (False, True)
    shutil.move(gov.settings.home / "models", gov.settings.home / "elsewhere")
    assert run("health", "drill", "--at", "2018-01-21T00:00:00Z").code == 7


def test_without_any_champion_there_is_nothing_to_look_at(run: Run) -> None:
    for command in ("check", "drill"):
        said = run("health", command)
        assert said.code == 0 and "no version was ever in production" in said.err
