"""Who may do what, asked of Airflow's own API with real tokens: viewer, operator, admin.

Airflow refuses a viewer; who may force and who may approve is the policy's, and is asked where the
task runs, for the user whom Airflow recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from governance.settings import Settings
from governance.values import ModelVersion
from governance.wiring import Governance
from tests.dags.conftest import DECLARED
from tests.dags.governed import (
    ASKS_BOB,
    champion,
    dag_folder,
    policy_file,
    version_on_trial,
)

pytestmark = pytest.mark.usefixtures("airflow_database")

Call = Callable[..., Any]
FORCE = {
    "model": "tiny",
    "reason": "the version in production answers nothing any more",
    "confirm": True,
}


@pytest.fixture
def gov(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Governance]:
    asks = {**ASKS_BOB, "approvers": ["approver", "ada"]}
    file = policy_file(tmp_path, asks, force=("admin",))
    monkeypatch.setenv("GOVERNANCE_POLICY", str(file))
    settings = Settings.load(home=home, config=DECLARED, policy=file)
    with Governance.open(settings=settings) as opened:
        yield opened


@pytest.fixture
def version(gov: Governance, tmp_path: Path) -> ModelVersion:
    return version_on_trial(gov, tmp_path, 1)


@pytest.fixture
def dags(
    load_dags: Callable[[Path], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Stored, as the DAG processor does it, so that the API knows them."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils.session import create_session

    folder = dag_folder(tmp_path, monkeypatch, "promotion.py", "force_promotion.py")
    found = load_dags(folder)
    with create_session() as session:
        DagBundlesManager().sync_bundles_to_db(session=session)  # type: ignore[no-untyped-call]
    sync_bag_to_db(DagBag(dag_folder=str(folder), bundle_name="dags-folder"), "dags-folder", None)
    return found


@pytest.fixture(scope="module")
def application(airflow_database: None) -> Iterator[Any]:
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from fastapi.testclient import TestClient

    app = create_app(apps="core")
    with TestClient(app) as client:
        yield client
    purge_cached_app()


@pytest.fixture
def call(application: Any, dags: dict[str, Any]) -> Call:
    """A request of a user with a role."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    manager = application.app.state.auth_manager

    def request(user: str, role: str, method: str, path: str, body: dict[str, Any]) -> Any:
        token = manager.generate_jwt(SimpleAuthManagerUser(username=user, role=role))
        headers = {"Authorization": f"Bearer {token}"}
        return application.request(method, f"/api/v2/dags/{path}", json=body, headers=headers)

    return request


def trigger(call: Call, user: str, role: str, dag_id: str, conf: dict[str, Any]) -> Any:
    return call(user, role, "POST", f"{dag_id}/dagRuns", {"logical_date": None, "conf": conf})


def executed(dag: Any, run_id: str, task_id: str) -> Any:
    """Run one task of a run that somebody triggered; how it stands then."""
    from airflow.models import DagRun
    from airflow.sdk.definitions.dag import _run_task
    from airflow.utils.session import create_session

    with create_session() as session:
        run = session.query(DagRun).filter_by(dag_id=dag.dag_id, run_id=run_id).one()
        ti = run.get_task_instance(task_id, session=session)
    assert ti is not None
    _run_task(ti=ti, task=dag.task_dict[task_id])
    with create_session() as session:
        return run.get_task_instance(task_id, session=session)


def test_a_viewer_triggers_nothing(call: Call, gov: Governance, version: ModelVersion) -> None:
    conf = {**FORCE, "version": version.version}
    assert trigger(call, "viewer", "VIEWER", "force_promotion", conf).status_code == 403
    plain = {"model": "tiny", "version": version.version}
    assert trigger(call, "viewer", "VIEWER", "promotion", plain).status_code == 403
    assert champion(gov) is None


