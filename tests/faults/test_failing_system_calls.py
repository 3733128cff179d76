"""F3: promotion and rollback, killed or answered EIO and ENOSPC at their n-th system call.

Seen from below: whatever Python, SQLite or libpq do, the kernel refuses one call or ends the
process there. GOVERNANCE_FAULTS=full goes through every call of every kind, ``make test`` through a
sample. Afterwards: what was acknowledged is there, what was refused is a typed error, the same call
with the same key is one result, every file of JSON can be read, ``reconcile`` makes the rest right.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from governance import Governance
from tests.decisions import eligible, history
from tests.faults.injected import FILES, Fault, Injector, Outcome, needs_strace
from tests.faults.killed_worker import Line, repeat
from tests.versions import NAME

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
SAMPLE = 10  # faults of one call in `make test`; there are two calls on two databases
THOROUGH = 25  # faults between two looks at everything
SEED = int(os.environ.get("GOVERNANCE_SEED", "3"))
# Nothing for sendto: libpq then waits for what the server says to it, and this server lives (F9).
ERRORS = {**dict.fromkeys(FILES, ("EIO", "ENOSPC")), "recvfrom": ("ECONNRESET",), "sendto": ()}

Open = Callable[[], Governance]
pytestmark = needs_strace()


@pytest.fixture
def open_gov(database_url: str, tmp_path: Path) -> Open:
    """Opens the same installation again and again."""
    return lambda: Governance.open(database=database_url, home=tmp_path / "home")


@pytest.fixture
def injector(open_gov: Open, tmp_path: Path) -> Iterator[Injector]:
    """Forks processes that have imported all they need, so that no fault meets an import."""
    with Governance.open(home=tmp_path / "warm" / "home") as gov:
        for seed in range(2):
            history.promoted(gov, seed)
        gov.promotion.rollback_model(NAME, by="max", reason="warm")
        gov.files.catch_up()
    with Injector(open_gov, tmp_path / "injector") as injector:
        yield injector


def test_whatever_the_kernel_refuses_a_decision_is_whole_or_not_there(
    injector: Injector, open_gov: Open
) -> None:
    print(f"GOVERNANCE_SEED={SEED}")
    random = Random(SEED)
    with open_gov() as gov:
        for seed in range(3):
            history.promoted(gov, seed)
        gov.files.catch_up()
        for next_call in (_promotion, _rollback):
            counted = injector.make(next_call(gov, f"{next_call.__name__}:counted"))
            assert "decision" in (counted.told or {}) and not counted.struck
            faults = list(_faults(counted.calls))
            chosen = faults if FULL else random.sample(faults, SAMPLE)
            seen: Counter[str] = Counter()
            for number, fault in enumerate(chosen):
                call = next_call(gov, f"{next_call.__name__}:{number}")
                seen += _survived(injector, gov, call, fault)
                if number % THOROUGH == 0:
                    _nothing_is_left_over(gov, fault)
            print(next_call.__name__, dict(counted.calls), dict(seen))
            assert seen["struck"] > len(chosen) * 0.9
            assert seen["killed"]
            if FULL:
                assert seen["refused"] and seen["acknowledged"] and seen["unknown"]
        _nothing_is_left_over(gov)
        assert gov.audit.verify()


def _promotion(gov: Governance, key: str) -> Line:
    seed = 10 + gov.registry.generation(NAME)
    version = eligible.staged(gov, seed)
    return {"do": "promote", "key": key, "version": version.id, "force": False}


def _rollback(gov: Governance, key: str) -> Line:
    before = gov.promotion.history(NAME)[-2]["version_id"]
    return {"do": "back", "key": key, "version": before}


def _faults(calls: Counter[str]) -> Iterator[Fault]:
    for call, count in sorted(calls.items()):
        for number in range(1, count + 1):
            for how in ("KILL", *ERRORS[call]):
                yield Fault(call, number, how)


def _survived(injector: Injector, gov: Governance, call: Line, fault: Fault) -> Counter[str]:
    """Make the call with the fault; hold what is left against what was told."""
    before = gov.registry.generation(NAME)
    outcome = injector.make(call, fault)
    told = outcome.told or {}
    assert not {"escaped", "misjudged"} & told.keys(), (fault, told)
    now = gov.registry.generation(NAME)
    assert now == (before + 1 if "decision" in told else now), fault
    assert now in ((before,) if told.get("unchanged") else (before, before + 1)), (fault, told)
    live = [version.id for version in gov.registry.list_models(NAME, stage="production")]
    assert live == [gov.promotion.history(NAME)[-1]["version_id"]], fault
    home = gov.settings.home
    for path in [*home.glob("active/*/*.json"), *home.glob("models/registry_index.json")]:
        json.loads(path.read_bytes())
    again = repeat(gov, call)
    assert again["generation"] == gov.registry.generation(NAME) == before + 1, fault
    assert again == (told if "decision" in told else again), fault
    gov.files.catch_up()
    said = json.loads((home / "active" / NAME / "manifest_active.json").read_bytes())
    assert (said["version_id"], said["generation"]) == (again["version"], before + 1), fault
    assert os.readlink(home / "active" / f"{NAME}_active").endswith(
        gov.registry.resolve(again["version"]).artifact_path
    )
    return _kinds(outcome, committed=now > before)


def _nothing_is_left_over(gov: Governance, fault: Fault | None = None) -> None:
    """Rendering everything again mends nothing; it reads every version, so not each time."""
    assert all(name.endswith(".tmp") for name in gov.files.reconcile().mended), fault
    assert gov.files.reconcile(dry_run=True).mended == (), fault


def _kinds(outcome: Outcome, *, committed: bool) -> Counter[str]:
    told = outcome.told
    return Counter(
        struck=outcome.struck,
        killed=outcome.killed,
        acknowledged=told is not None and "decision" in told,
        refused=told is not None and "refused" in told,
        unknown=committed and (told is None or "refused" in told),
    )
