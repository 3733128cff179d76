"""F13: any sequence of calls against a model of the rules, with crashes in between.

The model is told in its own words (stages as sets), so that it can disagree with the product. What
may not be done must be refused by the right type and leave no trace; what was done must stand.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from governance import Governance
from governance.decisions import promotion as promotion_module
from governance.errors import (
    ConflictError,
    GovernanceError,
    IllegalTransitionError,
    ReasonRequiredError,
    StaleGenerationError,
    UsePromotionError,
)
from governance.registry import registering as registering_module
from governance.values import ModelVersion, Stage
from tests.model_bytes import model_bytes

NAME = "momentum"
OPEN = {"draft", "trained", "validated", "staging"}
BY_HAND = {("trained", "validated"), ("validated", "staging"), ("staging", "validated")}


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
        self.stages: dict[str, str] = {}
        self.live: list[str] = []  # ids, one for each generation
        self.seeds = 0
        self.entries = 0

    def _open(self) -> Governance:
        return Governance.open(database=self.url, home=self.folder / "home")

    def teardown(self) -> None:
        self.gov.close()
        shutil.rmtree(self.folder)

    # -- calls ------------------------------------------------------------------------------------

    @initialize(target=versions)
    def first(self) -> str:
        return str(self.register(crash=False))

    @rule(target=versions, crash=st.booleans())
    def register(self, crash: bool) -> str:
        self.seeds += 1
        path = self.folder / "given.txt"
        path.write_bytes(model_bytes(self.seeds))

        def call() -> ModelVersion:
            return self.gov.registry.register_model(
                NAME, model_path=path, model_type="lightgbm", created_by="ann"
            )

        if crash:
            self._crashing(registering_module, "append_entry", call)
        version = call()
        assert version.created and version.id not in self.stages
        assert call().id == version.id
        self.stages[version.id] = "trained"
        self.entries += 1
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
            self.stages[version] = target
            self.entries += 1
        else:
            self._refused(IllegalTransitionError, call)

    @rule(version=versions)
    def withdraw(self, version: str) -> None:
        def call() -> None:
            self.gov.registry.deactivate_model(version, "eve", "machine")

        if self.stages[version] == "production":
            self._refused(UsePromotionError, call)
        elif self.stages[version] in OPEN:
            call()
            self.stages[version] = "retired"
            self.entries += 1
        else:
            self._refused(IllegalTransitionError, call)

    @rule(
        version=versions,
        behind=st.integers(0, 2),
        reason=st.sampled_from(["because", ""]),
        crash_at=st.sampled_from([None, None, "store_decision", "move", "activate", "remember"]),
    )
    def force(self, version: str, behind: int, reason: str, crash_at: str | None) -> None:
        generation = len(self.live)

        def call() -> Any:
            return self.gov.promotion.promote_to_production(
                version,
                by="eve",
                force=True,
                reason=reason,
                expected_generation=generation - behind,
                idempotency_key=f"{version}:{generation}:{behind}:{reason}",
            )

        if not reason:
            self._refused(ReasonRequiredError, call)
        elif self.stages[version] not in ("validated", "staging"):
            self._refused(IllegalTransitionError, call)
        elif behind:
            self._refused(StaleGenerationError, call)
        else:
            if crash_at is not None:
                self._crashing(promotion_module, crash_at, call)
            decision = call()
            assert decision.forced and not decision and decision.generation == generation + 1
            assert call() == decision
            if self.live and self.stages[self.live[-1]] == "production":
                self.stages[self.live[-1]] = "retired"
                self.entries += 1
            self.stages[version] = "production"
            self.live.append(version)
            self.entries += 2

    @rule(version=consumes(versions))
    def tamper(self, version: str) -> None:
        """Bytes changed on disk: never promoted, never loaded, whatever the stage."""
        found = self.gov.registry.resolve(version)
        path = self.gov.settings.home / found.artifact_path / "model.txt"
        path.write_bytes(b"tree\nother")
        with pytest.raises(GovernanceError):
            self.gov.registry.load_model(version)
        with pytest.raises((ConflictError, GovernanceError)):
            self.gov.promotion.promote_to_production(version, by="eve", force=True, reason="x")

    @rule()
    def reopen(self) -> None:
        self.gov.close()
        self.gov = self._open()

    # -- what must hold ---------------------------------------------------------------------------

    @invariant()
    def the_stages_are_those_of_the_model(self) -> None:
        found = {v.id: v.stage.value for v in self.gov.registry.list_models(limit=1000)}
        assert found == self.stages

    @invariant()
    def history_is_that_of_the_model(self) -> None:
        rows = self.gov.promotion.history(NAME)
        assert [row["version_id"] for row in rows] == self.live
        assert [row["generation"] for row in rows] == [*range(1, len(self.live) + 1)]
        live = self.gov.registry.get_production_model(NAME)
        assert (None if live is None else live.id) == (self.live[-1] if self.live else None)
        assert self.gov.audit.verify().entries == self.entries

    @invariant()
    def files_follow(self) -> None:
        self.gov.files.catch_up()
        assert self.gov.files.catch_up() == 0

    # -- inside -----------------------------------------------------------------------------------

    def _refused(self, error: type[Exception], call: Any) -> None:
        with pytest.raises(error):
            call()

    def _crashing(self, module: Any, name: str, call: Any) -> None:
        def crash(*_: object, **__: object) -> Any:
            raise Crash

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, name, crash)
            with pytest.raises(Crash):
                call()


def test_no_sequence_of_calls_leads_outside_the_rules(_migrated_sqlite_file: Path) -> None:
    machine = type("Machine", (Lifecycle,), {"template": _migrated_sqlite_file})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