def test_an_operator_who_is_not_on_the_list_is_denied_by_the_task_and_on_record(
    call: Call, dags: dict[str, Any], gov: Governance, version: ModelVersion
) -> None:
    conf = {**FORCE, "version": version.version}
    made = trigger(call, "op", "OP", "force_promotion", conf)
    assert made.status_code == 200
    ti = executed(dags["force_promotion"], made.json()["dag_run_id"], "force")
    assert ti.state == "failed"
    assert champion(gov) is None
    (denied,) = [e for e in gov.audit.entries(limit=1000) if e.action == "force.denied"]
    assert denied.actor == "op" and "not among force.allowed" in denied.details["why"]


def test_somebody_on_the_list_forces(
    call: Call, dags: dict[str, Any], gov: Governance, version: ModelVersion
) -> None:
    conf = {**FORCE, "version": version.version}
    made = trigger(call, "admin", "ADMIN", "force_promotion", conf)
    ti = executed(dags["force_promotion"], made.json()["dag_run_id"], "force")
    assert ti.state == "success"
    assert champion(gov) == version.version
    (decision,) = gov.promotion.decisions("tiny", operation="promotion")
    assert (decision.by, decision.forced) == ("admin", True)


@pytest.mark.parametrize(
    "wrong", [{"reason": "short"}, {"confirm": "no"}, {"model": "other"}, {"version": "1"}]
)
def test_an_incomplete_form_is_refused_by_airflow(
    call: Call, gov: Governance, version: ModelVersion, wrong: dict[str, Any]
) -> None:
    conf = {**FORCE, "version": version.version, **wrong}
    assert trigger(call, "admin", "ADMIN", "force_promotion", conf).status_code == 400


def test_a_person_is_waited_for_outside_of_any_worker_and_only_an_approver_may_answer(
    call: Call, dags: dict[str, Any], gov: Governance, version: ModelVersion
) -> None:
    dag = dags["promotion"]
    conf = {"model": "tiny", "version": version.version}
    run_id = trigger(call, "op", "OP", "promotion", conf).json()["dag_run_id"]
    assert executed(dag, run_id, "check").state == "success"
    waiting = executed(dag, run_id, "approve")
    assert waiting.state == "awaiting_input"
    assert champion(gov) is None

    path = f"promotion/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    answer = {"chosen_options": ["Approve"], "params_input": {"comment": "figures are good"}}

    def respond(user: str, role: str) -> int:
        return int(call(user, role, "PATCH", path, answer).status_code)

    asked = call("op", "OP", "GET", path, {}).json()
    assert asked["subject"] == f"Promote tiny:{version.version}?"
    assert list(asked["params"]) == ["comment"], "the form has a field for what must be given"
    assert "| integrity | pass |" in asked["body"]
    assert respond("viewer", "VIEWER") == 403
    assert respond("op", "OP") == 403, "may run DAGs, and is no approver"
    assert respond("approver", "USER") == 200
    assert respond("ada", "OP") == 409, "it was answered"
    assert executed(dag, run_id, "approve").state == "success"
    (approval,) = gov.approvals.list("tiny")
    assert (approval.state, approval.answered_by) == ("approved", "approver")
    assert executed(dag, run_id, "promote").state == "success"
    assert champion(gov) == version.version


def test_whoever_made_the_version_may_answer_in_airflow_and_is_refused_by_the_policy(
    call: Call, dags: dict[str, Any], gov: Governance, version: ModelVersion
) -> None:
    dag = dags["promotion"]
    conf = {"model": "tiny", "version": version.version}
    run_id = trigger(call, "op", "OP", "promotion", conf).json()["dag_run_id"]
    for task_id in ("check", "approve"):
        executed(dag, run_id, task_id)
    path = f"promotion/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    answer = {"chosen_options": ["Approve"], "params_input": {"comment": "my own work"}}
    assert call("ada", "OP", "PATCH", path, answer).status_code == 200
    assert executed(dag, run_id, "approve").state == "failed"
    assert [one.state for one in gov.approvals.list("tiny")] == ["pending"]
    assert champion(gov) is None
