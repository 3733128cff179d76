"""F18: every rule of a promotion, taken out of the source: a named test fails.

Each mutant is one replacement in a copy of the package; the named test runs on the copy in a
process of its own. The lines to replace are found by what they say: wherever in the package they
stand, however far they are indented, but once and no more. `make test` runs the four mutants of the
plan, GOVERNANCE_FAULTS=full all, and shows that the copy without a mutant passes every named test.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.mutants import Mutant, place_of

ROOT = Path(__file__).resolve().parents[2]
FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
SAMPLE = (
    "a gate is ignored",
    "the generation check is removed",
    "the audit entry is outside the transaction",
    "the manifest is written before the commit",
)
PATIENCE = 300  # seconds until a run that hangs is ended, which fails the test

BY_GATES = "tests/decisions/test_promotion_by_gates.py"
PROMOTION = "tests/decisions/test_promotion.py"
APPROVALS = "tests/decisions/test_approvals.py"
FACTS = "tests/decisions/test_facts.py"
REPLAY = "tests/decisions/test_replay.py"
BACKTEST = "tests/decisions/test_policy_backtest.py"
CROSS_CHECK = "tests/history/test_cross_check.py"


PROMOTING = "decisions/promoting.py"
ASKED = "decisions/asked.py"
RECORDS = "decisions/approval_records.py"

AUDIT_OUTSIDE = """

def _and_commit(append):
    def appended(tx, *arguments, **details):
        seq = append(tx, *arguments, **details)
        tx.exec_driver_sql("COMMIT")
        tx.exec_driver_sql("BEGIN IMMEDIATE")
        return seq

    return appended


