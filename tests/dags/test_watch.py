"""The DAGs that look after versions by themselves, run for real: shadow sessions, health, drill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.settings import Settings
from governance.values import ModelVersion, iso, parse_time
from governance.wiring import Governance
from tests.dags.conftest import DECLARED
from tests.dags.governed import (
    LOOSE,
    again,
    champion,
    counts,
    dag_folder,
    policy_file,
    states,
    version_on_trial,
)

pytestmark = pytest.mark.usefixtures("airflow_database")

CUT = parse_time("2021-06-01T00:00:00Z")  # what the versions below were trained on lies before
AT = parse_time("2021-06-20T06:00:00Z")


@pytest.fixture
def dags(
    load_dags: Callable[[Path], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    files = ("shadow_metrics.py", "health.py", "rollback_drill.py")
    return load_dags(dag_folder(tmp_path, monkeypatch, *files))


@pytest.fixture
def gov(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Governance]:
    file = policy_file(tmp_path, LOOSE)
    monkeypatch.setenv("GOVERNANCE_POLICY", str(file))
    settings = Settings.load(home=home, config=DECLARED, policy=file)
    with Governance.open(settings=settings) as opened:
        yield opened


def trained(gov: Governance, run: str) -> ModelVersion:
    """A validated version of `tiny`, trained on what was known at the cut."""
    at = CUT if run == "first" else CUT - timedelta(days=30)
    gov.cycle.check_data("tiny", run=run, at=at)
    gov.cycle.train("tiny", run=run, at=at)
    made = gov.cycle.register("tiny", run=run, at=at, by="ada")
    gov.cycle.validate(made["ref"], by="ada", at=at)
    return gov.registry.resolve(made["ref"])


@pytest.fixture
def pair(gov: Governance) -> tuple[ModelVersion, ModelVersion]:
    """The champion, and a challenger on trial beside it."""
    first, second = trained(gov, "first"), trained(gov, "second")
    gov.promotion.promote_to_production(first, by="eve", force=True, reason="initial", at=CUT)
    gov.shadow.start_shadow_testing(second, by="ada", at=CUT)
    return first, second


def test_a_run_records_the_sessions_of_challenger_and_champion_once(
    gov: Governance, dags: dict[str, Any], pair: tuple[ModelVersion, ModelVersion]
) -> None:
    done = dags["shadow_metrics"].test(run_conf={"at": iso(AT), "days": 10})
    assert done.state == "success"
    assert states(done) == dict.fromkeys(("plan", "run_sessions", "all_run"), "success")
    recorded = {version.id: gov.shadow.sessions(version) for version in pair}
    days = [one.id for one in recorded[pair[0].id]]
    assert days == [one.id for one in recorded[pair[1].id]]
    assert len(days) == 9 and days[0] == "2021-06-11", "days of Berlin; the last is not over"
    assert all(one.at < AT for found in recorded.values() for one in found)
    before = counts(gov)
    later = dags["shadow_metrics"].test(run_conf={"at": iso(AT), "days": 10})
    assert later.state == "success"
    assert counts(gov) == before, "the first record of a session stays"
    run_sessions = later.get_task_instance("run_sessions", map_index=0)
    assert run_sessions.rendered_map_index == "tiny"


def test_days_that_were_missed_are_found_by_the_next_run_and_give_the_same(
    gov: Governance, dags: dict[str, Any], pair: tuple[ModelVersion, ModelVersion]
) -> None:
    """A run after each day, or one after all: the same figures but for the latency."""
    for day in range(12, 20):
        at = parse_time(f"2021-06-{day:02}T06:00:00Z")
        gov.trials.run("tiny", start=at - timedelta(days=7), end=at)
    with_gaps = gov.shadow.sessions(pair[1])
    other = gov.trials.run("tiny", start=AT - timedelta(days=19), end=AT)
    assert sum(len(ids) for ids in other.recorded.values()) > 0
    assert with_gaps == [
        one for one in gov.shadow.sessions(pair[1]) if one.id in {s.id for s in with_gaps}
    ]


def test_without_a_trial_there_is_no_task(gov: Governance, dags: dict[str, Any]) -> None:
    trained(gov, "first")
    done = dags["shadow_metrics"].test(run_conf={"at": iso(AT)})
    assert done.state == "success"
    assert states(done)["run_sessions"] == "skipped"


def test_a_corrupt_champion_fails_over_and_the_next_look_is_calm(
    gov: Governance, dags: dict[str, Any], tmp_path: Path
) -> None:
    first, second = version_on_trial(gov, tmp_path, 1), version_on_trial(gov, tmp_path, 2)
    for one in (first, second):
        gov.promotion.promote_to_production(one, by="eve")
    assert dags["health"].test().state == "success"
    for member in (gov.settings.home / second.artifact_path).glob("model.*"):
        member.chmod(0o600)
        member.write_text("not a model")
    done = dags["health"].test()
    assert done.state == "failed" and states(done)["check"] == "failed"
    assert champion(gov) == first.version
    assert gov.registry.resolve(second).stage == "failed"
    before = counts(gov)
    assert again(done, dags["health"], "check") == "success"
    assert counts(gov) == before


def test_the_drill_proves_the_target_of_each_model_and_is_red_where_there_is_none(
    gov: Governance, dags: dict[str, Any], tmp_path: Path
) -> None:
    first, second = version_on_trial(gov, tmp_path, 1), version_on_trial(gov, tmp_path, 2)
    for one in (first, second):
        gov.promotion.promote_to_production(one, by="eve")
    done = dags["rollback_drill"].test(run_conf={"at": iso(AT)})
    assert done.state == "success"
    (report,) = done.get_task_instance("drill").xcom_pull(task_ids="drill")
    assert report["passed"] and report["target"] == first.version
    before = counts(gov)
    assert again(done, dags["rollback_drill"], "drill") == "success"
    assert counts(gov) == before, "a drill of the same moment is the stored one"
    gov.promotion.rollback_model("tiny", by="eve", reason="nothing is left behind it")
    assert champion(gov) == first.version
    later = {"at": iso(AT + timedelta(days=7))}
    assert dags["rollback_drill"].test(run_conf=later).state == "failed"
