"""The DAGs `force_promotion` and `rollback`, run for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from governance.settings import Settings
from governance.store.database import database_time
from governance.values import ModelVersion
from governance.wiring import Governance
from tests.dags.conftest import DECLARED
from tests.dags.governed import (
    ASKS_BOB,
    again,
    champion,
    counts,
    dag_folder,
    policy_file,
    states,
    version_on_trial,
)

pytestmark = pytest.mark.usefixtures("airflow_database")

REASON = "the version in production answers nothing any more"


@pytest.fixture
def dags(
    load_dags: Callable[[Path], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    return load_dags(dag_folder(tmp_path, monkeypatch, "force_promotion.py", "rollback.py"))


@pytest.fixture
def opened(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Governance]]:
    made = []

    def under(*allowed: str) -> Governance:
        file = policy_file(tmp_path, ASKS_BOB, force=allowed)
        monkeypatch.setenv("GOVERNANCE_POLICY", str(file))
        gov = Governance.open(settings=Settings.load(home=home, config=DECLARED, policy=file))
        made.append(gov)
        return gov

    yield under
    for gov in made:
        gov.close()


@pytest.fixture
def gov(opened: Callable[..., Governance]) -> Governance:
    return opened("dag_test")  # who triggers runs in these tests


@pytest.fixture
def version(gov: Governance, tmp_path: Path) -> ModelVersion:
    return version_on_trial(gov, tmp_path, 1)


def forced(dags: dict[str, Any], candidate: ModelVersion, **further: Any) -> Any:
    conf = {"model": "tiny", "version": candidate.version, "reason": REASON, "confirm": True}
    return dags["force_promotion"].test(run_conf={**conf, **further})


def rolled_back(dags: dict[str, Any], **further: Any) -> Any:
    return dags["rollback"].test(run_conf={"model": "tiny", "reason": REASON, **further})


def denials(gov: Governance) -> list[tuple[str, str, str]]:
    entries = gov.audit.entries(limit=1000)
    return [
        (entry.actor, entry.model, entry.details["why"])
        for entry in entries
        if entry.action == "force.denied"
    ]


def test_who_may_forces_and_the_record_says_forced_with_what_was_overridden(
    gov: Governance, dags: dict[str, Any], version: ModelVersion
) -> None:
    done = forced(dags, version)
    assert done.state == "success"
    assert champion(gov) == version.version
    told = done.get_task_instance("force").xcom_pull(task_ids="force")
    link = done.get_task_instance("force").xcom_pull(
        task_ids="force", key="governance_link_decision"
    )
    assert link.endswith(f"/dashboard/decisions/{told['decision']}")
    decision = gov.promotion.decision(told["decision"])
    assert decision.forced and not decision.eligible
    assert (decision.by, decision.reason) == ("dag_test", REASON)
    assert told["overrode"] == list(decision.reasons) != []
    assert denials(gov) == []


def test_a_forced_run_that_is_cleared_and_run_again_changes_nothing(
    gov: Governance, dags: dict[str, Any], version: ModelVersion
) -> None:
    done = forced(dags, version)
    before = counts(gov)
    assert again(done, dags["force_promotion"], "force") == "success"
    assert counts(gov) == before


def test_a_version_activated_after_the_trigger_is_a_clean_conflict(
    gov: Governance, dags: dict[str, Any], version: ModelVersion, tmp_path: Path
) -> None:
    other = version_on_trial(gov, tmp_path, 2)
    with gov.database.read() as connection:
        triggered = database_time(connection)
    gov.promotion.promote_to_production(other, by="eve", force=True, reason="meanwhile")
    before = counts(gov)
    conf = {"model": "tiny", "version": version.version, "reason": REASON, "confirm": True}
    done = dags["force_promotion"].test(run_conf=conf, run_after=triggered, logical_date=None)
    assert states(done)["force"] == "failed"
    assert champion(gov) == other.version
    assert counts(gov) == before
    assert again(done, dags["force_promotion"], "force") == "failed", "cleared: still a conflict"
    assert forced(dags, version).state == "success"
    assert champion(gov) == version.version


def test_who_is_not_on_the_list_is_denied_and_on_record(
    opened: Callable[..., Governance], dags: dict[str, Any], tmp_path: Path
) -> None:
    gov = opened("somebody else")
    version = version_on_trial(gov, tmp_path, 1)
    done = forced(dags, version)
    assert done.state == "failed" and states(done)["force"] == "failed"
    assert champion(gov) is None
    ((actor, model, why),) = denials(gov)
    assert (actor, model) == ("dag_test", "tiny") and "not among force.allowed" in why
    assert gov.audit.verify()


def test_without_a_list_nobody_may(
    opened: Callable[..., Governance], dags: dict[str, Any], tmp_path: Path
) -> None:
    gov = opened()
    forced(dags, version_on_trial(gov, tmp_path, 1))
    assert champion(gov) is None and len(denials(gov)) == 1


@pytest.mark.parametrize("key", ["by", "user", "force", "triggering_user_name"])
def test_a_name_or_a_right_in_the_conf_is_refused(
    opened: Callable[..., Governance], dags: dict[str, Any], tmp_path: Path, key: str
) -> None:
    gov = opened("root")
    done = forced(dags, version_on_trial(gov, tmp_path, 1), **{key: "root"})
    assert states(done)["force"] == "failed"
    assert champion(gov) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "too short"},
        {"reason": " " * 12},
        {"confirm": "yes"},
        {"model": "undeclared"},
        {"version": "latest"},
    ],
)
def test_the_form_refuses_what_is_incomplete(
    gov: Governance, dags: dict[str, Any], version: ModelVersion, wrong: dict[str, Any]
) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        forced(dags, version, **wrong)
    assert champion(gov) is None


def test_what_nobody_confirmed_forces_nothing(
    gov: Governance, dags: dict[str, Any], version: ModelVersion
) -> None:
    """Airflow lets such a run begin: a form that shows a switch takes both of its positions."""
    done = forced(dags, version, confirm=False)
    assert states(done)["force"] == "failed" and done.state == "failed"
    assert champion(gov) is None


def test_ten_characters_that_nobody_sees_are_no_reason(
    gov: Governance, dags: dict[str, Any], version: ModelVersion
) -> None:
    done = forced(dags, version, reason="no" + "\u200b" * 20)
    assert states(done)["force"] == "failed"
    assert champion(gov) is None


def test_a_request_older_than_an_hour_forces_nothing(
    gov: Governance, dags: dict[str, Any], version: ModelVersion
) -> None:
    with gov.database.read() as connection:
        now = database_time(connection)
    done = dags["force_promotion"].test(
        run_conf={
            "model": "tiny",
            "version": version.version,
            "reason": REASON,
            "confirm": True,
        },
        run_after=now - timedelta(hours=2),
        logical_date=None,
    )
    assert states(done)["force"] == "failed"
    assert champion(gov) is None
    assert "older than an hour" in denials(gov)[0][2]


def test_a_version_that_failed_is_not_forced(
    gov: Governance, dags: dict[str, Any], version: ModelVersion
) -> None:
    gov.registry.transition(version, "failed", by="ada", reason="it lies")
    assert states(forced(dags, version))["force"] == "failed"
    assert champion(gov) is None


def test_a_rollback_brings_the_named_version_back_and_can_be_repeated(
    gov: Governance, dags: dict[str, Any], version: ModelVersion, tmp_path: Path
) -> None:
    other = version_on_trial(gov, tmp_path, 2)
    for one in (version, other):
        gov.promotion.promote_to_production(one, by="eve", force=True, reason="test")
    done = rolled_back(dags, version=version.version)
    assert done.state == "success"
    assert champion(gov) == version.version
    told = done.get_task_instance("rollback").xcom_pull(task_ids="rollback")
    decision = gov.promotion.decision(told["decision"])
    assert (decision.by, decision.reason) == ("dag_test", REASON)
    before = counts(gov)
    assert again(done, dags["rollback"], "rollback") == "success"
    assert counts(gov) == before


def test_a_rollback_without_a_version_goes_to_one_that_was_not_forced(
    gov: Governance, dags: dict[str, Any], version: ModelVersion, tmp_path: Path
) -> None:
    other = version_on_trial(gov, tmp_path, 2)
    gov.promotion.promote_to_production(version, by="eve", approved_by="bob")
    gov.promotion.promote_to_production(other, by="eve", force=True, reason="test")
    assert rolled_back(dags).state == "success"
    assert champion(gov) == version.version
    nothing = rolled_back(dags)
    assert nothing.state == "failed" and states(nothing)["rollback"] == "failed"
    assert champion(gov) == version.version


@pytest.mark.parametrize("dag", ["rollback", "force_promotion"])
def test_the_files_follow_where_airflow_takes_no_links(
    gov: Governance,
    dags: dict[str, Any],
    version: ModelVersion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dag: str,
) -> None:
    def away(context: Any, decision: Any) -> None:
        raise AirflowFailException("Airflow's API server is away")  # and no further try

    monkeypatch.setattr("governance_airflow.emergency_operators.decided", away)
    if dag == "rollback":
        other = version_on_trial(gov, tmp_path, 2)
        gov.promotion.promote_to_production(version, by="eve", approved_by="bob")
        gov.promotion.promote_to_production(other, by="eve", force=True, reason="test")
        gov.files.catch_up()
        run = rolled_back(dags)
    else:
        run = forced(dags, version)
    assert run.state == "failed" and champion(gov) == version.version
    assert gov.files.catch_up() == 0, "the task has written them"
