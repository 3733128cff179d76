"""A real Airflow on this machine: API server, scheduler, DAG processor, triggerer, on SQLite.

Everything it keeps is in one folder (`./.airflow`); it listens on 127.0.0.1 alone; passwords and
keys are made at random on the first start and are readable by their owner only. The components are
started one by one, since `airflow standalone` also opens its log servers to the network.

Not promised: more than one machine or high load; `docker-compose.yaml` has that shape.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx
import psutil

from local.airflow_secrets import USERS, secrets_of
from local.ports import HOST, free_port
from local.processes import Processes, ServicesError

ROOT = Path(__file__).resolve().parent.parent
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
_TAKEN = "address already in use"  # says its log
HEALTH = ("metadatabase", "scheduler", "triggerer", "dag_processor")
# Set here for every start; what the caller's shell has of these belongs to another Airflow.
FOREIGN = ("AIRFLOW", *(f"GOVERNANCE_{k}" for k in ("HOME", "DATABASE_URL", "CONFIG", "POLICY")))


@dataclass(frozen=True)
class Login:
    address: str
    user: str
    password: str


class AirflowServices:
    """Start, wait for and stop one Airflow whose state is in `home`."""

    def __init__(
        self, home: Path, *, dags: Path, plugins: Path, variables: Mapping[str, str]
    ) -> None:
        self.home = home
        self.dags = dags
        self.plugins = plugins
        self.variables = dict(variables)
        self.processes = Processes(home / "services.json")
        self._wished: int | None = None
        self._moves = False  # may it still go to another port? Once it was up, people know where

    # -- identity ---------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        try:
            return int((self.home / "port").read_text())
        except (OSError, ValueError):
            raise ServicesError("Airflow was not started here; run `make up`") from None

    @property
    def login(self) -> Login:
        return self.login_as("admin")

    def login_as(self, user: str) -> Login:
        """What one of ``USERS`` logs in with."""
        return Login(f"http://{HOST}:{self.port}", user, secrets_of(self.home)[user])

    def running(self) -> bool:
        """Are all four components up and healthy, and meant to stay?

        What a killed demo left is up as well, and is not.
        """
        complete = set(self.processes.alive()) == set(COMPONENTS)
        return complete and (self.home / "stays").exists() and not self.unhealthy()

    def unhealthy(self) -> list[str]:
        """Parts that do not yet report themselves healthy."""
        if not self._listens():  # whoever answers on that port is not ours
            return list(HEALTH)
        try:
            answer = httpx.get(
                f"http://{HOST}:{self.port}/api/v2/monitor/health", timeout=5, trust_env=False
            )
            health = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError, ServicesError):
            health = {}
        return [part for part in HEALTH if (health.get(part) or {}).get("status") != "healthy"]

    def _listens(self) -> bool:
        """Does our own API server hold the port?"""
        leader = self.processes.alive().get("api-server")
        if leader is None:
            return False
        try:
            sockets = psutil.Process(leader).net_connections("tcp")
        except psutil.Error:
            return False
        return any(s.status == psutil.CONN_LISTEN and s.laddr.port == self.port for s in sockets)

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """One starter at a time in this folder; the lock ends with the process that holds it."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ServicesError(
                    "another `make demo` or `make up` is at work here; wait for it, or end it"
                ) from None
            yield

    # -- life -------------------------------------------------------------------------------------

    def start(self, *, port: int | None = None, stays: bool = False) -> None:
        """Stop what a killed predecessor left, then start all components; does not wait.

        Args:
            port: the one to use; without, the first free one.
            stays: left running on purpose after the caller ends.
        """
        self.stop()
        self.home.mkdir(parents=True, exist_ok=True)
        if stays:
            (self.home / "stays").touch()
        self._choose_port(port)  # a wrong wish is refused before the long work
        self._prepare_database()
        self._wished, self._moves = port, port is None
        self._start_all()

    def _start_all(self) -> None:
        self._choose_port(self._wished)  # somebody may have taken it meanwhile
        for name in COMPONENTS:
            self._start_one(name)

    def _moved_on(self) -> bool:
        """Start anew where somebody took our port after it was chosen, and nobody wished for it."""
        if not self._moves or "api-server" not in self.processes.dead():
            return False
        if _TAKEN not in self.log("api-server").read_text(errors="replace"):
            return False
        self.processes.stop()
        self._start_all()
        return True

    def restart(self, component: str) -> Path:
        """Start one that died, after what its session left; gives where its log was put."""
        self.processes.stop(names=[component])
        kept = self.log(component).with_suffix(".died.log")
        self.log(component).replace(kept)
        self._start_one(component)
        return kept

    def _start_one(self, component: str) -> None:
        self.processes.start(
            component,
            [*_airflow(), *COMPONENTS[component]],
            env=self.environment(),
            log=self.log(component),
            cwd=self.home,
        )

    def _choose_port(self, wanted: int | None) -> None:
        (self.home / "port").write_text(f"{free_port(wanted)}\n")

    def wait(
        self, *, timeout: float = 180.0, tick: Callable[[list[str]], None] = lambda _: None
    ) -> None:
        """Until every part is healthy; `tick` is told what is still missing."""
        deadline = time.monotonic() + timeout
        while missing := self.unhealthy():
            tick(missing)
            if not self._moved_on():
                self.check_alive()
            if time.monotonic() > deadline:
                raise ServicesError(
                    f"Airflow is not healthy after {timeout:.0f} s, missing: {', '.join(missing)}; "
                    f"its logs are in {self.home / 'logs' / 'services'}"
                )
            time.sleep(0.25)
        self._moves = False

    def check_alive(self) -> None:
        """Raise with the end of its log if a component died."""
        if dead := self.processes.dead():
            log = self.log(dead[0])
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise ServicesError(f"Airflow's {dead[0]} ended; the end of {log}:\n{tail}")

    def stop(self) -> list[str]:
        """Stop whatever runs; gives the names of what ran."""
        (self.home / "stays").unlink(missing_ok=True)
        return self.processes.stop()

    def log(self, component: str) -> Path:
        return self.home / "logs" / "services" / f"{component}.log"

    # -- what Airflow is told ---------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """The environment of every component, and of the `airflow` command beside them."""
        known = secrets_of(self.home)
        base = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        unproxied = ",".join(filter(None, (os.environ.get("NO_PROXY"), HOST, "localhost")))
        address = f"http://{HOST}:{self.port}"
        return base | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "NO_PROXY": unproxied,
            "no_proxy": unproxied,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.plugins),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__FERNET_KEY": known["fernet_key"],
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(map(":".join, USERS.items())),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            # With another port and without this, tasks fail without a log.
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": address,
            "AIRFLOW__API__SECRET_KEY": known["api_secret"],
            "AIRFLOW__API_AUTH__JWT_SECRET": known["jwt_secret"],
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            # A pooled connection that met a lock may keep an old snapshot, and then writes no more.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_ENABLED": "False",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            **self.variables,
        }

    def _prepare_database(self) -> None:
        """Migrate once for each Airflow version; what a killed run left half-made is dropped."""
        done, database = self.home / "migrated", self.home / "airflow.db"
        wanted = version("apache-airflow-core")
        if done.exists() and database.exists() and done.read_text() == wanted:
            return
        if not done.exists():
            for leftover in self.home.glob("airflow.db*"):
                leftover.unlink()
        migrate = subprocess.run(
            [*_airflow(), "db", "migrate"],
            check=False,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        if migrate.returncode:
            tail = "\n".join((migrate.stdout + migrate.stderr).splitlines()[-15:])
            raise ServicesError(f"`airflow db migrate` failed; `make clean` starts afresh:\n{tail}")
        done.write_text(wanted)


def _airflow() -> list[str]:
    return [sys.executable, "-m", "airflow"]
