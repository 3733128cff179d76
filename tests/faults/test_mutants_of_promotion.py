"""F18: every rule of a promotion, taken out of the source: a named test fails.

Each mutant is one replacement in a copy of the package; the named test runs on the copy in a
process of its own. `make test` takes a sample, GOVERNANCE_FAULTS=full all, and shows that the copy
without a mutant passes every named test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
SAMPLE = ("a gate is ignored", "the audit entry is outside the transaction")
PATIENCE = 300  # seconds until a run that hangs is ended, which fails the test

BY_GATES = "tests/decisions/test_promotion_by_gates.py"
PROMOTION = "tests/decisions/test_promotion.py"
APPROVALS = "tests/decisions/test_approvals.py"
FACTS = "tests/decisions/test_facts.py"
REPLAY = "tests/decisions/test_replay.py"
BACKTEST = "tests/decisions/test_policy_backtest.py"
CROSS_CHECK = "tests/history/test_cross_check.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is done to the source, and the test that must notice."""

    name: str
    file: str
    before: str
    after: str
    killed_by: str


PROMOTING = "decisions/promoting.py"
ASKED = "decisions/asked.py"
RECORDS = "decisions/approval_records.py"

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
        "    return seq\n\n\ndef _check_text",
        '    tx.exec_driver_sql("COMMIT")\n    tx.exec_driver_sql("BEGIN IMMEDIATE")\n'
        "    return seq\n\n\ndef _check_text",
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
        "governed_models.c.name == model, governed_models.c.generation == expected_generation",
        "governed_models.c.name == model",
        "tests/history/test_activations.py::test_a_stale_generation_is_refused_with_where_the_model_stands"
        "[sqlite]",
    ),
    Mutant(
        "the stage is not looked at again",
        PROMOTING,
        "if version.stage is not seen.stage:",
        "if False:",
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
        'if self.force and not (self.reason or "").strip():',
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
        "    if at is not None:",
        "    if False:",
        f"{FACTS}::test_metrics_count_up_to_the_cut_off_and_no_further[sqlite]",
    ),
    Mutant(
        "later validations count",
        "decisions/facts.py",
        "            decisions.c.at <= at,\n",
        "",
        f"{FACTS}::test_the_latest_validation_of_by_then_counts",
    ),
    Mutant(
        "later drift reports count",
        "decisions/facts.py",
        ".where(reports.model_name == model, reports.at <= at)",
        ".where(reports.model_name == model)",
        f"{FACTS}::test_the_latest_drift_report_of_by_then_counts_with_its_age_and_largest_psi"
        "[sqlite]",
    ),
    Mutant(
        "later sessions count",
        "decisions/facts.py",
        "recorded_sessions(connection, version.id, at=at)",
        "recorded_sessions(connection, version.id)",
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
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHONPATH"))},
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_the_source(mutant: Mutant) -> None:
    source = (ROOT / "governance" / mutant.file).read_text()
    assert source.count(mutant.before) == 1, "what it replaces has moved: follow it"


CHOSEN = [mutant for mutant in MUTANTS if FULL or mutant.name in SAMPLE]


@pytest.mark.parametrize("mutant", CHOSEN, ids=lambda mutant: mutant.name)
def test_a_mutant_is_killed_by_its_test(copied: Path, mutant: Mutant) -> None:
    path = copied / "governance" / mutant.file
    source = path.read_text()
    path.write_text(source.replace(mutant.before, mutant.after))
    try:
        code, said = _outcome(copied, [mutant.killed_by])
    finally:
        path.write_text(source)
    assert code == 1 and re.search(r"^FAILED ", said, re.MULTILINE), said[-3000:]
    assert "ERROR" not in said, said[-3000:]


@pytest.mark.skipif(not FULL, reason="the named tests run in this very suite")
def test_without_a_mutant_every_named_test_passes(copied: Path) -> None:
    code, said = _outcome(copied, sorted({mutant.killed_by for mutant in MUTANTS}))
    assert code == 0, said[-3000:]
