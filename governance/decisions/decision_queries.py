"""Stored decisions by key, by model, one after the other. ``record`` writes them,
``stored_decisions`` reads a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from governance.canonical import storable
from governance.decisions.idempotency import replay_of
from governance.decisions.record import Decision
from governance.decisions.stored_decisions import decision_of, find_decision, select_decisions
from governance.errors import IntegrityError, InvalidInputError, NotFoundError
from governance.store.name_patterns import names_like
from governance.store.schema import activations, decisions, model_registry
from governance.values import check_model_name

MAX_PAGE = 1000
_BATCH = 200


def decided_under(
    connection: Connection, key: str | None, operation: str, fingerprint: str
) -> Decision | None:
    """The decision that an idempotency key stands for already; ``None`` for a new key or none.

    Raises:
        IdempotencyConflictError: the key was used with other arguments.
        IntegrityError: the decision is not there any more.
    """
    if key is None:
        return None
    answer = replay_of(connection, key, operation, fingerprint)
    if answer is None:
        return None
    found = find_decision(connection, answer["decision"])
    if found is None:
        raise IntegrityError(
            f"decision {answer['decision']} was answered and is missing from the database; "
            "restore the database from a backup"
        )
    return found


def get_decision(connection: Connection, decision_id: str) -> Decision:
    """The decision with this id.

    Raises:
        NotFoundError: there is none.
    """
    found = find_decision(connection, decision_id) if storable(decision_id) else None
    if found is None:
        raise NotFoundError(
            f"there is no decision {str(decision_id)[:40]!r}; `governance decision list` shows them"
        )
    return found


def list_decisions(
    connection: Connection,
    *,
    model: str | None = None,
    operation: str | None = None,
    limit: int = 100,
    patterns: Sequence[str] | None = None,
    after: str | None = None,
    version_id: str | None = None,
    frozen: bool = True,
) -> list[Decision]:
    """The newest first, in the order of the audit log.

    Args:
        version_id: only those about this version of ``model``.
        frozen: with facts and policy, for who judges again; without, both are empty.
        patterns: only of models whose names match one of them; ``None`` for all.
        after: id of the last decision of the page before.
    """
    if type(limit) is not int or not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    query = select_decisions(frozen=frozen).order_by(decisions.c.seq.desc()).limit(limit)
    if model is not None:
        query = query.where(decisions.c.model_name == check_model_name(model))
    if version_id is not None:
        query = query.where(decisions.c.version_id == version_id)
    if patterns is not None:
        query = query.where(names_like(decisions.c.model_name, patterns))
    if after is not None:
        query = query.where(decisions.c.seq < _seq_of(connection, after))
    if operation is not None:
        if not storable(operation):
            raise InvalidInputError(
                f"operation {operation!r:.40} is none; give validation, promotion, rollback or "
                "failover"
            )
        query = query.where(decisions.c.operation == operation)
    return [decision_of(row) for row in connection.execute(query)]


def _seq_of(connection: Connection, decision_id: str) -> int:
    found = (
        connection.scalar(select(decisions.c.seq).where(decisions.c.id == decision_id))
        if storable(decision_id)
        else None
    )
    if found is None:
        raise InvalidInputError("the cursor is not one that a list of decisions gave")
    return int(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableDecision:
    """A row of ``decisions`` that is not as it was written; ``problem``: what, and the remedy."""

    id: str
    operation: str
    model: str
    version: str
    problem: str


def every_decision(
    connection: Connection, *, operation: str | None = None, model: str | None = None
) -> Iterator[Decision | UnreadableDecision]:
    """All of them, or all of one operation or model, oldest first, a batch at a time."""
    query = select_decisions().order_by(decisions.c.seq).execution_options(yield_per=_BATCH)
    if operation is not None:
        query = query.where(decisions.c.operation == operation)
    if model is not None:
        query = query.where(decisions.c.model_name == check_model_name(model))
    for row in connection.execute(query):
        try:
            yield decision_of(row)
        except IntegrityError as error:
            yield UnreadableDecision(
                id=row.id,
                operation=row.operation,
                model=row.model_name,
                version=row.version,
                problem=error.message,
            )


def activation_history(connection: Connection, model: str) -> list[dict[str, Any]]:
    """Every activation of a model with who decided it and why, oldest first."""
    rows = connection.execute(
        select(
            activations.c.generation,
            activations.c.version_id,
            model_registry.c.version,
            activations.c.operation,
            activations.c.forced,
            activations.c.effective_at,
            activations.c.recorded_at,
            decisions.c.decided_by.label("by"),
            decisions.c.reason,
        )
        .outerjoin(model_registry, model_registry.c.id == activations.c.version_id)
        .outerjoin(decisions, decisions.c.id == activations.c.decision_id)
        .where(activations.c.model_name == model)
        .order_by(activations.c.generation)
    )
    return [dict(row._mapping) for row in rows]
