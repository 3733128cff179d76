"""F1: SIGKILL at random moments of register, promote and roll back, again and again.

GOVERNANCE_FAULTS=full kills 1,000 times on each database, ``make test`` a sample. While a worker
lives, its database is looked at all the time: never two versions in production, and, once there
was one, never none. After each kill: what was acknowledged is there, the call that was under way
is made again with its key and is one result, each generation is there once, every file of JSON can
be read. Now and then, and at the end: the audit chain verifies, and after ``reconcile`` the
manifests say what the database says. At the end the record of all calls and looks is held against
the checker of histories (F6).
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from governance import Governance
from governance.errors import GovernanceError
from governance.store.database import Database
from governance.store.schema import activations, decisions, model_registry
from tests.decisions import eligible
from tests.faults.killed_worker import Line, Spawner, repeat, work
from tests.faults.recorded_history import Call, stored_switches, violations
from tests.versions import NAME

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
KILLS = 1000 if FULL else 24
THOROUGH = 50 if FULL else 12  # kills between two readings of everything
SEED = int(os.environ.get("GOVERNANCE_SEED", "20130208"))

Open = Callable[[], Governance]


@pytest.fixture
def open_gov(database_url: str, tmp_path: Path) -> Open:
    """Opens the same installation again and again."""
    return lambda: Governance.open(database=database_url, home=tmp_path / "home")


def test_nothing_acknowledged_is_lost_and_production_is_always_one_version(
    open_gov: Open, tmp_path: Path
) -> None:
    print(f"GOVERNANCE_SEED={SEED}")
    diary = tmp_path / "diary"
    with Spawner(lambda seed: work(open_gov, diary, seed)) as spawner, open_gov() as gov:
        eligible.policy(gov)
        seen = _Seen(gov, diary)
        random = Random(SEED)
        for number in range(KILLS):
            spawner.start(SEED + number)
            _watch(gov.database, seen, lines=random.choice([1, 3, 3, 4, 5]))
            if number % 2:  # at any moment
                _watch(gov.database, seen, seconds=random.uniform(0, 0.03))
            else:  # as soon as a switch can be seen: most likely, before it is acknowledged
                _watch(gov.database, seen, seconds=0.5, until_a_switch=True)
            status = spawner.kill()
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            seen.after_a_kill()
            if number % THOROUGH == THOROUGH - 1:
                _everything_is_right(gov)
        _everything_is_right(gov)
        assert violations(seen.calls, stored_switches(gov, NAME)) == []
    print(seen.acknowledged, seen.unknown, seen.looks)
    assert seen.acknowledged > KILLS / 2 and seen.looks > KILLS
    if FULL:
        assert seen.unknown["nothing"], "kills fell before the commit"
        assert seen.unknown["activation"], "and between the commit and the answer"


def _watch(
    database: Database,
    seen: _Seen,
    *,
    lines: int = 0,
    seconds: float = 0.0,
    until_a_switch: bool = False,
) -> None:
    """Two, or none any more, is never to be seen, while the worker writes so much or so long."""
    count = select(func.count()).where(model_registry.c.stage == "production")
    once = select(func.count()).select_from(activations)
    end = time.monotonic() + seconds
    before: int | None = None
    while seen.new_lines() < lines if lines else time.monotonic() < end:
        begin = time.monotonic_ns()
        with database.read() as connection:
            found, ever = connection.scalar(count), connection.scalar(once)
        seen.calls.append(Call(begin=begin, end=time.monotonic_ns(), generation=ever))
        assert found == (1 if ever else 0)
        seen.looks += 1
        if until_a_switch:
            if before is not None and ever != before:
                return
            before = ever
        else:
            time.sleep(0.001)  # two cores: looking must not keep the worker from working


class _Seen:
    """What the diary says, held against the database."""

    def __init__(self, gov: Governance, diary: Path) -> None:
        self._gov = gov
        self._diary = diary
        self._read = 0
        self._generations: dict[int, str] = {}
        self.calls: list[Call] = []
        self.acknowledged = self.looks = 0
        self.unknown = {"activation": 0, "nothing": 0}
        diary.touch()

    def new_lines(self) -> int:
        """Lines that were written since the last kill."""
        return self._unread().count(b"\n")

    def after_a_kill(self) -> None:
        lines = self._lines()
        under_way: Line | None = None
        begin = 0
        for line in lines:
            if "about" in line:
                under_way, begin = line["about"], line["at"]
                continue
            under_way = None
            self._was_kept(line["told"])
            self._record(begin, line["at"], line["told"])
        self._watch_files()
        if under_way is not None:
            told = self._settle(under_way)
            self._record(begin, time.monotonic_ns(), told)
        self._generations_are_one_line()

    def _record(self, begin: int, end: int, told: Line) -> None:
        generation, decision = told.get("generation"), told.get("decision")
        self.calls.append(
            Call(
                begin=begin,
                end=end,
                generation=generation,
                decision=decision,
                version=told["version"] if decision else None,
            )
        )

    def _unread(self) -> bytes:
        with self._diary.open("rb") as file:
            file.seek(self._read)
            return file.read()

    def _lines(self) -> list[Line]:
        data = self._unread()
        self._read += len(data)
        return [json.loads(line) for line in data.splitlines()]

    def _was_kept(self, told: Line) -> None:
        if "refused" in told:
            return
        self.acknowledged += 1
        with self._gov.database.read() as connection:
            if "decision" not in told:
                query = select(func.count()).where(model_registry.c.id == told["version"])
                assert connection.scalar(query) == 1
                return
            row = connection.execute(
                select(activations, decisions.c.version_id.label("decided"))
                .join(decisions, decisions.c.id == activations.c.decision_id)
                .where(activations.c.decision_id == told["decision"])
            ).one()
        assert (row.generation, row.version_id) == (told["generation"], told["version"])
        assert row.decided == told["version"]
        assert self._generations.setdefault(row.generation, told["decision"]) == told["decision"]

    def _settle(self, call: Line) -> Line:
        """The same call with the same key: one result, whether or not it was done before."""
        before = self._decisions()
        outcomes = [_outcome(self._gov, call) for _ in range(2)]
        assert outcomes[0] == outcomes[1] or "refused" in outcomes[0]
        if "decision" in outcomes[0]:
            self.unknown["activation" if outcomes[0]["decision"] in before else "nothing"] += 1
            self._was_kept(outcomes[0])
        return outcomes[0]

    def _decisions(self) -> set[str]:
        with self._gov.database.read() as connection:
            return set(connection.scalars(select(activations.c.decision_id)))

    def _generations_are_one_line(self) -> None:
        with self._gov.database.read() as connection:
            found = list(
                connection.scalars(
                    select(activations.c.generation).order_by(activations.c.generation)
                )
            )
            live = connection.scalars(
                select(model_registry.c.id).where(model_registry.c.stage == "production")
            ).all()
            last = connection.scalar(
                select(activations.c.version_id).order_by(activations.c.generation.desc()).limit(1)
            )
        assert found == [*range(1, len(found) + 1)]
        assert list(live) == ([last] if last else [])

    def _watch_files(self) -> None:
        """Whatever was killed while it wrote: each file is whole, the old one or the new."""
        home = self._gov.settings.home
        for path in [*home.glob("active/*/*.json"), *home.glob("models/registry_index.json")]:
            json.loads(path.read_bytes())


def _outcome(gov: Governance, call: Line) -> Line:
    try:
        return repeat(gov, call)
    except GovernanceError as error:
        return {"refused": error.code}


def _everything_is_right(gov: Governance) -> None:
    assert gov.audit.verify()
    gov.files.reconcile()
    assert gov.files.reconcile(dry_run=True).mended == ()
    champion = gov.registry.get_production_model(NAME)
    path = gov.settings.home / "active" / NAME / "manifest_active.json"
    if champion is None:
        assert not path.exists()
        return
    said: dict[str, Any] = json.loads(path.read_bytes())
    assert (said["version_id"], said["digest"]) == (champion.id, champion.digest)
    assert said["generation"] == gov.registry.generation(NAME)
