"""The drill: find the version that a rollback would go to, load it, and say how long that takes.

Nothing is switched. The target is found as ``rollback`` finds it, except that its bytes are probed
anew, whatever verdict is stored: that is the slower of the two ways that a rollback can take. What
was found is kept by model and ``at``, and asked again it is the stored answer. A target that would
not load is a warning to people; so is none at all, once the model was activated twice.

Not promised: that it will load next week, or that nobody changes it in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, select

from governance.decisions.rollback_target import Choice, RollbackTargets, why_nothing
from governance.errors import NothingToRollBackError, StorageFullError, UnavailableError
from governance.history.activations import generation
from governance.history.notices import Notice, record_notice
from governance.registry import records
from governance.store.database import Database, database_time
from governance.store.promotion_tables import rollback_drills
from governance.store.upsert import dialect_insert

ACTOR = "drill"
OK = "ok"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    """What one drill of one model found.

    Attributes:
        passed: a rollback would have worked.
        target: the version it would have gone to; ``None`` if there is none.
        duration_ms: from the question to the verdict of the probe, wall time.
        code: ``ok``, ``nothing_to_roll_back``, or why the target would not load.
        generation: how often the model was activated by then.
        stored: ``False`` where nothing could be said: the next call looks again.
    """

    model: str
    at: datetime
    passed: bool
    target: str | None
    target_id: str | None
    duration_ms: float
    code: str
    reason: str
    generation: int
    stored: bool = True

    @property
    def alarming(self) -> bool:
        """People must look: it would not work, and it should by now."""
        return not self.passed and self.generation >= 2

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "at": self.at,
            "passed": self.passed,
            "alarming": self.alarming,
            "target": self.target,
            "target_id": self.target_id,
            "duration_ms": self.duration_ms,
            "code": self.code,
            "reason": self.reason,
        }


class Drill:
    """Call it for one model. Built by the wiring."""

    def __init__(
        self,
        database: Database,
        targets: RollbackTargets,
        *,
        channels: Callable[[], Sequence[str]],
    ) -> None:
        self._database = database
        self._targets = targets
        self._channels = channels

    def __call__(self, name: str, *, at: datetime) -> DrillReport:
        with self._database.read() as connection:
            if (stored := _stored(connection, name, at)) is not None:
                return stored
            head = generation(connection, name)
        started = perf_counter()
        unavailable: UnavailableError | None = None
        choice = None
        try:
            choice = self._targets.automatic(name, fresh=True)
        except UnavailableError as error:
            unavailable = error
        took = round((perf_counter() - started) * 1000, 1)
        if choice is not None and choice.target is None:
            unavailable = choice.unknown
        target = None if choice is None else choice.target
        code, reason = _said(name, choice, unavailable)
        found = DrillReport(
            model=name,
            at=at,
            passed=target is not None,
            target=None if target is None else target.version,
            target_id=None if target is None else target.id,
            duration_ms=took,
            code=code,
            reason=reason,
            generation=head,
            stored=unavailable is None,
        )
        return self._recorded(found)

    def _recorded(self, found: DrillReport) -> DrillReport:
        channels = self._channels()
        try:
            with self._database.begin() as tx:
                now = database_time(tx)
                if found.stored:
                    made = tx.execute(
                        dialect_insert(tx, rollback_drills)
                        .values(
                            model_name=found.model,
                            at=found.at,
                            target_id=found.target_id,
                            passed=found.passed,
                            duration_ms=found.duration_ms,
                            code=found.code,
                            reason=found.reason,
                            recorded_at=now,
                        )
                        .on_conflict_do_nothing()
                    ).rowcount
                    if not made:  # the same drill ran twice at once; the first answer stands
                        return _stored(tx, found.model, found.at) or found
                if found.alarming:
                    record_notice(tx, _notice(found), channels=channels, now=now)
        except (StorageFullError, UnavailableError) as error:
            log.warning("the drill of %s was not recorded: %s", found.model, error)
        return found


def _said(
    name: str, choice: Choice | None, unavailable: UnavailableError | None
) -> tuple[str, str]:
    if unavailable is not None:
        return unavailable.code, unavailable.message
    assert choice is not None
    if choice.target is None:
        return NothingToRollBackError.code, why_nothing(name, choice)
    passed_over = "; ".join(f"{one.version} passed over: {one.reason}" for one in choice.broken)
    return OK, passed_over


def _notice(found: DrillReport) -> Notice:
    return Notice(
        kind="drill",
        model=found.model,
        version=found.target,
        version_id=found.target_id,
        headline=f"a rollback of {found.model} would not work",
        reasons=(found.reason,),
        by=ACTOR,
        at=found.at,
        severity="warning",
        key=f"drill:{found.model}:{found.at.isoformat()}",
    )


def _stored(connection: Connection, name: str, at: datetime) -> DrillReport | None:
    row = connection.execute(
        select(rollback_drills).where(
            rollback_drills.c.model_name == name, rollback_drills.c.at == at
        )
    ).one_or_none()
    if row is None:
        return None
    target = None if row.target_id is None else records.by_id(connection, row.target_id)
    return DrillReport(
        model=name,
        at=row.at,
        passed=row.passed,
        target=None if target is None else target.version,
        target_id=row.target_id,
        duration_ms=row.duration_ms,
        code=row.code,
        reason=row.reason,
        generation=generation(connection, name),
    )
