"""The retrain DAG, run for real: every task through Airflow's task runner, on a real registry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from governance.store import schema
from governance.values import parse_time
from governance.wiring import Governance
from tests.dags.tiny_model import START

pytestmark = pytest.mark.usefixtures("airflow_database")

ROOT = Path(__file__).resolve().parents[2]
AT = {"at": "2022-01-01T00:00:00Z"}
STEPS = ("check_data", "train", "register", "validate")


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def counts(gov: Governance) -> dict[str, int]:
    """Rows of every table: what a repeated task must not add to."""
    with gov.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }


def folders(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in (home / "models").rglob("*")}


def link(run: Any, task_id: str, name: str) -> str:
    """Where a task's link leads, as Airflow keeps it."""
    key = f"governance_link_{name}"
    return str(run.get_task_instance(task_id).xcom_pull(task_ids=task_id, key=key))


def test_a_run_makes_one_validated_version(retrain_tiny: Any, gov: Governance) -> None:
    run = retrain_tiny.test(run_conf=AT)
    assert run.state == "success"
    assert states(run) == dict.fromkeys((*STEPS, "outcome", "validated"), "success") | {
        "failed": "skipped"
    }
    (version,) = gov.registry.list_models("tiny")
    assert version.stage == "validated" and version.version == "1.0.0"
    (decision,) = gov.promotion.decisions("tiny")
    page = f"/plugin/governance/governance/dashboard/models/tiny/versions/{version.version}"
    assert link(run, "register", "version") == link(run, "validate", "version") == page
    assert link(run, "train", "model") == page.removesuffix(f"/versions/{version.version}")
    assert link(run, "validate", "decision").endswith(f"/dashboard/decisions/{decision.id}")
    assert version.manifest["trained_end"] < "2022-01-01"
    assert gov.audit.verify()


def test_who_triggered_a_run_is_recorded(retrain_tiny: Any, gov: Governance) -> None:
    retrain_tiny.test(run_conf=AT)
    (version,) = gov.registry.list_models("tiny")
    assert version.created_by == "dag_test"


@pytest.mark.parametrize(
    "conf", [{**AT, "by": "eve"}, {"att": AT["at"]}, {"at": "2999-01-01T00:00:00Z"}]
)
def test_a_conf_that_asks_for_something_else_fails_the_first_task(
    retrain_tiny: Any, gov: Governance, conf: dict[str, str]
) -> None:
    run = retrain_tiny.test(run_conf=conf)
    assert states(run)["check_data"] == "failed"
    assert not gov.registry.list_models("tiny")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (None, True),
        ("2018-06-29T22:00:00Z", True),
        ("2018-06-29T22:00:00.000Z", True),
        ("2018-06-29T22:00:00.000000+00:00", True),
        ("2018-06-29T17:00-05:00", True),
        ("yesterday", False),
        ("2018-06-29", False),
        ("2018-06-29T22:00:00", False),
        ("2018-06-29T22:00:00 Europe/Berlin", False),
        (1530309600, False),
    ],
)
def test_the_form_takes_a_time_with_its_zone_or_none(
    retrain_tiny: Any, given: Any, taken: bool
) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    at = retrain_tiny.params.get_param("at")
    if taken:
        assert at.resolve(given) == given
    else:
        with pytest.raises(ParamValidationError):
            at.resolve(given)


def test_a_refused_version_turns_the_run_red_and_stays_with_its_reasons(
    load_dags: Callable[[Path], dict[str, Any]], gov: Governance
) -> None:
    dag = load_dags(ROOT / "dags" / "retrain.py")["retrain__too-weak"]
    run = dag.test(run_conf=AT)
    assert run.state == "failed"
    found = states(run)
    assert found["validate"] == "success"
    assert found["failed"] == "failed" and found["validated"] == "skipped"
    (version,) = gov.registry.list_models("too-weak")
    assert version.stage == "failed"


def test_a_run_without_data_fails_at_its_first_task_and_registers_nothing(
    load_dags: Callable[[Path], dict[str, Any]], gov: Governance
) -> None:
    run = load_dags(ROOT / "dags" / "retrain.py")["retrain__no_data"].test(run_conf=AT)
    assert run.state == "failed"
    found = states(run)
    assert found.pop("check_data") == "failed"  # not up_for_retry: it would be refused again
    assert set(found.values()) == {"upstream_failed"}
    assert not gov.registry.list_models("no_data")


def test_the_same_bytes_again_are_the_same_version(retrain_tiny: Any, gov: Governance) -> None:
    retrain_tiny.test(run_conf=AT)
    second = retrain_tiny.test(run_conf=AT)
    assert second.state == "success"
    assert len(gov.registry.list_models("tiny")) == 1


def test_later_data_is_another_version(retrain_tiny: Any, gov: Governance) -> None:
    retrain_tiny.test(run_conf=AT)
    retrain_tiny.test(run_conf={"at": "2022-02-01T00:00:00Z"})
    assert [v.version for v in gov.registry.list_models("tiny")] == ["1.0.1", "1.0.0"]


def test_without_conf_the_run_uses_what_was_known_when_it_was_due(
    retrain_tiny: Any, gov: Governance
) -> None:
    due = START + timedelta(days=700)
    run = retrain_tiny.test(run_after=due, logical_date=None)
    checked = run.get_task_instance("check_data").xcom_pull(task_ids="check_data")
    assert parse_time(checked["at"]) == due
    (version,) = gov.registry.list_models("tiny")
    assert version.manifest["datasets"][0]["rows"] == 700


def test_every_task_of_a_finished_run_can_be_cleared_and_run_again_without_effect(
    retrain_tiny: Any, gov: Governance, home: Path
) -> None:
    from airflow.models.taskinstance import clear_task_instances
    from airflow.sdk.definitions.dag import _run_task  # what dag.test() runs one task with
    from airflow.utils.session import create_session

    run = retrain_tiny.test(run_conf=AT)
    before, files = counts(gov), folders(home)
    results = {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in run.get_task_instances()}
    executed = [*STEPS, "outcome", "validated"]
    for task_id in executed:
        with create_session() as session:
            ti = run.get_task_instance(task_id, session=session)
            clear_task_instances([ti], session, dag_run_state=False)
        ti = run.get_task_instance(task_id)
        assert ti.state is None
        assert ti.max_tries > 0
        _run_task(ti=ti, task=retrain_tiny.task_dict[task_id])
        assert run.get_task_instance(task_id).state == "success", task_id
        assert counts(gov) == before, task_id
        assert folders(home) == files, task_id
        again = ti.xcom_pull(task_ids=task_id)
        if isinstance(again, dict) and "created" in again:
            assert again["created"] is False
            again = {**again, "created": True, "stage": "trained"}
        assert again == results[task_id], task_id
    assert gov.audit.verify()
