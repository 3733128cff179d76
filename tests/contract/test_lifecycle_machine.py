"""F13: any sequence of calls against a model of the rules, with crashes and broken bytes between.

The model is told in its own words (stages as sets, the past as a list), so that it can disagree
with the product. What may not be done must be refused by the right type and leave no trace; what
was done must stand. At most one version is in production; once there was one, there is none only
after a failover that found no target; generations grow by one; who was live at a time follows from
the list of activations; every decision replays; the audit log verifies.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from hypothesis.stateful import run_state_machine_as_test as run_machine

from governance import Governance
from governance.decisions import activation, failover, promoting, rollback
from governance.errors import (
    ArtifactIntegrityError,
    ArtifactMissingError,
    GateFailedError,
    GovernanceError,
    IllegalTransitionError,
    NothingToRollBackError,
    ReasonRequiredError,
    StaleGenerationError,
    UsePromotionError,
)
from governance.registry import registering
from governance.values import ModelVersion, Stage
from tests.decisions import eligible
from tests.model_bytes import model_bytes

NAME = "momentum"
FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
OPEN = {"draft", "trained", "validated", "staging"}
BY_HAND = {("trained", "validated"), ("validated", "staging"), ("staging", "validated")}
NOON = datetime(2018, 1, 1, 12, tzinfo=UTC)
COUNTED = (
    *("version.registered", "stage.changed", "shadow.started", "shadow.stopped"),
    *("validation.decided", "promotion.decided", "rollback.decided", "failover.decided"),
)

Hours = st.integers(-5, 5)
Crashes = st.sampled_from(
    [
        *[None] * 4,
        (activation, "store_decision"),
        (activation, "set_stage"),
        (activation, "activate"),
        (None, "record_notice"),
        (None, "remember"),
    ]
)


class Crash(BaseException):
    """Stands for the end of the process."""


class Lifecycle(RuleBasedStateMachine):
    """One model, on one SQLite home."""

    versions: Any = Bundle("versions")

    template: Path  # a migrated, empty database file

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "governance.db")
        self.url = f"sqlite:///{self.folder / 'governance.db'}"
        self.gov = self._open()
        eligible.policy(self.gov)
        self.stages: dict[str, str] = {}
        self.past: list[tuple[str | None, str, datetime]] = []  # one for each generation
        self.bytes: dict[str, bytes] = {}
        self.broken: dict[str, str] = {}  # how
        self.trials: set[str] = set()  # begun and not ended; they run while in staging
        self.judged: set[str] = set()
        self.entries: Counter[str] = Counter()
        self.calls = 0

    def _open(self) -> Governance:
        return Governance.open(database=self.url, home=self.folder / "home")

    def teardown(self) -> None:
        assert all(replay.same for replay in self.gov.promotion.replay_all())
        self.gov.close()
        shutil.rmtree(self.folder)

    # -- calls ------------------------------------------------------------------------------------

    @initialize(target=versions)
    def first(self) -> str:
        return str(self.register(crash=False, ready=True))

    @rule(target=versions, crash=st.booleans(), ready=st.booleans())
    def register(self, crash: bool, ready: bool) -> str:
        """A version; a ready one is moved on until it may be promoted."""
        data = model_bytes(len(self.stages) + 1)
        path = self.folder / "given.txt"
        path.write_bytes(data)

        def call() -> ModelVersion:
            return self.gov.registry.register_model(
                NAME, model_path=path, model_type="lightgbm", created_by="ann"
            )

        if crash:
            self._crashing(registering, "append_entry", call)
        version = call()
        assert version.created and version.id not in self.stages
        assert call().id == version.id
        eligible.probed(self.gov, version)
        self.bytes[version.id] = data
        self.stages[version.id] = "trained"
        self.entries["version.registered"] += 1
        for stage in (Stage.VALIDATED, Stage.STAGING) if ready else ():
            self.move(version.id, stage)
        return version.id

    @rule(version=versions, target_stage=st.sampled_from([*Stage]))
    def move(self, version: str, target_stage: Stage) -> None:
        stage, target = self.stages[version], target_stage.value

        def call() -> None:
            self.gov.registry.transition(version, target, "eve", "machine")

        if "production" in (stage, target):
            self._refused(UsePromotionError, call)
        elif (stage, target) in BY_HAND or (stage in OPEN and target in ("retired", "failed")):
            call()
            self._moved(version, target)
        else:
            self._refused(IllegalTransitionError, call)

    @rule(version=versions)
    def validate(self, version: str) -> None:
        def call() -> Any:
            return self.gov.validate(version, by="ann")

        if self.stages[version] != "trained":
            if version in self.judged:
                call()  # the decision that stands
            else:
                self._refused(IllegalTransitionError, call)
        elif self.broken.get(version) == "lost":  # they may come back
            self._refused(ArtifactMissingError, call)
        else:
            passed = call().eligible
            assert passed == (version not in self.broken)
            self._moved(version, "validated" if passed else "failed")
            self.judged.add(version)
            self.entries["validation.decided"] += 1

    @rule(version=versions)
    def start_trial(self, version: str) -> None:
        def call() -> Any:
            return self.gov.shadow.start_shadow_testing(version, by="ann")

        if self.stages[version] not in ("validated", "staging"):
            self._refused((IllegalTransitionError, UsePromotionError), call)
            return
        running = version in self.trials and self.stages[version] == "staging"
        trial = call()
        assert call() == trial and trial.version_id == version
        if not running:
            self.entries["shadow.started"] += 1
            self.trials.add(version)
        if self.stages[version] == "validated":
            self._moved(version, "staging")

    @rule(version=versions)
    def stop_trial(self, version: str) -> None:
        def call() -> Any:
            return self.gov.shadow.stop_shadow_testing(version, by="ann", reason="machine")

        if self.stages[version] == "staging":
            assert call().stage is Stage.VALIDATED
            self.trials.discard(version)
            self._moved(version, "validated")
            self.entries["shadow.stopped"] += 1

    @rule(version=versions)
    def withdraw(self, version: str) -> None:
        def call() -> None:
            self.gov.registry.deactivate_model(version, "eve", "machine")

        if self.stages[version] == "production":
            self._refused(UsePromotionError, call)
        elif self.stages[version] in OPEN:
            call()
            self._moved(version, "retired")
        else:
            self._refused(IllegalTransitionError, call)

    @rule(version=versions, hour=Hours, behind=st.integers(-2, 2), crash=Crashes)
    def promote(self, version: str, hour: int, behind: int, crash: Any) -> None:
        def call() -> Any:
            return self.gov.promotion.promote_to_production(
                version,
                by="eve",
                expected_generation=len(self.past) - max(behind, 0),
                idempotency_key=f"promote:{self.calls}",
                at=NOON + timedelta(hours=hour),
            )

        self.calls += 1
        if behind > 0:
            self._refused(StaleGenerationError, call)
        elif self.stages[version] not in ("validated", "staging"):
            self._refused(IllegalTransitionError, call)
        elif version in self.broken:
            self._refused(ArtifactIntegrityError, call)
        elif self.stages[version] == "validated":  # it has not run in staging
            self._refused(GateFailedError, call)
            self.entries["promotion.decided"] += 1
        else:
            self._crash_first(crash, promoting, call)
            decision = call()
            assert decision and not decision.forced and call() == decision
            self._activated(version, "promotion", hour)

    @rule(version=versions, hour=Hours, reason=st.sampled_from(["because", ""]), crash=Crashes)
    def force(self, version: str, hour: int, reason: str, crash: Any) -> None:
        def call() -> Any:
            return self.gov.promotion.promote_to_production(
                version,
                by="eve",
                force=True,
                reason=reason,
                idempotency_key=f"force:{self.calls}",
                at=NOON + timedelta(hours=hour),
            )

        self.calls += 1
        if not reason:
            self._refused(ReasonRequiredError, call)
        elif self.stages[version] not in ("validated", "staging"):
            self._refused(IllegalTransitionError, call)
        elif version in self.broken:
            self._refused(ArtifactIntegrityError, call)
        else:
            self._crash_first(crash, promoting, call)
            decision = call()
            assert decision.forced and call() == decision
            self._activated(version, "force", hour)

    @rule(target=versions, forced=st.booleans(), hour=Hours)
    def release(self, forced: bool, hour: int) -> str:
        """The usual way, so that there is a past to go back to."""
        version = str(self.register(crash=False, ready=True))
        if forced:
            self.force(version, hour, "because", None)
        else:
            self.promote(version, hour, 0, None)
        return version

    @rule(hour=Hours, behind=st.integers(-3, 1), crash=Crashes)
    def roll_back(self, hour: int, behind: int, crash: Any) -> None:
        def call() -> Any:
            return self._rolled_back(hour, expected_generation=len(self.past) - max(behind, 0))

        self.calls += 1
        if behind > 0:
            self._refused(StaleGenerationError, call)
        elif (target := self._target()) is None:
            self._refused(NothingToRollBackError, call)
        else:
            self._crash_first(crash, rollback, call)
            decision = call()
            assert decision.version_id == target and call() == decision
            self._activated(target, "rollback", hour)

    @rule(version=versions, hour=Hours, crash=Crashes)
    def roll_back_to(self, version: str, hour: int, crash: Any) -> None:
        def call() -> Any:
            return self._rolled_back(hour, to_version=version)

        self.calls += 1
        been = version in {live for live, _, _ in self.past}
        if self.stages[version] != "retired" or not been:
            self._refused(IllegalTransitionError, call)
        elif version in self.broken:
            self._refused(ArtifactIntegrityError, call)
        else:
            self._crash_first(crash, rollback, call)
            assert call().version_id == version
            self._activated(version, "rollback", hour)

    @rule(hour=Hours, crash=Crashes)
    def check_health(self, hour: int, crash: Any) -> None:
        def call() -> Any:
            return self.gov.health.check(NAME, at=NOON + timedelta(hours=hour))

        live = self._live()
        if live is None or live not in self.broken:
            (report,) = call()
            assert report.status == ("none" if live is None else "healthy")
            return
        target = self._target()
        if crash is not None and crash[1] != "remember":
            self._crash_first(crash, failover, call)
        (report,) = call()
        assert report.status == "corrupt" and report.version_id == live
        assert (report.target is None) == (target is None)
        self._moved(live, "failed")
        self._activated(target, "failover", hour)

    @rule(version=versions, lose=st.booleans())
    def damage(self, version: str, lose: bool) -> None:
        """Bytes changed or gone: never promoted, never loaded, whatever the stage."""
        folder = self.gov.settings.home / self.gov.registry.resolve(version).artifact_path
        if lose:
            (folder / "model.txt").unlink(missing_ok=True)
        else:
            (folder / "model.txt").write_bytes(b"tree\nother")
        self.broken[version] = "lost" if lose else "changed"
        with pytest.raises(GovernanceError):
            self.gov.registry.load_model(version)

    @precondition(lambda self: self._live() is not None)
    @rule(lose=st.booleans(), hour=Hours, crash=Crashes)
    def damage_the_champion(self, lose: bool, hour: int, crash: Any) -> None:
        self.damage(str(self._live()), lose)
        self.check_health(hour, crash)

    @rule(version=versions)
    def repair(self, version: str) -> None:
        """Restored from a backup."""
        folder = self.gov.settings.home / self.gov.registry.resolve(version).artifact_path
        (folder / "model.txt").write_bytes(self.bytes[version])
        self.broken.pop(version, None)

    @rule()
    def reopen(self) -> None:
        self.gov.close()
        self.gov = self._open()

    # -- what must hold ---------------------------------------------------------------------------

    @invariant()
    def the_stages_are_those_of_the_model(self) -> None:
        found = {v.id: v.stage.value for v in self.gov.registry.list_models(limit=1000)}
        assert found == self.stages
        in_production = [one for one, stage in found.items() if stage == "production"]
        assert in_production == ([] if self._live() is None else [self._live()])
        if self.past and not in_production:
            assert self.past[-1][:2] == (None, "failover")

    @invariant()
    def trials_run_in_staging_alone(self) -> None:
        running = {one.id for one in self.gov.shadow.list_shadow_models()}
        assert running == {one for one in self.trials if self.stages[one] == "staging"}

    @invariant()
    def history_is_that_of_the_model(self) -> None:
        rows = self.gov.promotion.history(NAME)
        told = {"force": "promotion"}
        assert [
            (row["generation"], row["version_id"], row["operation"], row["effective_at"])
            for row in rows
        ] == [
            (generation, version, told.get(how, how), at)
            for generation, (version, how, at) in enumerate(self.past, start=1)
        ]
        for hour in range(-6, 7, 3):
            at = NOON + timedelta(hours=hour)
            live = self.gov.registry.get_production_model(NAME, at=at)
            by_then = [version for version, _, since in self.past if since <= at]
            assert (None if live is None else live.id) == (by_then[-1] if by_then else None)

    @invariant()
    def the_audit_log_has_each_step_once(self) -> None:
        assert self.gov.audit.verify()
        found = Counter(e.action for e in self.gov.audit.entries(model=NAME, limit=1000))
        assert {action: found[action] for action in COUNTED} == {
            action: self.entries[action] for action in COUNTED
        }

    @invariant()
    def files_follow(self) -> None:
        self.gov.files.catch_up()
        assert self.gov.files.catch_up() == 0

    # -- the model's own words --------------------------------------------------------------------

    def _live(self) -> str | None:
        return self.past[-1][0] if self.past else None

    def _target(self) -> str | None:
        """Who takes over: the one that left last, unless something speaks against it."""
        blamed = {left for (left, _, _), (_, how, _) in pairwise(self.past) if how == "rollback"}
        blamed |= {version for version, how, _ in self.past if how == "force"}
        for version, _, _ in reversed(self.past):
            if version is None or version == self._live() or version in blamed | self.broken.keys():
                continue
            if self.stages[version] == "retired":
                return version
        return None

    def _moved(self, version: str, stage: str) -> None:
        self.stages[version] = stage
        self.entries["stage.changed"] += 1

    def _activated(self, version: str | None, how: str, hour: int) -> None:
        live = self._live()
        if live is not None and self.stages[live] == "production":
            self._moved(live, "retired")
        if version is not None:
            self._moved(version, "production")
        self.past.append((version, how, NOON + timedelta(hours=hour)))
        if how in ("promotion", "force") and version is not None:
            self.trials.discard(version)
        self.entries[f"{how.replace('force', 'promotion')}.decided"] += 1

    # -- inside -----------------------------------------------------------------------------------

    def _rolled_back(self, hour: int, **given: Any) -> Any:
        return self.gov.promotion.rollback_model(
            NAME,
            by="max",
            reason="machine",
            at=NOON + timedelta(hours=hour),
            idempotency_key=f"rollback:{self.calls}",
            **given,
        )

    def _refused(self, error: Any, call: Any) -> None:
        with pytest.raises(error):
            call()

    def _crash_first(self, crash: Any, module: Any, call: Any) -> None:
        if crash is not None:
            self._crashing(crash[0] or module, crash[1], call)

    def _crashing(self, module: Any, name: str, call: Any) -> None:
        def crash(*_: object, **__: object) -> Any:
            raise Crash

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, name, crash)
            with pytest.raises(Crash):
                call()


def test_no_sequence_of_calls_leads_outside_the_rules(_migrated_sqlite_file: Path) -> None:
    machine = type("Machine", (Lifecycle,), {"template": _migrated_sqlite_file})
    run_machine(
        machine,
        settings=settings(
            max_examples=200 if FULL else 10,
            stateful_step_count=40 if FULL else 25,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
