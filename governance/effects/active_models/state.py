"""What is live of a model, as the database has it at one moment: what its active files say.

Read in one snapshot (``Database.read``) or in a write transaction that holds the model's head.
Neighbours: ``manifests`` renders it, ``status`` makes the five keys of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, bindparam, or_, select

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
        rows: of the table of versions, by id: those of the versions above.
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
    rows: Mapping[str, Row[Any]]

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
_may_come = model_registry.alias("may_come")
_CANDIDATE = (
    select(_may_come.c.id)
    .where(_may_come.c.name == _MODEL, _may_come.c.stage.in_(_CANDIDATES), _may_come.c.digest != "")
    .order_by(_may_come.c.version_order.desc())
    .limit(1)
    .scalar_subquery()
)
_ROWS = select(model_registry, _CANDIDATE.label("candidate")).where(
    or_(_version.id.in_(bindparam("ids", expanding=True)), _version.id == _CANDIDATE)
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
    last, unreadable = _last(connection, model)
    activations = connection.execute(_ACTIVATIONS, asked).all() if entry.generation else ()
    to = next((one for one in candidates(connection, model) if one.code is None), None)
    decides = activations[0].version_id if activations else None
    before = None if to is None else to.version_id
    wanted = {"ids": [one for one in (decides, before) if one is not None]}
    rows = {row.id: row for row in connection.execute(_ROWS, asked | wanted)}
    named = {name: records.to_version(row) for name, row in rows.items()}
    candidate = next((row.candidate for row in rows.values()), None)
    return ActiveState(
        model=model,
        generation=entry.generation,
        active=None if decides is None else named[decides],
        candidate=None if candidate is None else named[candidate],
        target=None if before is None else named[before],
        activations=activations,
        last=last,
        unreadable=unreadable,
        audit={"seq": entry.seq, "hash": entry.hash},
        changed_at=entry.recorded_at,
        rows=rows,
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


def not_passed(checks: Iterable[dict[str, Any]]) -> list[str]:
    """Gates that did not pass and counted, in sentences."""
    return [
        f"{check['gate']}: {check['reason']}"
        for check in checks
        if check["result"] != Verdict.PASS.value and check.get("mode", "enforce") == "enforce"
    ]
