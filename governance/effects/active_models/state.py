"""What is live of a model, as the database has it at one moment: what its active files say.

Read in one snapshot (``Database.read``) or in a write transaction that holds the model's head.
Neighbours: ``manifests`` renders it, ``status`` makes the five keys of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, or_, select

from governance.decisions.rollback_candidates import candidates
from governance.errors import IntegrityError
from governance.registry import records
from governance.registry.home_owner import Mark
from governance.store.schema import (
    activations,
    audit_log,
    decisions,
    governed_models,
    model_registry,
)
from governance.store.types import ascii_text
from governance.values import ModelVersion, Stage, Verdict

log = logging.getLogger(__name__)

MOST_ACTIVATIONS = 20  # the newest; `governance promotion history` has all
_CANDIDATES = tuple(stage for stage in Stage if stage not in (Stage.DRAFT, Stage.FAILED))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveState:
    """
    Attributes:
        generation: how often the production version has changed; 0: nothing was ever live.
        active: decides now. candidate: the highest number that is not failed.
        target: where a rollback without a name would go, by the versions' past alone.
        activations: the newest ``MOST_ACTIVATIONS``, the newest first.
        last: the last decision about a promotion, rollback or failover; ``unreadable``: there is
            one, and it is not as it was written.
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
    unreadable: bool = False

    @property
    def activation(self) -> Any:
        """The one in force."""
        return self.activations[0] if self.activations else None


_CHANGES = ("version.registered", "version.drafted", "stage.changed")


def is_change(action: str) -> bool:
    """May the active files read differently after such an entry of the audit log?"""
    return action in _CHANGES or action.endswith(".decided")


def _is_change() -> ColumnElement[bool]:
    """The same, asked of the database."""
    return or_(audit_log.c.action.in_(_CHANGES), audit_log.c.action.like("%.decided"))


# Built once: to build them costs more than to ask them.
_MODEL: BindParameter[str] = bindparam("model", type_=ascii_text(64))
_ENTRY = (
    select(governed_models.c.generation, audit_log.c.seq, audit_log.c.hash, audit_log.c.recorded_at)
    .join_from(governed_models, audit_log, audit_log.c.model_name == governed_models.c.name)
    .where(governed_models.c.name == _MODEL, _is_change())
    .order_by(audit_log.c.seq.desc())
    .limit(1)
)
_version, _active, _decided = model_registry.c, activations.c, decisions.c
_CANDIDATE = (
    select(model_registry)
    .where(_version.name == _MODEL, _version.stage.in_(_CANDIDATES), _version.digest != "")
    .order_by(_version.version_order.desc())
    .limit(1)
)
_ACTIVATIONS = (
    select(
        _active.generation,
        _active.version_id,
        _version.version,
        _active.decision_id,
        _active.operation,
        _active.forced,
        _active.effective_at,
        _active.recorded_at,
        _decided.decided_by,
        _decided.approved_by,
        _decided.reason,
    )
    .outerjoin(model_registry, _version.id == _active.version_id)
    .outerjoin(decisions, _decided.id == _active.decision_id)
    .where(_active.model_name == _MODEL)
    .order_by(_active.generation.desc())
    .limit(MOST_ACTIVATIONS)
)
# Of those that concern production; a validation is none.
_LAST_DECISION = (
    select(
        _decided.id,
        _decided.operation,
        _decided.version_id,
        _version.version,
        _decided.verdict,
        _decided.eligible,
        _decided.forced,
        _decided.overridden,
        _decided.decided_by,
        _decided.approved_by,
        _decided.reason,
        _decided.checks,
        _decided.at,
        _decided.recorded_at,
        _active.generation,
    )
    .join_from(decisions, model_registry, _version.id == _decided.version_id)
    .outerjoin(
        activations,
        (_active.model_name == _decided.model_name) & (_active.decision_id == _decided.id),
    )
    .where(_decided.model_name == _MODEL, _decided.operation != "validation")
    .order_by(_decided.seq.desc())
    .limit(1)
)


def read_state(connection: Connection, model: str) -> ActiveState | None:
    """``None``: this database knows no such model, or nothing of it was recorded."""
    asked = {"model": model}
    entry = connection.execute(_ENTRY, asked).one_or_none()
    if entry is None:
        return None
    candidate = connection.execute(_CANDIDATE, asked).one_or_none()
    last, unreadable = _last(connection, model)
    activations = connection.execute(_ACTIVATIONS, asked).all() if entry.generation else ()
    active, target = _in_force(connection, model, activations)
    return ActiveState(
        model=model,
        generation=entry.generation,
        active=active,
        candidate=None if candidate is None else records.to_version(candidate),
        target=target,
        activations=activations,
        last=last,
        unreadable=unreadable,
        audit={"seq": entry.seq, "hash": entry.hash},
        changed_at=entry.recorded_at,
    )


def _last(connection: Connection, model: str) -> tuple[Any, bool]:
    """The last decision, and whether there is one that cannot be read: no reason to leave the
    files of this model, or of those after it, as they are.
    """
    try:
        row = connection.execute(_LAST_DECISION, {"model": model}).one_or_none()
        if row is not None:
            not_passed(row.checks)
    except (IntegrityError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.error(
            "the last decision about %s is not as it was written (%s: %s); run `governance audit "
            "verify`, and restore the database from a backup",
            model,
            type(error).__name__,
            error,
        )
        return None, True
    return row, False


def _in_force(
    connection: Connection, model: str, activations: Sequence[Any]
) -> tuple[ModelVersion | None, ModelVersion | None]:
    """The version in production, and the one that a rollback would go to."""
    target = next((one for one in candidates(connection, model) if one.code is None), None)
    ids = [
        activations[0].version_id if activations else None,
        None if target is None else target.version_id,
    ]
    wanted = [one for one in ids if one is not None]
    found = {row.id: row for row in records.rows_of(connection, wanted)}
    active, before = (None if one is None else records.to_version(found[one]) for one in ids)
    return active, before


def not_passed(checks: Iterable[dict[str, Any]]) -> list[str]:
    """Gates that did not pass and counted, in sentences."""
    return [
        f"{check['gate']}: {check['reason']}"
        for check in checks
        if check["result"] != Verdict.PASS.value and check.get("mode", "enforce") == "enforce"
    ]
