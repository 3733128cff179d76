"""The table of approvals: what a request is, how one is found, and how a promotion uses it up.

Functions take the caller's transaction, in which the model's head is locked. Neighbours:
``approvals`` asks and answers, ``promoting`` uses. Not here: who may approve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, or_, select, update

from governance.canonical import storable
from governance.errors import (
    ApprovalNotUsableError,
    ApproverNotAllowedError,
    InvalidInputError,
    NotFoundError,
)
from governance.store.name_patterns import names_like
from governance.store.promotion_tables import approvals
from governance.store.schema import model_registry
from governance.values import ModelVersion, check_model_name, iso

STATES = ("pending", "approved", "rejected", "used")
MAX_PAGE = 1000

_row = approvals.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """
    Attributes:
        purpose: ``promotion`` or ``force``.
        digest, policy_digest, generation: what it is bound to.
        state: ``pending``, ``approved``, ``rejected``, ``used``.
        expires_at: after this, in the database's clock, it is neither answered nor used.
        decision_id: of the promotion that used it up.
    """

    id: str
    model: str
    version_id: str
    version: str
    purpose: str
    digest: str
    policy_digest: str
    generation: int
    state: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    answered_by: str | None = None
    answered_at: datetime | None = None
    comment: str | None = None
    decision_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def usable(
    tx: Connection,
    approval_id: str,
    *,
    version: ModelVersion,
    policy_digest: str,
    generation: int,
    purpose: str,
    may_force: Callable[[str], bool],
    now: datetime,
) -> Approval:
    """The approval, if it is about exactly this promotion; asked under the model's lock.

    Args:
        may_force: asked of whoever approved a force, again: the right may be gone since.

    Raises:
        ApprovalNotUsableError: says what it is about instead, or what became of it.
        ApproverNotAllowedError: of a force, by somebody who may not force now.
    """
    found = find(tx, approval_id)
    if found.state != "approved":
        what = {
            "pending": "is not answered yet",
            "rejected": f"was rejected by {found.answered_by}",
            "used": "was used by another promotion",
        }[found.state]
        raise ApprovalNotUsableError(f"approval {approval_id[:12]} {what}; ask for another one")
    refuse_late(found, now)
    bound = (
        ("version", (found.version_id, found.digest), (version.id, version.digest)),
        ("purpose", found.purpose, purpose),
        ("policy", found.policy_digest, policy_digest),
        ("generation", found.generation, generation),
    )
    other = [name for name, was, wanted in bound if was != wanted]
    if other:
        raise ApprovalNotUsableError(
            f"approval {approval_id[:12]} was given for another {' and '.join(other)} than "
            "this promotion has; ask for another one"
        )
    if found.purpose == "force":
        require_may_force(found.answered_by or "", may_force)
    return found


def require_may_force(person: str, may_force: Callable[[str], bool]) -> None:
    """
    Raises:
        ApproverNotAllowedError: the policy does not name this person under ``force.allowed``.
    """
    if not may_force(person):
        raise ApproverNotAllowedError(
            f"{person} may not force a promotion; ask one of those whom the policy file names "
            "(force.allowed)"
        )


def use_up(tx: Connection, approval_id: str, *, decision_id: str) -> None:
    """Mark it used by this decision, in the decision's transaction.

    Raises:
        ApprovalNotUsableError: another promotion was first.
    """
    changed = tx.execute(_USE, {"asked": approval_id, "decision": decision_id}).rowcount
    if changed != 1:
        raise ApprovalNotUsableError(
            f"approval {approval_id[:12]} was used by another promotion; ask for another one"
        )


def find(connection: Connection, approval_id: str) -> Approval:
    """
    Raises:
        NotFoundError: no such request.
    """
    row = (
        connection.execute(_FIND, {"asked": approval_id}).one_or_none()
        if storable(approval_id)
        else None
    )
    if row is None:
        raise NotFoundError(
            f"there is no approval {str(approval_id)[:40]!r}; `governance approval list` shows them"
        )
    return to_approval(row)


def list_approvals(
    connection: Connection,
    *,
    model: str | None = None,
    state: str | None = None,
    limit: int = 100,
    patterns: Sequence[str] | None = None,
    after: str | None = None,
) -> list[Approval]:
    """Requests, the newest first.

    Args:
        patterns: only of models whose names match one of them; ``None`` for all.
        after: id of the last request of the page before.
    """
    if state is not None and state not in STATES:
        raise InvalidInputError(f"state is one of {', '.join(STATES)}, not {state!r:.40}")
    if type(limit) is not int or not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    query = select_approvals().order_by(_row.requested_at.desc(), _row.id).limit(limit)
    if model is not None:
        query = query.where(_row.model_name == check_model_name(model))
    if patterns is not None:
        query = query.where(names_like(_row.model_name, patterns))
    if state is not None:
        query = query.where(_row.state == state)
    if after is not None:
        try:
            last = find(connection, after)
        except NotFoundError:
            raise InvalidInputError("the cursor is not one that a list of approvals gave") from None
        query = query.where(
            or_(
                _row.requested_at < last.requested_at,
                and_(_row.requested_at == last.requested_at, _row.id > last.id),
            )
        )
    return [to_approval(row) for row in connection.execute(query)]


def refuse_late(found: Approval, moment: datetime) -> None:
    """Refuse what is past its deadline."""
    if moment > found.expires_at:
        raise ApprovalNotUsableError(
            f"approval {found.id[:12]} expired at {iso(found.expires_at)}; ask for another one"
        )


def select_approvals() -> Select[Any]:
    """Requests with the number of their version."""
    return select(approvals, model_registry.c.version).join(
        model_registry, model_registry.c.id == _row.version_id
    )


# Built once: to build these costs more than to run them.
_FIND = select_approvals().where(_row.id == bindparam("asked"))
_USE = (
    update(approvals)
    .where(_row.id == bindparam("asked"), _row.state == "approved")
    .values(state="used", decision_id=bindparam("decision"))
)


def to_approval(row: Row[Any]) -> Approval:
    """A row of ``select_approvals``."""
    values = dict(row._mapping)
    return Approval(model=values.pop("model_name"), **values)
