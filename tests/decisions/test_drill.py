"""`gov.health.drill`: a rollback is tried without rolling back."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from governance import Governance
from governance.errors import ProbeUnavailableError
from governance.registry.load_verdicts import record_verdict
from governance.registry.probe import ProbeResult, libraries
from governance.store.promotion_tables import rollback_drills
from tests.decisions.history import corrupt, lose, promoted, told
from tests.versions import NAME, head, validated

AT = datetime(2018, 1, 7, tzinfo=UTC)


def _rows(gov: Governance) -> list[Any]:
    with gov.database.read() as connection:
        return list(connection.execute(select(rollback_drills)))


def test_a_drill_finds_what_a_rollback_would_take_and_switches_nothing(gov: Governance) -> None:
    first, second = promoted(gov, 1), promoted(gov, 2)
    before = head(gov)
    (report,) = gov.health.drill(at=AT)
    assert (report.model, report.passed, report.code) == (NAME, True, "ok")
    assert (report.target, report.target_id) == ("1.0.0", first.id)
    assert report.duration_ms > 0 and not report.alarming
    assert head(gov) == before and gov.registry.get_production_model(NAME) == second
    assert told(gov) == []
    assert gov.promotion.rollback_model(NAME, by="max", reason="now").version_id == first.id


def test_the_same_moment_gives_the_stored_answer(gov: Governance) -> None:
    promoted(gov, 1), promoted(gov, 2)
    (first,) = gov.health.drill(NAME, at=AT)
    promoted(gov, 3)
    (again,) = gov.health.drill(NAME, at=AT)
    assert (again.target, again.duration_ms) == (first.target, first.duration_ms)
    (later,) = gov.health.drill(NAME, at=AT.replace(day=14))
    assert later.target == "1.0.1"
    assert len(_rows(gov)) == 2


def test_a_stored_verdict_is_not_believed(gov: Governance) -> None:
    """An older probe said no; the bytes load all the same."""
    first = promoted(gov, 1)
    promoted(gov, 2)
    said = ProbeResult(
        loadable=False, code="crashed", reason="SIGSEGV", duration_ms=1.0, libraries=libraries()
    )
    with gov.database.begin() as tx:
        record_verdict(tx, first.digest, said)
    (report,) = gov.health.drill(at=AT)
    assert report.passed and report.target_id == first.id
    assert gov.promotion.rollback_model(NAME, by="max", reason="now").version_id == first.id


def test_a_target_that_would_not_load_is_a_warning_told_once(gov: Governance) -> None:
    corrupt(gov, promoted(gov, 1))
    promoted(gov, 2)
    for _ in range(2):
        (report,) = gov.health.drill(at=AT)
        assert not report.passed and report.alarming and report.code == "nothing_to_roll_back"
        assert "restore" in report.reason
    (notice,) = told(gov)
    assert (notice["kind"], notice["severity"]) == ("drill", "warning")
    assert [(row.passed, row.target_id) for row in _rows(gov)] == [(False, None)]


def test_the_next_target_is_taken_and_the_broken_one_is_named(gov: Governance) -> None:
    promoted(gov, 1)
    lose(gov, promoted(gov, 2))
    promoted(gov, 3)
    (report,) = gov.health.drill(at=AT)
    assert report.passed and report.target == "1.0.0"
    assert report.reason.startswith("1.0.1 passed over: there is no artifact")


def test_no_target_is_no_alarm_until_the_second_activation(gov: Governance) -> None:
    validated(gov, 9, name="never-active")
    promoted(gov, 1, forced=True)
    (report,) = gov.health.drill(at=AT)
    assert not report.passed and not report.alarming and told(gov) == []
    promoted(gov, 2)
    (report,) = gov.health.drill(at=AT.replace(day=14))
    assert not report.passed and report.alarming and len(told(gov)) == 1


def test_what_could_not_be_tried_is_not_kept_as_an_answer(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(gov, 1), promoted(gov, 2)

    def unavailable(*_: Any, **__: Any) -> Any:
        raise ProbeUnavailableError("no probe process can be started; try again later")

    with monkeypatch.context() as patched:
        patched.setattr(gov._probing, "load_fact", unavailable)
        (report,) = gov.health.drill(at=AT)
    assert (report.passed, report.code, report.alarming) == (False, "probe_unavailable", True)
    home = gov.settings.home
    shutil.move(home / "models", home / "elsewhere")
    (report,) = gov.health.drill(at=AT)
    assert (report.passed, report.code) == (False, "storage_unavailable")
    assert _rows(gov) == []
    shutil.move(home / "elsewhere", home / "models")
    (report,) = gov.health.drill(at=AT)
    assert report.passed and len(_rows(gov)) == 1
    assert len(told(gov)) == 1
