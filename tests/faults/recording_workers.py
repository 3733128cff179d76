"""Processes that promote, roll back and look at one model at once, and record what they are told.

A call that cannot say whether it was carried out (the database is away) is made again with its key
until it can: in the record it is one call. Everything else that is no answer and no refusal is
recorded as ``escaped`` and ends the process.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from governance import Governance
from governance.errors import ConflictError, DatabaseUnavailableError, StaleGenerationError
from governance.history.activations import activation_at, generation
from tests.faults.killed_worker import Spawner, repeat
from tests.faults.recorded_history import Call
from tests.versions import NAME

T = TypeVar("T")
Open = Callable[[], Governance]


class Workers:
    """Make them before the database is opened; they begin when they are told."""

    def __init__(self, open_gov: Open, place: Path, count: int) -> None:
        self._place = place
        place.mkdir()
        self._spawners = [
            Spawner(lambda seed: _take_part(open_gov, place, seed)) for _ in range(count)
        ]

    @contextmanager
    def at_work(self, seed: int) -> Iterator[None]:
        """They work until the end of the block, and finish the call that they are at."""
        with ExitStack() as stack:
            for number, spawner in enumerate(self._spawners):
                stack.enter_context(spawner)
                spawner.start(seed + number)
            yield
            (self._place / "stop").touch()
            statuses = [spawner.wait() for spawner in self._spawners]
            assert statuses == [0] * len(statuses), self.escaped()

    def calls(self) -> list[Call]:
        """All that was recorded so far."""
        return [Call(**line["call"]) for line in self._lines() if "call" in line]

    def refused(self) -> list[str]:
        """Codes of refusals, and of answers that had to be waited for."""
        return [line["refused"] for line in self._lines() if "refused" in line]

    def escaped(self) -> list[str]:
        return [line["escaped"] for line in self._lines() if "escaped" in line]

    def _lines(self) -> Iterator[dict[str, Any]]:
        for diary in sorted(self._place.glob("diary-*")):
            whole = diary.read_bytes().rpartition(b"\n")[0]
            yield from map(json.loads, whole.splitlines())


class _Diary:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, **line: Any) -> None:
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")

    def settled(self, ask: Callable[[], T]) -> T:
        """What it answers once the database can be asked."""
        while True:
            try:
                return ask()
            except DatabaseUnavailableError as error:
                self.write(refused=error.code)
                time.sleep(0.02)

    def record(self, begin: int, **told: Any) -> None:
        self.write(call={"begin": begin, "end": time.monotonic_ns(), **told})


def _take_part(open_gov: Open, place: Path, seed: int) -> None:
    random, diary = Random(seed), _Diary(place / f"diary-{seed}")
    try:
        with diary.settled(open_gov) as gov:
            number = 0
            while not (place / "stop").exists():
                number += 1
                _act(gov, random, diary, seed=seed * 10_000 + number)
    except BaseException as error:
        diary.write(escaped=repr(error))
        raise


def look(gov: Governance) -> tuple[int, str | None]:
    """Generation and version in production, of one snapshot."""
    with gov.database.read() as connection:
        found = activation_at(connection, NAME)
        stands = generation(connection, NAME)
    assert stands == (found.generation if found else 0), "the head is not the last activation"
    return stands, found.version_id if found else None


def _act(gov: Governance, random: Random, diary: _Diary, *, seed: int) -> None:
    what = random.choice(["promote", "promote", "back", "back to", "look"])
    made = {"do": "register", "bytes": seed}
    version = diary.settled(lambda: repeat(gov, made))["version"] if what == "promote" else None
    begin = time.monotonic_ns()
    stands, live = diary.settled(lambda: look(gov))
    diary.record(begin, generation=stands, version=live)
    if what == "look":
        return
    expected = stands if random.random() < 0.8 else None
    retired = diary.settled(lambda: gov.registry.list_models(NAME, stage="retired", limit=10))
    to_version = random.choice(retired).id if what == "back to" and retired else None

    def call() -> Any:
        if version is not None:
            return gov.promotion.promote_to_production(
                version, by="eve", idempotency_key=f"key-{seed}", expected_generation=expected
            )
        return gov.promotion.rollback_model(
            NAME,
            to_version=to_version,
            by="max",
            reason="it is worse",
            idempotency_key=f"key-{seed}",
            expected_generation=expected,
        )

    begin = time.monotonic_ns()
    try:
        done = diary.settled(call)
    except StaleGenerationError as stale:
        diary.record(begin, generation=stale.generation, expected=expected)
    except ConflictError as refused:
        diary.record(begin, generation=None)
        diary.write(refused=refused.code)
    else:
        diary.record(
            begin,
            generation=done.generation,
            decision=done.id,
            version=done.version_id,
            expected=expected,
        )
