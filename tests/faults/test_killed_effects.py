"""Effects under SIGKILL and races: files are derived, so they end equal to the database.

A forked process promotes and renders in a loop and says each generation that it was promised; it is
killed at a random moment, again and again. Meanwhile the manifests always parse, and the link leads
to an artifact. `make test` runs a sample, GOVERNANCE_FAULTS=full more.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from governance import Governance
from governance.effects.active_models.manifests import ACTIVE, FILE_NAMES
from governance.effects.active_models.place import ActivePlace
from governance.effects.registry_index import read_index
from governance.errors import ConflictError
from tests.versions import NAME, champion, validated

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
KILLS = 200 if FULL else 8
SEED = int(os.environ.get("GOVERNANCE_SEED", "4"))
PATIENCE = 120  # seconds until a child that hangs is ended, which fails the test

Open = Callable[[], Governance]


@pytest.fixture
def open_gov(database_url: str, tmp_path: Path) -> Open:
    """Opens the same installation again and again, so that no connection crosses a fork."""
    return lambda: Governance.open(database=database_url, home=tmp_path / "home")


@dataclass(frozen=True, slots=True)
class Child:
    """A process that makes one version after the other the champion, and says each generation."""

    process: int
    said: int

    @classmethod
    def started(cls, open_gov: Open, ids: list[str]) -> Child:
        reader, writer = os.pipe()
        with warnings.catch_warnings():  # the runner has a thread; the child does not need it
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                signal.alarm(PATIENCE)
                with open_gov() as gov:
                    for number in range(10**6):
                        _promote(gov, ids[number % len(ids)], writer)
                        gov.files.catch_up()
            finally:
                os._exit(1)
        os.close(writer)
        return cls(child, reader)

    def first(self) -> None:
        """Wait until it has said something."""
        assert os.read(self.said, 1), "the child ended by itself"

    def killed(self) -> list[int]:
        """End it; the generations that it was promised."""
        os.kill(self.process, signal.SIGKILL)
        status = os.waitpid(self.process, 0)[1]
        assert os.WIFSIGNALED(status), "the child ended by itself"
        with open(self.said) as rest:
            return [int(number) for number in re.findall(r"\d+(?=\n)", rest.read())]


def _promote(gov: Governance, version_id: str, writer: int) -> None:
    version = gov.registry.resolve(version_id)
    with suppress(ConflictError):  # another process was quicker
        if version.stage == "retired":
            done = gov.promotion.rollback_model(
                NAME, to_version=version.version, by="eve", reason="F1 of effects"
            )
        elif version.stage != "production":
            done = gov.promotion.promote_to_production(
                version, by="eve", force=True, reason="F1 of effects"
            )
        else:
            return
        os.write(writer, f". {done.generation}\n".encode())


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _as_the_database(gov: Governance) -> None:
    """Link, manifests and index say what the database says."""
    here = ActivePlace(gov.settings.home, NAME)
    live = gov.registry.get_production_model(NAME)
    assert live is not None
    active = _read(here.folder / ACTIVE)
    assert (active["version_id"], active["digest"]) == (live.id, live.digest)
    assert active["generation"] == gov.registry.generation(NAME)
    assert os.readlink(here.link) == f"../{live.artifact_path}"
    statuses = {key: one["status"] for key, one in read_index(gov.settings.home)["models"].items()}
    assert statuses == {one.id: one.stage.value for one in gov.registry.list_models(limit=1000)}


def _prepared(gov: Governance) -> list[str]:
    """Versions whose load was probed, so that a rollback to them asks no child process."""
    ids = [validated(gov, seed).id for seed in range(4)]
    champion(gov, 9)
    for version_id in ids:
        gov.promotion.promote_to_production(version_id, by="eve", force=True, reason="once")
    for version_id in ids[:-1]:
        version = gov.registry.resolve(version_id)
        gov.promotion.rollback_model(NAME, to_version=version.version, by="eve", reason="probed")
    gov.files.catch_up()
    return ids


def test_killed_anywhere_the_files_parse_and_are_mended(open_gov: Open) -> None:
    chance = random.Random(SEED)
    with open_gov() as gov:
        ids = _prepared(gov)
        here = ActivePlace(gov.settings.home, NAME)
    promised = 0
    for number in range(KILLS):
        child = Child.started(open_gov, ids)
        child.first()
        until = time.monotonic() + chance.uniform(0, 0.25)
        while time.monotonic() < until:
            for name in FILE_NAMES:
                _read(here.folder / name)
            assert "meta.json" in os.listdir(here.link)
        promised = max([promised, *child.killed()])
        for name in FILE_NAMES:
            _read(here.folder / name)
        with open_gov() as gov:
            assert gov.registry.generation(NAME) >= promised, f"seed {SEED}, kill {number}"
            gov.files.catch_up()
            _as_the_database(gov)
    with open_gov() as gov:
        mended = gov.files.reconcile().mended
        assert {Path(name).suffix for name in mended} <= {".tmp"}, "only names of the killed"
        _as_the_database(gov)
        assert gov.files.reconcile().mended == ()
        assert gov.audit.verify()


def test_two_processes_at_once_never_go_back(open_gov: Open) -> None:
    """Both render what both decide; an older manifest never replaces a newer one."""
    with open_gov() as gov:
        ids = _prepared(gov)
        here = ActivePlace(gov.settings.home, NAME)
        began = seen = gov.registry.generation(NAME)
    children = [Child.started(open_gov, part) for part in (ids[:2], ids[2:])]
    for child in children:
        child.first()
    for _ in range(2000 if FULL else 60):
        generation = _read(here.folder / ACTIVE)["generation"]
        assert generation >= seen, "an older manifest replaced a newer one"
        seen = generation
        time.sleep(0.001)  # lets them write; nothing is measured by it
    promised = [max(child.killed(), default=0) for child in children]
    with open_gov() as gov:
        assert gov.registry.generation(NAME) >= max(promised)
        gov.files.catch_up()
        _as_the_database(gov)
        assert gov.registry.generation(NAME) > began
