"""The management API and the predictions of this checkout, each a process beside Airflow.

`make up` leaves them running, with a token in a file that only its owner can read; the demo's last
scene starts them for itself. What was started is on record in a file of Airflow's folder, so that
`make down` finds it. They listen on 127.0.0.1 alone.

Not promised: starting again what died; a proxy with TLS, which belongs before a server that others
reach.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import httpx

from governance.errors import UnauthenticatedError
from governance.wiring import Governance
from local.airflow_services import FOREIGN
from local.ports import HOST, free_port
from local.processes import Processes, ServicesError

# Name, command, and the first port that is tried: the one that the command takes by itself.
COMMANDS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "governance-api": (("api", "serve"), 8700),
    "governance-serve": (("serve",), 8701),
}
TOKEN_DAYS = 30


class Servers:
    """
    Args:
        folder: where their record, addresses, logs and token are.
        variables: what tells them their home and files.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.variables = dict(variables)
        self.processes = Processes(folder / "servers.json")

    @property
    def api(self) -> str:
        """Address of the management API, without a path."""
        return self._address("governance-api")

    @property
    def serving(self) -> str:
        """Address of the predictions, without a path."""
        return self._address("governance-serve")

    def _address(self, name: str) -> str:
        try:
            port = int(json.loads(self._ports.read_text())[name])
        except (OSError, ValueError, KeyError, TypeError):
            raise ServicesError("the servers were not started here; run `make up`") from None
        return f"http://{HOST}:{port}"

    @property
    def _ports(self) -> Path:
        return self.folder / "server_ports.json"

    def running(self) -> bool:
        return set(self.processes.alive()) == set(COMMANDS) and not self.missing()

    def start(self) -> None:
        """Start both on their own ports, or on the next free ones; does not wait."""
        self.processes.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        ports: dict[str, int] = {}
        for name, (_, first) in COMMANDS.items():
            ports[name] = free_port(first=max([first, *(port + 1 for port in ports.values())]))
        self._ports.write_text(json.dumps(ports))
        base = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        for name, (words, _) in COMMANDS.items():
            self.processes.start(
                name,
                [sys.executable, "-m", "governance.cli", *words, "--port", str(ports[name])],
                env={**base, **self.variables},
                log=self.log(name),
                cwd=self.folder,
            )

    def wait(self, *, timeout: float = 60.0, alive: Callable[[], None] = lambda: None) -> None:
        """Until both say that they are ready.

        Raises:
            ServicesError: one died, or time is over.
        """
        deadline = time.monotonic() + timeout
        while missing := self.missing():
            alive()
            if dead := self.processes.dead():
                tail = "\n".join(self.log(dead[0]).read_text(errors="replace").splitlines()[-15:])
                raise ServicesError(f"{dead[0]} ended; the end of {self.log(dead[0])}:\n{tail}")
            if time.monotonic() > deadline:
                raise ServicesError(
                    f"not ready after {timeout:.0f} s: {', '.join(missing)}; the logs are in "
                    f"{self.log(missing[0]).parent}"
                )
            time.sleep(0.1)

    def missing(self) -> list[str]:
        """Those that are not ready."""
        found = []
        for name in COMMANDS:
            try:
                answer = httpx.get(
                    f"{self._address(name)}/api/v1/health/ready", timeout=5, trust_env=False
                )
                ready = answer.is_success
            except (httpx.HTTPError, ServicesError):
                ready = False
            if not ready:
                found.append(name)
        return found

    def stop(self) -> list[str]:
        """Stop both; gives the names of what ran."""
        return self.processes.stop()

    def log(self, name: str) -> Path:
        return self.folder / "logs" / "services" / f"{name}.log"

    # -- the token of `make up` -------------------------------------------------------------------

    @property
    def token_file(self) -> Path:
        return self.folder / "api-token"

    def token(self, gov: Governance) -> Path:
        """The file with an admin's token; made anew where there is none that still counts."""
        file = self.token_file
        try:
            gov.access.tokens.authenticate(file.read_text().strip())
        except (OSError, UnauthenticatedError):
            secret, _ = gov.access.tokens.create(
                "admin",
                role="admin",
                models="*",
                expires_in=timedelta(days=TOKEN_DAYS),
                by="make up",
            )
            draft = file.with_suffix(".new")
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as to:
                to.write(f"{secret}\n")
            draft.replace(file)
        return file
