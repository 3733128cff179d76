"""A worker that is killed: it registers, promotes and rolls back until its process ends.

What it is about to do and what it was told are lines of a file, written before and after each call;
they survive the process. ``repeat`` makes a call again from its line, as a retried task does.

Workers are forked by a spawner that was forked before the test opened any database, so that no
connection crosses a fork.
"""

from __future__ import annotations

import json
import os
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Self

from governance import Governance
from governance.errors import GovernanceError
from governance.values import ModelVersion
from tests.decisions import eligible
from tests.model_bytes import model_bytes
from tests.versions import NAME

PATIENCE = 120  # seconds until a worker that hangs is ended
Line = dict[str, Any]


def work(open_gov: Callable[[], Governance], diary: Path, seed: int) -> None:
    """Call after call, at random; never returns."""
    random = Random(seed)
    descriptor = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(line: Line) -> None:
        line["at"] = time.monotonic_ns()
        os.write(descriptor, json.dumps(line).encode() + b"\n")

    with open_gov() as gov:
        number = 0
        while True:
            call = _next_call(gov, random, f"{seed}:{number}")
            number += 1
            write({"about": call})
            try:
                told = repeat(gov, call)
            except GovernanceError as error:
                told = {"refused": error.code, "generation": getattr(error, "generation", None)}
            write({"key": call["key"], "told": told})
            gov.files.catch_up()


def repeat(gov: Governance, call: Line) -> Line:
    """Make the call; what it acknowledged."""
    if call["do"] == "register":
        path = gov.settings.home.parent / f"given-{os.getpid()}.txt"
        path.write_bytes(model_bytes(call["bytes"]))
        version = gov.registry.register_model(
            NAME, model_path=path, model_type="lightgbm", created_by="ann"
        )
        _make_ready(gov, version)
        return {"version": version.id}
    if call["do"] == "promote":
        decision = gov.promotion.promote_to_production(
            call["version"],
            by="eve",
            force=call["force"],
            reason="it is better",
            idempotency_key=call["key"],
        )
    else:
        decision = gov.promotion.rollback_model(
            NAME,
            to_version=call["version"],
            by="max",
            reason="it is worse",
            idempotency_key=call["key"],
        )
    return {
        "version": decision.version_id,
        "generation": decision.generation,
        "decision": decision.id,
    }


def _make_ready(gov: Governance, version: ModelVersion) -> None:
    eligible.probed(gov, version)
    for before, after in (("trained", "validated"), ("validated", "staging")):
        if gov.registry.resolve(version).stage == before:
            gov.registry.transition(version, after, "ann", "trial")


def _next_call(gov: Governance, random: Random, key: str) -> Line:
    ready = gov.registry.list_models(NAME, stage="staging", limit=5)
    what = random.choice(["promote", "promote", "back", "back to", "register"])
    if what == "promote" and ready:
        version = random.choice(ready).id
        return {"do": "promote", "key": key, "version": version, "force": random.random() < 0.2}
    retired = gov.registry.list_models(NAME, stage="retired", limit=20)
    if what == "back" and retired:
        return {"do": "back", "key": key, "version": None}
    if what == "back to" and retired:
        return {"do": "back", "key": key, "version": random.choice(retired).id}
    return {"do": "register", "key": key, "bytes": int(key.replace(":", "0")) + 1}


class Spawner:
    """A process without connections that forks workers; make it before any database is opened."""

    def __init__(self, run: Callable[[int], None]) -> None:
        ask, self._ask = os.pipe()
        self._answer, answer = os.pipe()
        with warnings.catch_warnings():  # the runner has a thread; the workers do not need it
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            os.close(self._ask)
            os.close(self._answer)
            try:
                _spawn(ask, answer, run)
            finally:
                os._exit(0)
        os.close(ask)
        os.close(answer)
        self._worker = 0
        self._lines = os.fdopen(self._answer, "r")

    def start(self, seed: int) -> int:
        """Fork a worker; its process id."""
        os.write(self._ask, f"{seed}\n".encode())
        self._worker = int(self._lines.readline())
        return self._worker

    def kill(self) -> int:
        """End the worker as a lost machine would; its wait status."""
        os.kill(self._worker, signal.SIGKILL)
        return self.wait()

    def wait(self) -> int:
        """Let the worker come to its end; its wait status."""
        self._worker = 0
        return int(self._lines.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._worker:
            self.kill()
        os.close(self._ask)
        self._lines.close()
        os.waitpid(self._pid, 0)


def _spawn(ask: int, answer: int, run: Callable[[int], None]) -> None:
    with os.fdopen(ask, "r") as seeds:
        while seed := seeds.readline():
            worker = os.fork()
            if worker == 0:
                status = 1
                try:
                    signal.alarm(PATIENCE)
                    run(int(seed))
                    status = 0
                finally:
                    os._exit(status)
            os.write(answer, f"{worker}\n".encode())
            os.write(answer, f"{os.waitpid(worker, 0)[1]}\n".encode())
