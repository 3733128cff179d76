"""Verdicts are kept by digest and libraries, so the same bytes are probed once."""

from __future__ import annotations

import contextlib
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from governance.errors import ProbeUnavailableError
from governance.registry import load_verdicts
from governance.registry.artifacts import OpenedArtifact
from governance.registry.load_verdicts import record_verdict, stored_verdict, verdict_for
from governance.registry.probe import ProbeResult, libraries
from governance.settings import Settings
from governance.store.database import Database
from tests.registry import lightgbm_models as models

DIGEST, OTHER = "a" * 64, "b" * 64
GOOD = ProbeResult(
    loadable=True, code="ok", reason="parsed", duration_ms=12.5, libraries=libraries()
)
BAD = replace(GOOD, loadable=False, code="crashed", reason="SIGSEGV 'quoted' \u20ac")


def record(database: Database, digest: str, result: ProbeResult) -> bool:
    with database.begin() as tx:
        return record_verdict(tx, digest, result)


def stored(database: Database, digest: str) -> ProbeResult | None:
    with database.read() as connection:
        return stored_verdict(connection, digest)


@pytest.mark.parametrize("result", [GOOD, BAD])
def test_a_verdict_is_kept_for_its_digest_alone(database: Database, result: ProbeResult) -> None:
    assert record(database, DIGEST, result)
    assert stored(database, DIGEST) == result
    assert stored(database, OTHER) is None


def test_after_an_upgrade_of_a_library_nothing_is_known(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(database, DIGEST, replace(GOOD, libraries="probe=1;python=3.11;lightgbm=4.6.0"))
    assert stored(database, DIGEST) is None
    record(database, DIGEST, BAD)
    assert stored(database, DIGEST) == BAD
    monkeypatch.setattr(load_verdicts, "libraries", lambda: "probe=1;python=3.11;lightgbm=4.6.0")
    found = stored(database, DIGEST)
    assert found is not None
    assert found.loadable


def test_a_repeated_probe_replaces_the_verdict(database: Database) -> None:
    record(database, DIGEST, BAD)
    record(database, DIGEST, GOOD)
    assert stored(database, DIGEST) == GOOD


@pytest.mark.parametrize(
    "code", ["timeout", "killed", "cpu_limit", "memory_limit", "unsafe_format"]
)
def test_what_says_more_about_the_machine_is_not_kept(database: Database, code: str) -> None:
    assert not record(database, DIGEST, replace(BAD, code=code))
    assert stored(database, DIGEST) is None


def test_probes_that_end_together_do_not_disturb_each_other(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: record(database, DIGEST, GOOD), range(16)))
    assert all(done)
    assert stored(database, DIGEST) == GOOD


def test_the_same_bytes_are_probed_once(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = OpenedArtifact(tmp_path, DIGEST, {"model.txt": models.text().encode()})
    settings = Settings.load(home=tmp_path)
    first = verdict_for(sqlite_database, opened, settings)
    assert first.loadable
    monkeypatch.setattr(sys, "executable", "/nowhere/python")  # no further probe can start
    assert verdict_for(sqlite_database, opened, settings) == first
    unknown = replace(opened, digest=OTHER)
    with pytest.raises(ProbeUnavailableError):
        verdict_for(sqlite_database, unknown, settings)
    assert stored(sqlite_database, OTHER) is None


def test_a_kept_verdict_does_not_outlive_the_permission(
    sqlite_database: Database, tmp_path: Path
) -> None:
    opened = OpenedArtifact(tmp_path, DIGEST, {"model.pkl": pickle.dumps([1])})
    allowed = Settings.load(home=tmp_path, allow_pickle=True)
    assert verdict_for(sqlite_database, opened, allowed).loadable
    refused = verdict_for(sqlite_database, opened, Settings.load(home=tmp_path, allow_pickle=False))
    assert (refused.loadable, refused.code) == (False, "unsafe_format")
    assert verdict_for(sqlite_database, opened, allowed).loadable


def test_a_limit_that_was_too_small_is_forgotten_when_it_is_raised(
    sqlite_database: Database, tmp_path: Path
) -> None:
    opened = OpenedArtifact(tmp_path, DIGEST, {"model.txt": models.text().encode()})
    tight = Settings.load(home=tmp_path).model_copy(update={"probe_memory_mib": 100})
    with contextlib.suppress(ProbeUnavailableError):  # too tight to begin, or to end
        assert not verdict_for(sqlite_database, opened, tight).loadable
    assert stored(sqlite_database, DIGEST) is None
    assert verdict_for(sqlite_database, opened, Settings.load(home=tmp_path)).loadable
