"""The DAG `promotion`, run for real: gates, a person's answer, production."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.settings import Settings
from governance.store.promotion_tables import approvals
from governance.values import ModelVersion
from governance.wiring import Governance
from tests.dags.conftest import DECLARED
from tests.dags.governed import (
    ASKS_BOB,
    LOOSE,
    SINCE,
    again,
    answering,
    champion,
    counts,
    dag_folder,
    policy_file,
    states,
    version_on_trial,
)

pytestmark = pytest.mark.usefixtures("airflow_database")

TASKS = ("check", "approve", "promote", "promoted", "deliver_alerts")


@pytest.fixture
def promotion(
    load_dags: Callable[[Path], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    return load_dags(dag_folder(tmp_path, monkeypatch, "promotion.py"))["promotion"]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return answering(monkeypatch)


@pytest.fixture
def asks(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Mapping[str, Any]], Governance]:
    """The product under a policy."""

    def under(promotion: Mapping[str, Any]) -> Governance:
        file = policy_file(tmp_path, promotion)
        monkeypatch.setenv("GOVERNANCE_POLICY", str(file))
        return Governance.open(settings=Settings.load(home=home, config=DECLARED, policy=file))

    return under


@pytest.fixture
def gov(asks: Callable[[Mapping[str, Any]], Governance]) -> Any:
    with asks(ASKS_BOB) as opened:
        yield opened


@pytest.fixture
def candidate(gov: Governance, tmp_path: Path) -> ModelVersion:
    return version_on_trial(gov, tmp_path, 1)


def run(dag: Any, version: ModelVersion) -> Any:
    return dag.test(run_conf={"model": "tiny", "version": version.version})


def xcom(done: Any, task_id: str, key: str) -> str:
    return str(done.get_task_instance(task_id).xcom_pull(task_ids=task_id, key=key))


def test_what_was_approved_is_promoted(
    gov: Governance, promotion: Any, candidate: ModelVersion, answer: Callable[..., None]
) -> None:
    answer("Approve")
    done = run(promotion, candidate)
    assert done.state == "success"
    assert states(done) == dict.fromkeys(TASKS, "success")
    assert champion(gov) == candidate.version
    (approval,) = gov.approvals.list("tiny")
    assert (approval.state, approval.answered_by) == ("used", "bob")
    assert approval.comment == "the figures are good"
    told = done.get_task_instance("promote").xcom_pull(task_ids="promote")
    link = xcom(done, "promote", "governance_link_decision")
    assert link == f"/plugin/governance/governance/dashboard/decisions/{told['decision']}"
    trial = f"models/tiny/versions/{candidate.version}/trial"
    assert xcom(done, "check", "governance_link_trial").endswith(trial)
    decision = gov.promotion.decision(told["decision"])
    assert (decision.by, decision.approved_by, decision.forced) == ("dag_test", "bob", False)
    assert decision.approval_id == approval.id
    assert gov.audit.verify()


def test_every_task_can_be_cleared_and_run_again_without_effect(
    gov: Governance, promotion: Any, candidate: ModelVersion, answer: Callable[..., None]
) -> None:
    answer("Approve")
    done = run(promotion, candidate)
    before = counts(gov)
    told = done.get_task_instance("promote").xcom_pull(task_ids="promote")
    answer("Reject", "asked a second time")
    for task_id in ("check", "approve", "promote"):
        assert again(done, promotion, task_id) == "success", task_id
        assert counts(gov) == before, task_id
    assert done.get_task_instance("promote").xcom_pull(task_ids="promote") == told
    assert champion(gov) == candidate.version


def test_a_rejection_promotes_nothing_and_stays_on_record(
    gov: Governance, promotion: Any, candidate: ModelVersion, answer: Callable[..., None]
) -> None:
    answer("Reject", "not before the holidays")
    done = run(promotion, candidate)
    found = states(done)
    assert found["approve"] == "success"
    assert found["promote"] == found["promoted"] == "skipped"
    assert champion(gov) is None
    (approval,) = gov.approvals.list("tiny")
    assert (approval.state, approval.comment) == ("rejected", "not before the holidays")
    answer("Approve")
    assert again(done, promotion, "approve") == "failed", "it was answered"
    assert again(done, promotion, "promote") == "failed"
    assert champion(gov) is None


def test_where_the_policy_asks_nobody_nobody_is_asked(
    asks: Callable[[Mapping[str, Any]], Governance], promotion: Any, tmp_path: Path
) -> None:
    with asks(LOOSE) as gov:
        version = version_on_trial(gov, tmp_path, 1)
        done = run(promotion, version)
        assert done.state == "success"
        assert states(done) == {**dict.fromkeys(TASKS, "success"), "approve": "skipped"}
        assert champion(gov) == version.version
        before = counts(gov)
        for task_id in ("check", "promote"):
            assert again(done, promotion, task_id) == "success"
            assert counts(gov) == before, task_id


def test_where_a_gate_refuses_nobody_is_asked_and_the_refusal_is_on_record(
    asks: Callable[[Mapping[str, Any]], Governance], promotion: Any, tmp_path: Path
) -> None:
    with asks({**ASKS_BOB, "min_shadow_sessions": 5}) as gov:
        version = version_on_trial(gov, tmp_path, 1)
        done = run(promotion, version)
        assert done.state == "failed"
        found = states(done)
        assert (found["check"], found["approve"], found["promote"]) == (
            "success",
            "skipped",
            "failed",
        )
        assert champion(gov) is None and gov.approvals.list("tiny") == []
        (refused,) = gov.promotion.decisions("tiny", operation="promotion")
        assert not refused.eligible and refused.by == "dag_test"
        link = xcom(done, "promote", "governance_link_decision")
        assert link.endswith(f"/decisions/{refused.id}"), "a failed task leads to its decision, too"
        assert "shadow.sessions" in {check.gate for check in refused.checks}


@pytest.mark.parametrize(
    ("user", "comment"),
    [
        ("eve", "let me in"),  # not an approver
        ("ada", "my own work is good"),  # an approver, and the one who made the version
        ("bob", "  "),  # without a reason
        (None, "nobody at all"),
    ],
)
def test_an_answer_that_does_not_count_promotes_nothing_and_leaves_the_request(
    gov: Governance,
    promotion: Any,
    candidate: ModelVersion,
    answer: Callable[..., None],
    user: str | None,
    comment: str,
) -> None:
    answer("Approve", comment, user)
    done = run(promotion, candidate)
    found = states(done)
    assert found["approve"] == "failed" and found["promote"] == "upstream_failed"
    assert champion(gov) is None
    assert [one.state for one in gov.approvals.list("tiny")] == ["pending"]
    answer("Approve")
    assert again(done, promotion, "approve") == "success", "cleared, it asks again"
    assert again(done, promotion, "promote") == "success"
    assert champion(gov) == candidate.version


def test_an_approval_that_was_only_marked_as_success_promotes_nothing(
    gov: Governance, promotion: Any, candidate: ModelVersion
) -> None:
    done = promotion.test(
        run_conf={"model": "tiny", "version": candidate.version}, mark_success_pattern="approve"
    )
    found = states(done)
    assert found["approve"] == "success" and found["promote"] == "failed"
    assert champion(gov) is None


def test_a_check_that_was_only_marked_as_success_promotes_nothing(
    gov: Governance, promotion: Any, candidate: ModelVersion
) -> None:
    done = promotion.test(
        run_conf={"model": "tiny", "version": candidate.version},
        mark_success_pattern="check|approve",
    )
    assert states(done)["promote"] == "failed"
    assert champion(gov) is None


def test_an_answer_after_the_deadline_promotes_nothing(
    gov: Governance, promotion: Any, candidate: ModelVersion, answer: Callable[..., None]
) -> None:
    def expire() -> None:
        with gov.database.begin() as tx:
            tx.execute(approvals.update().values(expires_at=SINCE))

    answer("Approve", meanwhile=expire)
    done = run(promotion, candidate)
    assert states(done)["approve"] == "failed"
    assert again(done, promotion, "approve") == "failed", "a new run asks for a new one"
    assert champion(gov) is None


def test_an_approval_of_what_was_before_another_promotion_promotes_nothing(
    gov: Governance,
    promotion: Any,
    candidate: ModelVersion,
    answer: Callable[..., None],
    tmp_path: Path,
) -> None:
    other = version_on_trial(gov, tmp_path, 2)

    def switch() -> None:
        gov.promotion.promote_to_production(other, by="eve", force=True, reason="an emergency")

    answer("Approve", meanwhile=switch)
    done = run(promotion, candidate)
    assert states(done)["promote"] == "failed"
    assert champion(gov) == other.version


def test_an_approval_is_used_once(
    gov: Governance, promotion: Any, candidate: ModelVersion, answer: Callable[..., None]
) -> None:
    answer("Approve")
    run(promotion, candidate)
    second = run(promotion, candidate)
    assert second.state == "failed", "it is in production, and nobody is asked for that"
    assert states(second)["approve"] == "skipped"
    assert [one.state for one in gov.approvals.list("tiny")] == ["used"]
    assert gov.registry.generation("tiny") == 1


@pytest.mark.parametrize("key", ["by", "approved_by", "force", "user"])
def test_a_conf_that_names_a_person_or_a_right_is_refused(
    gov: Governance, promotion: Any, candidate: ModelVersion, key: str
) -> None:
    done = promotion.test(
        run_conf={"model": "tiny", "version": candidate.version, key: "root"},
        run_after=SINCE + timedelta(days=1),
        logical_date=None,
    )
    assert states(done)["check"] == "failed"
    assert champion(gov) is None
