"""A real Airflow inside the test process: its database is made once, each worker works on a copy.

Airflow reads its settings when it is first imported, hence the environment is set while this file
is read. `dag.test()` runs the tasks one after the other in this process, with the real task runner.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from governance.settings import Settings
from governance.wiring import Governance

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(tempfile.mkdtemp(prefix="governance-airflow-"))
DECLARED = Path(__file__).with_name("governance.yaml")

for name in [key for key in os.environ if key.startswith(("AIRFLOW", "GOVERNANCE_"))]:
    if name != "GOVERNANCE_FAULTS":
        del os.environ[name]
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__API_AUTH__JWT_SECRET": "of the tests alone " * 4,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(HOME / "passwords.json"),
    }
)


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A migrated Airflow database of this worker's own."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    template = shared / "airflow-template.db"
    with (shared / "airflow-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            migrate = [sys.executable, "-c", "from airflow.utils.db import initdb; initdb()"]
            subprocess.run(migrate, check=True, capture_output=True)
            with sqlite3.connect(HOME / "airflow.db") as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            shutil.copy(HOME / "airflow.db", template)
    shutil.copy(template, HOME / "airflow.db")
    yield
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _short_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dag.test()` sleeps a whole second wherever it looks before a task's end is visible."""
    nap = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: nap(min(seconds, 0.02)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty governance home that tasks and test share."""
    folder = tmp_path / "home"
    monkeypatch.setenv("GOVERNANCE_HOME", str(folder))
    monkeypatch.setenv("GOVERNANCE_CONFIG", str(DECLARED))
    return folder


@pytest.fixture
def gov(home: Path) -> Iterator[Governance]:
    with Governance.open(settings=Settings.load(home=home, config=DECLARED)) as opened:
        yield opened


@pytest.fixture
def load_dags(airflow_database: None, home: Path) -> Callable[[Path], dict[str, DAG]]:
    """Read a DAG file as Airflow does; an import error is the test's error."""

    def load(file: Path) -> dict[str, Any]:
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(dag_folder=str(file))
        assert not bag.import_errors
        return dict(bag.dags)

    return load


@pytest.fixture
def retrain_tiny(load_dags: Callable[[Path], dict[str, Any]]) -> Any:
    """The retrain DAG of the model `tiny`, which trains in well under a second."""
    return load_dags(ROOT / "dags" / "retrain.py")["retrain__tiny"]
