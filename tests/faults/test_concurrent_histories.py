"""F6: several processes promote, roll back and look at once; some serial order explains it all.

Each call is recorded with its begin, its end and what it was told, and ``recorded_history`` judges
the record against the activations that are stored. GOVERNANCE_FAULTS=full runs long, ``make test``
a moment. F1 and F9 hold their records against the same checker.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

from governance import Governance
from tests.decisions import history
from tests.faults.killed_worker import PATIENCE
from tests.faults.recorded_history import Call, Stored, stored_switches, violations
from tests.faults.recording_workers import Workers, look
from tests.versions import NAME

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
PROCESSES = 6 if FULL else 3
SWITCHES = 400 if FULL else 12
SEED = int(os.environ.get("GOVERNANCE_SEED", "6"))
REFUSALS = {"illegal_transition", "nothing_to_roll_back", "conflict"}


def test_some_serial_order_explains_what_every_process_was_told(
    database_url: str, tmp_path: Path
) -> None:
    print(f"GOVERNANCE_SEED={SEED}")

    def open_gov() -> Governance:
        return Governance.open(database=database_url, home=tmp_path / "home")

    workers = Workers(open_gov, tmp_path / "workers", PROCESSES)
    with open_gov() as gov:
        for seed in range(2):
            history.promoted(gov, seed)
        before = gov.registry.generation(NAME)
        with workers.at_work(SEED):
            ours = _watch(gov, until=before + SWITCHES)
        calls = workers.calls()
        stored = stored_switches(gov, NAME)
        assert workers.escaped() == []
        assert violations([*calls, *ours], stored, before=before) == []
        _shows_an_exchange(calls, stored, before)
        switched = [call for call in calls if call.decision is not None]
        stale = [c for c in calls if c.decision is None and c.expected is not None]
        codes = Counter(workers.refused())
        print(f"{len(switched)} switches, {len(stale)} stale, {len(calls)} calls", dict(codes))
        assert len(switched) == len(stored) - before >= SWITCHES
        assert codes.keys() <= REFUSALS
        if FULL:
            assert stale and codes
        assert gov.audit.verify()
        assert all(name.endswith(".tmp") for name in gov.files.reconcile().mended)


def _watch(gov: Governance, *, until: int) -> list[Call]:
    """Look all the time, as one more process."""
    seen: list[Call] = []
    patience = time.monotonic() + PATIENCE
    while not seen or (seen[-1].generation or 0) < until:
        assert time.monotonic() < patience, "the others do not get on"
        begin = time.monotonic_ns()
        stands, live = look(gov)
        end = time.monotonic_ns()
        seen.append(Call(begin=begin, end=end, generation=stands, version=live))
        time.sleep(0.002)  # two cores: looking must not keep the others from working
    return seen


def _shows_an_exchange(calls: list[Call], stored: list[Stored], before: int) -> None:
    """The checker is not deaf to this very record: two versions exchanged, and it complains."""
    first, second = (
        next(call for call in calls if call.decision == row.decision)
        for row in stored[before : before + 2]
    )
    others = [call for call in calls if call not in (first, second)]
    changed = [
        Call(begin=c.begin, end=c.end, generation=o.generation, decision=c.decision)
        for c, o in ((first, second), (second, first))
    ]
    assert violations([*others, *changed], stored, before=before)