append_entry = _and_commit(append_entry)
append_entries = _and_commit(globals().get("append_entries"))
"""

MUTANTS = (
    # -- the four of the plan
    Mutant(
        "a gate is ignored",
        PROMOTING,
        "carried_out = wish.force or said.passed",
        "carried_out = True",
        f"{PROMOTION}::test_without_force_missing_evidence_is_a_stored_refusal[sqlite]",
    ),
    Mutant(
        "the generation check is removed",
        PROMOTING,
        "            check_generation(tx, version.name, head, expected)\n",
        "",
        f"{PROMOTION}::test_a_promotion_overtaken_by_another_is_stale_without_naming_a_generation"
        "[sqlite]",
    ),
    Mutant(
        "the audit entry is outside the transaction",
        "history/audit.py",
        "",
        AUDIT_OUTSIDE,
        f"{PROMOTION}::test_a_promotion_that_ends_half_way_leaves_nothing[sqlite-before-remember]",
    ),
    Mutant(
        "the manifest is written before the commit",
        PROMOTING,
        "            decision = self._decided(",
        '            folder = self._facts._artifacts.home / "active" / version.name\n'
        "            folder.mkdir(parents=True, exist_ok=True)\n"
        '            (folder / "manifest_active.json").write_text(version.id)\n'
        "            decision = self._decided(",
        f"{PROMOTION}::test_no_file_tells_of_a_promotion_before_it_is_committed",
    ),
    # -- what is looked at again under the lock
    Mutant(
        "the head moves without being compared",
        "history/activations.py",
        '_model.name == bindparam("model"), _model.generation == bindparam("expected")',
        '_model.name == bindparam("model"), bindparam("expected") >= 0',
        "tests/history/test_activations.py::test_a_stale_generation_is_refused_with_where_the_model_stands"
        "[sqlite]",
    ),
    Mutant(
        "the stage is not looked at again",
        PROMOTING,
        "if version is None or version.stage is not seen.stage:",
        "if version is None:",
        f"{PROMOTION}::test_a_version_that_moved_meanwhile_is_not_promoted",
    ),
    Mutant(
        "the load verdict is not looked at again",
        PROMOTING,
        "        _require_loadable(version, facts.load)\n",
        "",
        f"{BY_GATES}::test_bytes_that_became_known_not_to_load_are_refused_within_the_transaction",
    ),
    Mutant(
        "the key is not remembered",
        PROMOTING,
        "if wish.idempotency_key is not None:\n                remember(",
        "if False:\n                remember(",
        f"{PROMOTION}::test_the_same_key_gives_the_same_decision_and_does_nothing_more[sqlite]",
    ),
    Mutant(
        "overrides are no argument of a key",
        "decisions/wish.py",
        '"overrides": request_of(self.overrides) or None',
        '"overrides": None',
        f"{BY_GATES}::test_overrides_belong_to_the_arguments_of_a_key",
    ),
    # -- what force does not skip
    Mutant(
        "force skips integrity",
        PROMOTING,
        "if outside.problem is not None:",
        "if outside.problem is not None and not wish.force:",
        f"{PROMOTION}::test_integrity_is_never_skipped_and_production_stays"
        "[sqlite-_change_bytes-ArtifactIntegrityError]",
    ),
    Mutant(
        "force skips the lifecycle",
        PROMOTING,
        "                lifecycle.check_activation(version.stage, route)\n",
        "                pass\n",
        f"{PROMOTION}::test_force_starts_from_validated_or_staging_only[failed]",
    ),
    Mutant(
        "force needs no reason",
        "decisions/wish.py",
        'if self.force and not visible(self.reason or ""):',
        "if False:",
        f"{PROMOTION}::test_force_needs_a_reason[None]",
    ),
    # -- asking less
    Mutant(
        "asking less is free",
        PROMOTING,
        "        asked.check_loosening(facts, reason=wish.reason)\n",
        "",
        f"{BY_GATES}::test_asking_less_needs_one_who_may_approve_and_a_reason"
        "[given0-ReasonRequiredError]",
    ),
    Mutant(
        "the request says who may approve it",
        ASKED,
        "check_approver(facts, self.in_force)",
        "check_approver(facts, self.limits)",
        f"{BY_GATES}::test_asking_less_needs_one_who_may_approve_and_a_reason"
        "[given6-ApproverNotAllowedError]",
    ),
    Mutant(
        "asking less is not marked",
        PROMOTING,
        "overridden=bool(asked.loosened),",
        "overridden=False,",
        f"{BY_GATES}::test_asking_less_with_an_approver_and_a_reason_is_marked_for_ever[sqlite]",
    ),
    # -- approvals
    Mutant(
        "an approval is not used up",
        PROMOTING,
        "            use_up(tx, wish.approval_id, decision_id=decision.id)\n",
        "            pass\n",
        f"{APPROVALS}::test_asked_approved_promoted_and_used_up[sqlite]",
    ),
    Mutant(
        "an approval is good for another policy",
        RECORDS,
        '("policy", found.policy_digest, policy_digest),',
        "",
        f"{APPROVALS}::test_another_policy_is_another_thing",
    ),
    Mutant(
        "an approval is good for another generation",
        RECORDS,
        '("generation", found.generation, generation),',
        "",
        f"{APPROVALS}::test_another_generation_is_another_thing[sqlite]",
    ),
    Mutant(
        "an approval is good for other bytes",
        RECORDS,
        '("version", (found.version_id, found.digest), (version.id, version.digest)),',
        "",
        f"{APPROVALS}::test_another_version_is_another_thing",
    ),
    Mutant(
        "an approval never expires",
        RECORDS,
        "if moment > found.expires_at:",
        "if False:",
        f"{APPROVALS}::test_what_expired_is_neither_answered_nor_used[sqlite]",
    ),
    Mutant(
        "the creator may answer",
        "decisions/approvals.py",
        "            self._check_person(version, waiting, by)\n",
        "            pass\n",
        f"{APPROVALS}::test_the_creator_may_not_approve_unless_the_policy_says_so[sqlite]",
    ),
    # -- evidence of later than the cut-off
    Mutant(
        "later metrics count",
        "decisions/measured.py",
        '    _columns.at <= bindparam("by"),',
        "    _columns.at.is_not(None),",
        f"{FACTS}::test_metrics_count_up_to_the_cut_off_and_no_further[sqlite]",
    ),
    Mutant(
        "later validations count",
        "decisions/facts.py",
        '_decision.at <= bindparam("by")',
        "_decision.at.is_not(None)",
        f"{FACTS}::test_the_latest_validation_of_by_then_counts",
    ),
    Mutant(
        "later drift reports count",
        "decisions/facts.py",
        '_reports.at <= bindparam("by")',
        "_reports.at.is_not(None)",
        f"{FACTS}::test_the_latest_drift_report_of_by_then_counts_with_its_age_and_largest_psi"
        "[sqlite]",
    ),
    Mutant(
        "later sessions count",
        "evidence/shadow/records.py",
        '    ),\n    _sessions.at <= bindparam("by"),',
        "    ),\n    _sessions.at.is_not(None),",
        f"{FACTS}::test_sessions_count_up_to_the_cut_off_and_no_further[sqlite]",
    ),
    # -- the record
    Mutant(
        "a replay leaves the policy out of what is hashed",
        "decisions/replay.py",
        "return decide_promotion(PromotionFacts.from_json(facts), limits, record=policy)",
        "return decide_promotion(PromotionFacts.from_json(facts), limits, record={})",
        f"{REPLAY}::test_every_decision_gives_its_verdict_hash_again[sqlite]",
    ),
    Mutant(
        "a replay believes the record",
        "decisions/replay.py",
        "if not found.same:",
        "if False:",
        f"{REPLAY}::test_a_record_that_was_changed_does_not_replay[facts-intact-False]",
    ),
    Mutant(
        "the log does not cover overrides",
        "history/cross_check.py",
        '{"overridden": ("overridden", False), "approval": ("approval_id", None)}',
        "{}",
        f"{CROSS_CHECK}::test_an_edit_of_any_column_of_a_decision_is_found[overridden]",
    ),
    Mutant(
        "a failover to nothing has no entry",
        "decisions/activation.py",
        '"live": None,',
        "",
        f"{CROSS_CHECK}::test_a_failover_to_nothing_is_covered[sqlite]",
    ),
    Mutant(
        "a back-test forgets the request",
        "decisions/policy_backtest.py",
        "        if request:\n",
        "        if False:\n",
        f"{BACKTEST}::test_a_request_of_then_is_laid_over_the_proposed_file",
    ),
    Mutant(
        "the link is believed",
        "decisions/promotion.py",
        "return link if leads_there else folder",
        "return link",
        f"{BY_GATES}::test_the_active_path_is_that_of_the_version_in_production[sqlite]",
    ),
)

CONFIGURATION = """\
[pytest]
pythonpath = .
addopts = --import-mode=importlib -p no:cacheprovider -p no:xdist
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its tests, somewhere else."""
    folder = tmp_path_factory.mktemp("mutants")
    for name in ("governance", "tests"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis")
        )
    (folder / "pytest.ini").write_text(CONFIGURATION)
    return folder


def _outcome(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Exit code and output of these tests on the copy."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir", ".", *tests],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


_second = itertools.count(1_000_000_000)


def _write(path: Path, source: str) -> None:
    """With a time that the file never had, so that no bytecode of another mutant is taken for its.

    Bytecode is kept in the copy, since compiling the package anew would be half of each run.
    """
    path.write_text(source)
    os.utime(path, (moment := next(_second), moment))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_the_source(mutant: Mutant) -> None:
    place = place_of(ROOT / "governance", mutant)
    source = place.path.read_text()
    mutated = place.replaced(source)
    assert mutated != source
    compile(mutated, place.path.name, "exec")


def test_lines_that_moved_are_followed_and_lines_that_are_gone_are_missed(tmp_path: Path) -> None:
    check = "check(what_is_there, what_was_expected)"
    mutant = Mutant("m", "a.py", f"    {check}\n    go()\n", "    if x:\n        go()\n", "")
    (tmp_path / "b.py").write_text(f"def f():\n    if y:\n        {check}\n        go()\n")
    place = place_of(tmp_path, mutant)
    assert place.path.name == "b.py"
    assert place.replaced(place.path.read_text()) == (
        "def f():\n    if y:\n        if x:\n            go()\n"
    )
    for text in ("    check(2)\n    go()\n", f"    {check}\n    go()\n" * 2):
        (tmp_path / "b.py").write_text(text)
        with pytest.raises(AssertionError, match="the line to replace is not there"):
            place_of(tmp_path, mutant)


CHOSEN = [mutant for mutant in MUTANTS if FULL or mutant.name in SAMPLE]


@pytest.mark.parametrize("mutant", CHOSEN, ids=lambda mutant: mutant.name)
def test_a_mutant_is_killed_by_its_test(copied: Path, mutant: Mutant) -> None:
    place = place_of(copied / "governance", mutant)
    source = place.path.read_text()
    _write(place.path, place.replaced(source))
    try:
        code, said = _outcome(copied, [mutant.killed_by])
    finally:
        _write(place.path, source)
    assert code == 1 and re.search(r"^FAILED ", said, re.MULTILINE), said[-3000:]
    assert "ERROR" not in said, said[-3000:]


@pytest.mark.skipif(not FULL, reason="the named tests run in this very suite")
def test_without_a_mutant_every_named_test_passes(copied: Path) -> None:
    code, said = _outcome(copied, sorted({mutant.killed_by for mutant in MUTANTS}))
    assert code == 0, said[-3000:]
