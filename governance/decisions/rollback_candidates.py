"""The versions of a model that were in production, and which of them may take over by itself.

By their past alone; whether the bytes are intact and load is asked by ``rollback_target``. A
version comes into production by promotion or force once, and again by rollbacks only: so one that
was ever forced is a forced one, and one that a rollback ever took out was rolled back from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from governance.policy.rollback import PassedOver
from governance.registry.lifecycle import ROUTES, Route
from governance.store.schema import activations, model_registry
from governance.values import Stage

BY_HISTORY = frozenset({"failed", "rolled_back", "forced", "not_retired"})
_AT_ONCE = 10  # mostly the first that was not in production before is the target
_active, _own, _after = activations.c, activations.alias("own"), activations.alias("after")
_is_own = (_own.c.version_id == _active.version_id) & (_own.c.model_name == _active.model_name)
# Of each version, asked by the index of versions: a model may have been activated often.
_PAST = (
    select(
        _active.version_id,
        _active.generation,
        model_registry.c.version,
        model_registry.c.stage,
        select(func.count()).where(_is_own, _own.c.forced).scalar_subquery().label("forced"),
        select(func.max(_after.c.generation))
        .where(
            _is_own,
            _after.c.model_name == _own.c.model_name,
            _after.c.generation == _own.c.generation + 1,
            _after.c.operation == Route.ROLLBACK,
        )
        .scalar_subquery()
        .label("left"),
    )
    .join(model_registry, model_registry.c.id == _active.version_id, isouter=True)
    .where(_active.model_name == bindparam("model"), _active.generation < bindparam("before"))
    .order_by(_active.generation.desc())
    .limit(_AT_ONCE)
)
_NEWEST = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A version that was in production, its latest generation, and why it may not take over."""

    version_id: str
    version: str
    generation: int
    code: str | None = None
    reason: str = ""

    def passed_over(self, code: str, reason: str) -> PassedOver:
        """For the record of the decision."""
        return PassedOver(
            version_id=self.version_id,
            version=self.version,
            generation=self.generation,
            code=code,
            reason=reason,
        )


def candidates(connection: Connection, name: str) -> Iterator[Candidate]:
    """Every version that was in production and is not now, the one activated last first."""
    seen: set[str] = set()
    for row in _past(connection, name):
        if row.version_id in seen or row.stage is None or row.stage == Stage.PRODUCTION:
            continue
        seen.add(row.version_id)
        code, reason = None, ""
        if row.stage == Stage.FAILED:
            code, reason = "failed", "it failed"
        elif row.left is not None:
            code = "rolled_back"
            reason = f"it was rolled back from (generation {row.left})"
        elif row.forced:
            code, reason = "forced", "it came into production by force"
        elif row.stage not in ROUTES[Route.ROLLBACK]:
            code, reason = "not_retired", f"it is {row.stage}"
        yield Candidate(
            version_id=row.version_id,
            version=row.version,
            generation=row.generation,
            code=code,
            reason=reason,
        )


def _past(connection: Connection, name: str) -> Iterator[Any]:
    """Its activations, the newest first, a few at a time."""
    before = _NEWEST
    while rows := connection.execute(_PAST, {"model": name, "before": before}).all():
        yield from rows
        before = rows[-1].generation
        if len(rows) < _AT_ONCE:
            return
