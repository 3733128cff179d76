"""Airflow's real API server in a process of its own, with our plugin, on a home with a world in it.

Its database is a copy of the one that the tests of DAGs use as well, made once for a run.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from governance import Governance
from tests.api.world import World, build

ROOT = Path(__file__).resolve().parents[2]
SECRET = "of these tests alone, and long enough for what signs with it " * 2
ISSUER = "https://airflow.example.invalid"
# Tests that import Airflow into their own process must not find somebody's; `tests/dags` has one.
if not Path(os.environ.get("AIRFLOW_HOME", "")).name.startswith("governance-airflow-"):
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="governance-plugin-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

Environment = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def airflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database of Airflow; by the name under which `tests/dags` has it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    template = shared / "airflow-template.db"
    with (shared / "airflow-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            home = tmp_path_factory.mktemp("migrating")
            migrate = [sys.executable, "-c", "from airflow.utils.db import initdb; initdb()"]
            subprocess.run(migrate, check=True, capture_output=True, env=environment(home))
            with sqlite3.connect(home / "airflow.db") as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            shutil.copy(home / "airflow.db", template)
    return template


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a process of an Airflow in ``home`` is told; nothing of the caller's own Airflow."""
    foreign = ("AIRFLOW", "GOVERNANCE_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_ENABLED": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__API__SECRET_KEY": "of the tests",
        "AIRFLOW__API_AUTH__JWT_SECRET": SECRET,
        "AIRFLOW__API_AUTH__JWT_ISSUER": ISSUER,
        "PYTHONPATH": str(ROOT),
        **more,
    }


@dataclass
class Server:
    """One running API server, and the home that it governs."""

    address: str
    airflow: Path
    home: Path
    gov: Governance
    world: World
    passwords: Mapping[str, str]
    tokens: dict[str, str] = field(default_factory=dict)

    @cached_property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60, trust_env=False)

    def token(self, user: str) -> str:
        """The token that Airflow gives for a password."""
        if user not in self.tokens:
            asked = {"username": user, "password": self.passwords[user]}
            answer = self.client.post("/auth/token", json=asked)
            assert answer.status_code == 201, answer.text
            self.tokens[user] = answer.json()["access_token"]
        return self.tokens[user]

    def ask(self, method: str, path: str, bearer: str | None = None, **given: Any) -> Any:
        """What our mount answers; a refusal is always a problem, nothing is ever a redirect."""
        headers = {**given.pop("headers", {})}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        answer = self.client.request(
            method, f"/governance{path}", headers=headers, follow_redirects=False, **given
        )
        assert not 300 <= answer.status_code < 400, answer.headers
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", answer.text
            assert answer.json()["status"] == answer.status_code
        assert answer.headers["x-content-type-options"] == "nosniff"
        return answer

    def as_user(self, user: str, method: str, path: str, **given: Any) -> Any:
        return self.ask(method, f"/api/v1{path}", self.token(user), **given)

    def declare(self, text: str) -> None:
        """A new `governance.yaml`."""
        draft = self.home / "draft.yaml"
        draft.write_text(text)
        draft.replace(self.home / "governance.yaml")


@contextmanager
def serving(
    folder: Path,
    template: Path,
    people: Mapping[str, Any],
    passwords: Mapping[str, str],
    **variables: str,
) -> Iterator[Server]:
    """Start it, and end it as Airflow is ended."""
    airflow, home = folder / "airflow", folder / "governance"
    (airflow / "dags").mkdir(parents=True)
    home.mkdir()
    shutil.copy(template, airflow / "airflow.db")
    (airflow / "passwords.json").write_text(json.dumps(passwords))
    (home / "governance.yaml").write_text("models: {}\n")
    url = f"sqlite:///{home / 'governance.db'}"
    told = {
        "GOVERNANCE_HOME": str(home),
        "GOVERNANCE_CONFIG": str(home / "governance.yaml"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(airflow / "passwords.json"),
        **variables,
    }
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        Governance.open(database=url, home=home) as gov,
    ):
        world = build(gov)
        log = folder / "server.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                [
                    sys.executable,
                    str(Path(__file__).with_name("airflow_server.py")),
                    str(listening.fileno()),
                    json.dumps(people),
                ],
                env=environment(airflow, **told),
                cwd=folder,
                pass_fds=[listening.fileno()],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.close()  # an API server that dies refuses, and nobody waits for it
        server = Server(address, airflow, home, gov, world, passwords)
        try:
            yield server
        except httpx.TransportError as error:
            raise AssertionError(log.read_text()[-4000:]) from error
        finally:
            server.client.close()
            process.terminate()
            process.wait(60)


def signed(**claims: Any) -> str:
    """A token as the simple auth manager signs it, but for what is given."""
    good = {
        "sub": "boss",
        "role": "admin",
        "iss": ISSUER,
        "aud": "apache-airflow",
        "iat": 1,
        "nbf": 1,
        "exp": 4_000_000_000,
    }
    key, algorithm = claims.pop("key", SECRET), claims.pop("algorithm", "HS512")
    kept = {name: value for name, value in (good | claims).items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm)
