"""A real Airflow for the browser: all four components on a home of its own, two DAGs.

`local.airflow_services` starts it, as `make up` does. Its people are `admin`, `op` and `viewer`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import Page

from governance import Governance
from local.airflow_rest import AirflowRest
from local.airflow_services import AirflowServices
from local.retrain_demo import switched_on, wait_for_dags
from tests.browser import world
from tests.browser.conftest import ROOT, opened

DAGS = ("promotion", "force_promotion")
ENDED = "Received executor event with state success"  # how the scheduler's log says it
PAUSE = 0.2  # seconds between two questions to Airflow
INSIDE = "/plugin/governance/governance/dashboard"  # where Airflow shows the first page


@dataclass(frozen=True)
class Airflow:
    """It runs, knows its DAGs, and one promotion waits for an answer."""

    services: AirflowServices
    gov: Governance
    shown: world.Shown
    rest: AirflowRest  # as admin
    asked: str  # run of `promotion`, triggered while it started

    @property
    def origin(self) -> str:
        return self.services.login.address

    def until_task(self, state: str, dag: str, run: str, task: str) -> None:
        """Wait until Airflow says that a task is in a state."""
        self._until(lambda: self.rest.task_states(dag, run)[task] == state, f"{task} {state}")

    def until_asked(self, run: str, task: str = "approve") -> None:
        """Wait until a task of `promotion` can be answered as a person would, not within a second.

        Airflow lists it in Required Actions before it waits, and its scheduler mends no answer that
        came before it has seen the end of the task's first part (apache/airflow#72716).
        """
        self.until_task("awaiting_input", "promotion", run, task)
        log, key = self.services.log("scheduler"), f"task_id='{task}', run_id='{run}'"
        self._until(
            lambda: any(
                ENDED in line and key in line for line in log.read_text("utf-8").splitlines()
            ),
            f"the scheduler saw {task} end",
        )

    def _until(self, reached: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 120.0
        while not reached():
            self.services.check_alive()
            assert time.monotonic() < deadline, f"not reached: {what}"
            time.sleep(PAUSE)

    def log_in(self, page: Page, user: str) -> None:
        login = self.services.login_as(user)
        page.goto("/")
        page.locator("input[name=username]").fill(login.user)
        page.locator("input[name=password]").fill(login.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.origin}/", wait_until="commit")


@contextmanager
def airflow(folder: Path, template: Path) -> Iterator[Airflow]:
    """Start it on a copy of a migrated database, and stop it."""
    home, dags = folder / "home", folder / "dags"
    world.declare(home)
    dags.mkdir()
    for name in DAGS:
        shutil.copy(ROOT / "dags" / f"{name}.py", dags)
    services = AirflowServices(
        folder / "airflow",
        dags=dags,
        plugins=ROOT / "plugins",
        variables={
            "GOVERNANCE_HOME": str(home),
            "GOVERNANCE_CONFIG": str(home / "governance.yaml"),
            "GOVERNANCE_POLICY": str(home / "promotion_policy.yaml"),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow.jobs.scheduler_job_runner=INFO",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            "PYTHONPATH": str(ROOT),
        },
    )
    services.home.mkdir()
    shutil.copy(template, services.home / "airflow.db")
    (services.home / "migrated").write_text(version("apache-airflow-core"))
    with opened(home) as gov, services.reserved():
        try:
            services.start()
            shown = world.build(gov, with_hostile=False)  # while it starts
            services.wait()
            with AirflowRest(services.login) as rest:
                wait_for_dags(rest, set(DAGS), alive=services.check_alive)
                with switched_on(rest, DAGS):
                    conf = {"model": world.CHURN, "version": shown.candidate.version}
                    asked = rest.trigger("promotion", conf)
                    yield Airflow(services, gov, shown, rest, asked)
        finally:
            services.processes.stop(patience=1.0)  # nothing of it is wanted any more
            services.stop()
