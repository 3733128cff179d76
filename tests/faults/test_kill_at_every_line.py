"""F2: SIGKILL at every Python line of a call, then the same call again: one result, whole.

A forked child makes the call under a trace and kills itself at line N of this package; the parent
looks at what is left and repeats the call. `make test` takes a sample of the lines (another one for
each database), GOVERNANCE_FAULTS=full takes all.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import governance
from governance import Governance
from governance.registry.clean_up import collect_garbage
from governance.values import ModelVersion, Stage
from tests.versions import NAME, registered, validated

PACKAGE = str(Path(governance.__file__).parent)
FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
SAMPLE = 24  # kill points of one test in `make test`
PATIENCE = 120  # seconds until a child that hangs is ended, which fails the test

Open = Callable[[], Governance]


@pytest.fixture
def open_gov(database_url: str, tmp_path: Path) -> Open:
    """Opens the same installation again and again, so that no connection crosses a fork."""
    return lambda: Governance.open(database=database_url, home=tmp_path / "home")


def _lines_until(call: Callable[[], object], *, kill_at: int | None) -> int:
    """Make the call; end this process at line `kill_at` of the package, or count the lines."""
    seen = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal seen
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
    return seen


def _in_a_child(work: Callable[[], object]) -> int:
    """The wait status of a forked process that does `work` and nothing after it."""
    with warnings.catch_warnings():  # the runner has a thread; the child does not need it
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(PATIENCE)
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def _killed(open_gov: Open, call: Callable[[Governance], object], line: int) -> bool:
    """Whether the child died at this line; `False` if the call has fewer lines."""

    def work() -> None:
        with open_gov() as gov:
            _lines_until(lambda: call(gov), kill_at=line)

    status = _in_a_child(work)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the call failed by itself"
    return False


def _lines(open_gov: Open, call: Callable[[Governance], object]) -> int:
    """How many lines the call has in a child like the ones that will be killed."""
    reader, writer = os.pipe()

    def work() -> None:
        with open_gov() as gov:
            os.write(writer, str(_lines_until(lambda: call(gov), kill_at=None)).encode())

    assert _in_a_child(work) == 0
    os.close(writer)
    with open(reader) as answer:
        return int(answer.read())


def _kill_points(lines: int, offset: int) -> Iterator[int]:
    """All lines, or a sample that always has the first and the last ones."""
    if FULL:
        yield from range(1, lines + 1)
        return
    stride = max(1, lines // SAMPLE)
    yield from sorted({1, lines - 1, lines, *range(1 + offset % stride, lines, stride)})


def _offset(gov: Governance) -> int:
    return 0 if gov.database.dialect == "sqlite" else 7


def test_a_registration_killed_anywhere_is_one_version_after_the_same_call(
    open_gov: Open,
) -> None:
    with open_gov() as gov:
        registered(gov, -1, tags=["a"])  # the first of a model takes fewer lines
        offset = _offset(gov)
    lines = _lines(open_gov, lambda gov: registered(gov, 0, tags=["a"]))
    assert lines > 200, "the trace sees the package"
    whole = orphans = 0
    points = list(_kill_points(lines, offset))
    for line in points:

        def call(gov: Governance, seed: int = line) -> ModelVersion:
            return registered(gov, seed, tags=["a"])

        assert _killed(open_gov, call, line), f"line {line} of {lines}"
        with open_gov() as gov:
            left = _count(gov)
            version = call(gov)
            whole, orphans = whole + (not version.created), orphans + version.created
            assert _count(gov) == left + version.created
    assert whole and orphans, "kills fell before and after the commit"
    with open_gov() as gov:
        _everything_is_whole(gov, len(points) + 2)


def _count(gov: Governance) -> int:
    return int(gov.registry.get_model_performance_summary()["total_models"])


def _all_versions(gov: Governance) -> list[ModelVersion]:
    page = gov.registry.list_models(tag="a", limit=1000)
    found = list(page)
    while page.next_cursor:
        page = gov.registry.list_models(tag="a", limit=1000, cursor=page.next_cursor)
        found += page
    return found


def _everything_is_whole(gov: Governance, count: int) -> None:
    versions = _all_versions(gov)
    assert len(versions) == len({v.digest for v in versions}) == count
    for version in versions:
        assert gov.artifacts.digest(version.artifact_path) == version.digest
    entries = [
        entry.version_id
        for after in range(0, gov.audit.verify().entries, 1000)
        for entry in gov.audit.entries(action="version.registered", after=after, limit=1000)
        if entry.seq <= after + 1000
    ]
    assert sorted(entries) == sorted(version.id for version in versions)
    collect_garbage(gov.database, gov.artifacts, older_than=timedelta(seconds=-5))
    assert set(gov.artifacts.iter_folders()) == {version.artifact_path for version in versions}
    assert list((gov.settings.home / "staging" / "artifacts").iterdir()) == []
    for version in versions:
        assert gov.artifacts.digest(version.artifact_path) == version.digest


def test_a_promotion_killed_anywhere_is_one_activation_after_the_same_call(
    open_gov: Open,
) -> None:
    def promote(gov: Governance, version: ModelVersion) -> Any:
        return gov.promotion.promote_to_production(
            version, by="eve", force=True, reason="F2", idempotency_key=f"key-{version.id}"
        )

    with open_gov() as gov:
        promote(gov, validated(gov, -1))  # the first of a model retires nobody
        first = validated(gov, 0)
        offset = _offset(gov)
    lines = _lines(open_gov, lambda gov: promote(gov, first))
    generation = 2
    outcomes = set()
    for line in _kill_points(lines, offset):
        with open_gov() as gov:
            version = validated(gov, line)

        def call(gov: Governance, version: ModelVersion = version) -> Any:
            return promote(gov, version)

        assert _killed(open_gov, call, line), f"line {line} of {lines}"
        with open_gov() as gov:
            stands = gov.registry.generation(NAME)
            assert stands in (generation, generation + 1)
            live = gov.registry.get_production_model(NAME)
            assert live is not None
            assert (live.id == version.id) == (stands == generation + 1)
            outcomes.add(stands - generation)
            generation += 1
            assert call(gov).generation == generation
            assert gov.registry.generation(NAME) == generation
            assert gov.registry.resolve(version).stage is Stage.PRODUCTION
            assert len(gov.registry.list_models(stage="production")) == 1
    assert outcomes == {0, 1}, "kills fell before and after the commit"
    with open_gov() as gov:
        rows = gov.promotion.history(NAME)
        assert [row["generation"] for row in rows] == list(range(1, generation + 1))
        assert gov.audit.verify()


def test_files_killed_anywhere_are_right_after_the_next_catch_up(open_gov: Open) -> None:
    def catch_up(gov: Governance) -> int:
        return gov.files.catch_up()

    with open_gov() as gov:
        version = registered(gov)
        gov.files.rebuild()
        gov.registry.transition(version, "validated", "eve", "F2")
        offset = _offset(gov)
    lines = _lines(open_gov, catch_up)
    for line in _kill_points(lines, offset):
        with open_gov() as gov:
            target = (
                "staging" if gov.registry.resolve(version).stage == "validated" else "validated"
            )
            gov.registry.transition(version, target, "eve", "F2")
        assert _killed(open_gov, catch_up, line), f"line {line} of {lines}"
        with open_gov() as gov:
            gov.files.catch_up()
            meta = gov.settings.home / version.artifact_path / "meta.json"
            assert f'"status": "{target}"' in meta.read_text()
            mended = gov.files.reconcile().mended
            assert all(name.endswith(".tmp") for name in mended), "nothing was left to write"
