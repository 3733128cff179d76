"""What is live of a model, as the database has it at one moment: what its active files say.

Read in one snapshot (``Database.read``) or in a write transaction that holds the model's head.
Neighbours: ``manifests`` renders it, ``status`` makes the five keys of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from governance.decisions.rollback_candidates import candidates
from governance.registry import records
from governance.registry.home_owner import Mark
from governance.store.schema import (
    activations,
    audit_log,
    decisions,
    governed_models,
    model_registry,
)
from governance.values import ModelVersion, Stage, Verdict

MOST_ACTIVATIONS = 50  # the newest; `governance promotion history` has all
_CANDIDATES = tuple(stage for stage in Stage if stage not in (Stage.DRAFT, Stage.FAILED))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveState:
    """
    Attributes:
        generation: how often the production version has changed; 0: nothing was ever live.
        active: decides now. candidate: the highest number that is not failed.
        target: where a rollback without a name would go, by the versions' past alone.
        activations: the newest ``MOST_ACTIVATIONS``, the newest first.
        last: the last decision about a promotion, rollback or failover.
        audit: the entry of the audit log that this state follows from.
    """

    model: str
    generation: int
    active: ModelVersion | None
    candidate: ModelVersion | None
    target: ModelVersion | None
    activations: Sequence[Any]
    last: Any
    audit: Mark
    changed_at: str

    @property
    def activation(self) -> Any:
        """The one in force."""
        return self.activations[0] if self.activations else None


def changes_state() -> ColumnElement[bool]:
    """Entries of the audit log after which the active files may read differently."""
    action = audit_log.c.action
    named = action.in_(("version.registered", "version.drafted", "stage.changed"))
    return or_(named, action.like("%.decided"))


def read_state(connection: Connection, model: str) -> ActiveState | None:
    """``None``: this database knows no such model, or nothing of it was recorded."""
    generation = connection.scalar(
        select(governed_models.c.generation).where(governed_models.c.name == model)
    )
    entry = connection.execute(
        select(audit_log.c.seq, audit_log.c.hash, audit_log.c.recorded_at)
        .where(audit_log.c.model_name == model, changes_state())
        .order_by(audit_log.c.seq.desc())
        .limit(1)
    ).one_or_none()
    if generation is None or entry is None:
        return None
    return ActiveState(
        model=model,
        generation=generation,
        active=records.in_production(connection, model),
        candidate=_candidate(connection, model),
        target=_target(connection, model) if generation else None,
        activations=_activations(connection, model) if generation else (),
        last=last_decision(connection, model),
        audit={"seq": entry.seq, "hash": entry.hash},
        changed_at=entry.recorded_at,
    )


def _candidate(connection: Connection, model: str) -> ModelVersion | None:
    columns = model_registry.c
    row = connection.execute(
        select(model_registry)
        .where(columns.name == model, columns.stage.in_(_CANDIDATES), columns.digest != "")
        .order_by(columns.version_order.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else records.to_version(row)


def _target(connection: Connection, model: str) -> ModelVersion | None:
    for candidate in candidates(connection, model):
        if candidate.code is None:
            return records.by_id(connection, candidate.version_id)
    return None


def _activations(connection: Connection, model: str) -> Sequence[Any]:
    active, decided, version = activations.c, decisions.c, model_registry.c
    return connection.execute(
        select(
            active.generation,
            active.version_id,
            version.version,
            active.decision_id,
            active.operation,
            active.forced,
            active.effective_at,
            active.recorded_at,
            decided.decided_by,
            decided.approved_by,
            decided.reason,
        )
        .outerjoin(model_registry, version.id == active.version_id)
        .outerjoin(decisions, decided.id == active.decision_id)
        .where(active.model_name == model)
        .order_by(active.generation.desc())
        .limit(MOST_ACTIVATIONS)
    ).all()


def last_decision(connection: Connection, model: str) -> Any:
    """Of those that concern production; a validation is none."""
    decided = decisions.c
    return connection.execute(
        select(
            decided.id,
            decided.operation,
            decided.version_id,
            model_registry.c.version,
            decided.verdict,
            decided.eligible,
            decided.forced,
            decided.overridden,
            decided.decided_by,
            decided.approved_by,
            decided.reason,
            decided.checks,
            decided.at,
            decided.recorded_at,
            activations.c.generation,
        )
        .join_from(decisions, model_registry, model_registry.c.id == decided.version_id)
        .outerjoin(
            activations,
            (activations.c.model_name == decided.model_name)
            & (activations.c.decision_id == decided.id),
        )
        .where(decided.model_name == model, decided.operation != "validation")
        .order_by(decided.seq.desc())
        .limit(1)
    ).one_or_none()


def not_passed(checks: Iterable[dict[str, Any]]) -> list[str]:
    """Gates that did not pass and counted, in sentences."""
    return [
        f"{check['gate']}: {check['reason']}"
        for check in checks
        if check["result"] != Verdict.PASS.value and check.get("mode", "enforce") == "enforce"
    ]
