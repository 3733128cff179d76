"""Rows of ``decisions`` as ``Decision``: one by its id, the last one, and how a row is read.

Neighbours: ``record`` (what a decision is, and its writing), ``decision_queries`` (lists of them).
Not promised: that a row is what was judged; its audit entry and ``replay`` prove that.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, select, type_coerce
from sqlalchemy.engine import Connection

from governance.decisions.record import Decision
from governance.errors import IntegrityError
from governance.policy.verdict import GateResult
from governance.store.schema import activations, decisions, model_registry
from governance.store.types import OrProblem
from governance.values import Verdict


def find_decision(connection: Connection, decision_id: str) -> Decision | None:
    """The stored record with this id."""
    row = connection.execute(select_decisions().where(decisions.c.id == decision_id)).one_or_none()
    return None if row is None else decision_of(row)


def latest_decision(connection: Connection, version_id: str, operation: str) -> Decision | None:
    """The last decision of this kind on a version."""
    row = connection.execute(
        select_decisions()
        .where(decisions.c.version_id == version_id, decisions.c.operation == operation)
        .order_by(decisions.c.seq.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else decision_of(row)


_PARSED = ("checks", "facts", "policy", "at", "recorded_at")


_FROZEN = ("facts", "policy")  # nearly all of a row's bytes


def select_decisions(*, frozen: bool = True) -> Select[Any]:
    """Decisions with the number of their version and the generation they led to.

    Args:
        frozen: with their facts and their policy; without, both are read as empty.
    """
    columns = [
        type_coerce(column, OrProblem(column.type)).label(column.name)
        if column.name in _PARSED
        else column
        for column in decisions.columns
        if frozen or column.name not in _FROZEN
    ]
    return (
        select(*columns, model_registry.c.version, activations.c.generation)
        .join(model_registry, model_registry.c.id == decisions.c.version_id)
        .outerjoin(activations, activations.c.decision_id == decisions.c.id)
    )


def decision_of(row: Row[Any]) -> Decision:
    """A row of ``select_decisions``.

    Raises:
        IntegrityError: it is not as it was written.
    """
    try:
        return _decision(row)
    except (IntegrityError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise IntegrityError(
            f"decision {row.id} of {row.model_name} is not as it was written "
            f"({type(error).__name__}: {str(error)[:120]}); run `governance audit verify`, and "
            "restore the database from a backup"
        ) from error


def _decision(row: Row[Any]) -> Decision:
    for name in _PARSED:
        if isinstance(value := getattr(row, name, None), IntegrityError):
            raise value
    facts, policy = (getattr(row, name, {}) for name in _FROZEN)
    if not (isinstance(facts, dict) and isinstance(policy, dict)):
        raise TypeError("facts or policy are no JSON object")
    return Decision(
        id=row.id,
        operation=row.operation,
        model=row.model_name,
        version_id=row.version_id,
        version=row.version,
        verdict=Verdict(row.verdict),
        eligible=row.eligible,
        forced=row.forced,
        checks=tuple(
            GateResult(**{**check, "result": Verdict(check["result"])}) for check in row.checks
        ),
        facts=facts,
        policy=policy,
        policy_digest=row.policy_digest,
        verdict_hash=row.verdict_hash,
        by=row.decided_by,
        approved_by=row.approved_by,
        reason=row.reason,
        overridden=row.overridden,
        approval_id=row.approval_id,
        at=row.at,
        recorded_at=row.recorded_at,
        generation=row.generation,
    )
