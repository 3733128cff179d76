"""F17: a real Airflow, SIGKILL of the task, the scheduler, the API server in the middle of a
promotion, then clear and retry: one effect per run.

Runs under GOVERNANCE_FAULTS=full alone: every round costs Airflow a minute. That a cleared task has
no second effect is tested for every task in tests/dags.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from governance.settings import Settings
from governance.values import ModelVersion
from governance.wiring import Governance
from local.airflow_rest import FINISHED, AirflowRest
from local.airflow_services import AirflowServices
from local.ports import free_port
from local.processes import ServicesError
from tests.model_bytes import model_file

ROOT = Path(__file__).resolve().parents[2]
DECLARED = ROOT / "tests" / "dags" / "governance.yaml"
DAG, TASK = "promotion", "promote"
VICTIMS = ("task", "scheduler", "api-server") * 3
PATIENCE = 240.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("GOVERNANCE_FAULTS") != "full", reason="a real Airflow, many minutes"
    ),
]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    asked = {
        "require_validation": False,
        "not_worse": [],
        "max_drift_severity": None,
        "max_drift_psi": None,
        "min_soak_hours": None,
    }
    file.write_text(json.dumps({"models": {"tiny": {"promotion": asked}}}))
    return file


@pytest.fixture
def gov(tmp_path: Path, policy: Path) -> Iterator[Governance]:
    settings = Settings.load(home=tmp_path / "home", config=DECLARED, policy=policy)
    with Governance.open(settings=settings) as opened:
        yield opened


@pytest.fixture
def services(tmp_path: Path, policy: Path, gov: Governance) -> Iterator[AirflowServices]:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "promotion.py").symlink_to(ROOT / "dags" / "promotion.py")
    made = AirflowServices(
        tmp_path / "airflow",
        dags=tmp_path / "dags",
        plugins=ROOT / "plugins",
        variables={
            "GOVERNANCE_HOME": str(gov.settings.home),
            "GOVERNANCE_CONFIG": str(DECLARED),
            "GOVERNANCE_POLICY": str(policy),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins"))),
        },
    )
    try:
        made.start(port=free_port(first=18180))
        made.wait(timeout=300)
        yield made
    finally:
        made.stop()


def on_trial(gov: Governance, folder: Path, seed: int) -> ModelVersion:
    data = folder / "rows.csv"
    data.write_text("level\n1\n")
    made = gov.registry.register_model(
        "tiny",
        model_path=model_file(folder, seed),
        model_type="lightgbm",
        dataset_paths=[data],
        features=["level"],
        config={"seed": seed},
        metrics={"test": {"auc": 0.8}},
        created_by="ada",
    )
    assert gov.validate(made, by="ada")
    gov.shadow.start_shadow_testing(made, by="ada")
    return gov.registry.resolve(made)


def until(what: str, reached: object, patience: float = PATIENCE) -> bool:
    assert callable(reached)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with suppress(ServicesError):  # the API server may be the victim
            if reached():
                return True
        time.sleep(0.1)
    return False


def kill(services: AirflowServices, victim: str) -> None:
    alive = services.processes.alive()
    if victim != "task":
        psutil.Process(alive[victim]).kill()
        time.sleep(0.2)
        services.restart(victim)
        return
    for worker in psutil.Process(alive["scheduler"]).children():
        for process in worker.children(recursive=True):  # what a worker of the executor runs
            with suppress(psutil.NoSuchProcess):
                process.kill()


def test_one_effect_per_run_whatever_is_killed(
    services: AirflowServices, gov: Governance, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with AirflowRest(services.login) as rest:
        assert until("the DAG", lambda: DAG in rest.dag_ids())
        rest.pause(DAG, False)
    for number, victim in enumerate(VICTIMS):
        version = on_trial(gov, tmp_path, number)
        before = gov.registry.generation("tiny")
        with AirflowRest(services.login) as rest:
            run = rest.trigger(DAG, {"model": "tiny", "version": version.version})
            assert until(
                TASK, lambda run=run: rest.task_states(DAG, run).get(TASK) not in (None, "queued")
            )
            time.sleep(chance.uniform(0.0, 3.0))
            kill(services, victim)
            services.wait(timeout=300)
        with AirflowRest(services.login) as rest:
            for _ in range(4):
                rest.clear(DAG, run)
                if until("the end", lambda run=run: rest.run_state(DAG, run) in FINISHED, 90.0):
                    break
            assert rest.run_state(DAG, run) == "success", (victim, rest.task_states(DAG, run))
        champion = gov.registry.get_production_model("tiny")
        assert champion is not None and champion.id == version.id, victim
        assert gov.registry.generation("tiny") == before + 1, victim
        made = [
            one
            for one in gov.promotion.decisions("tiny", operation="promotion")
            if one.version_id == version.id and one.generation is not None
        ]
        assert len(made) == 1, victim
        assert gov.audit.verify()
