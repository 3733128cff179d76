"""The versions of a model that were in production, and which of them may take over by itself.

By their past alone; whether the bytes are intact and load is asked by ``rollback_target``. A
version comes into production by promotion or force once, and again by rollbacks only: so one that
was ever forced is a forced one, and one that a rollback ever took out was rolled back from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Connection, bindparam, select

from governance.policy.rollback import PassedOver
from governance.registry.lifecycle import ROUTES, Route
from governance.store.schema import activations, model_registry
from governance.values import Stage

BY_HISTORY = frozenset({"failed", "rolled_back", "forced", "not_retired"})
_PAST = (
    select(
        activations.c.version_id,
        activations.c.generation,
        activations.c.operation,
        activations.c.forced,
        model_registry.c.version,
        model_registry.c.stage,
    )
    .join(model_registry, model_registry.c.id == activations.c.version_id, isouter=True)
    .where(activations.c.model_name == bindparam("model"))
    .order_by(activations.c.generation)
)


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
    history = connection.execute(_PAST, {"model": name}).all()
    forced = {row.version_id for row in history if row.forced}
    left = {
        before.version_id: after.generation
        for before, after in pairwise(history)
        if after.operation == Route.ROLLBACK
    }
    seen: set[str] = set()
    for row in reversed(history):
        if row.version_id in seen or row.stage is None or row.stage == Stage.PRODUCTION:
            continue
        seen.add(row.version_id)
        code, reason = None, ""
        if row.stage == Stage.FAILED:
            code, reason = "failed", "it failed"
        elif row.version_id in left:
            code = "rolled_back"
            reason = f"it was rolled back from (generation {left[row.version_id]})"
        elif row.version_id in forced:
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
