"""Which version decides: ask, promote by the gates, force past them, roll back.

Who did it is who sent the request; who approved it is who answered the approval that it names.
"""

from __future__ import annotations

import uuid

from governance.api.guard import Asking, Caller, right
from governance.api.routes.decisions import shown
from governance.api.routing import router as new_router
from governance.api.routing import version_of
from governance.api.shapes.decisions import (
    CheckAsked,
    DecisionShown,
    ForceAsked,
    PromoteAsked,
    RollbackAsked,
)
from governance.api.shapes.parts import (
    IdempotencyKey,
    IfMatch,
    ModelName,
    VersionRef,
    generation_of,
)
from governance.errors import NotFoundError
from governance.store.database import database_time

router = new_router("promotion")


@router.post("/models/{model}/versions/{version}/check", openapi_extra=right("promotions.check"))
def check_version(
    caller: Asking, model: ModelName, version: VersionRef, asked: CheckAsked
) -> DecisionShown:
    """What would the gates say? Nothing is stored."""
    found = version_of(caller.gov, model, version)
    _, decision = caller.gov.promotion.check_promotion_eligibility(
        found, overrides=asked.overrides, at=asked.at
    )
    return shown(decision)


@router.post(
    "/models/{model}/versions/{version}/promote", openapi_extra=right("promotions.promote")
)
def promote_version(
    caller: Asking,
    model: ModelName,
    version: VersionRef,
    asked: PromoteAsked,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> DecisionShown:
    """Make this version the one that decides. 409 `gate_failed` carries the refused decision."""
    found = version_of(caller.gov, model, version)
    _check_approval(caller, model, asked.approval_id)
    decision = caller.gov.promotion.promote_to_production(
        found,
        by=caller.name,
        approval_id=asked.approval_id,
        reason=asked.reason,
        overrides=asked.overrides,
        idempotency_key=caller.key(idempotency_key),
        expected_generation=generation_of(if_match),
        at=asked.at,
    )
    return shown(decision)


@router.post("/models/{model}/versions/{version}/force", openapi_extra=right("promotions.force"))
def force_version(
    caller: Asking,
    model: ModelName,
    version: VersionRef,
    asked: ForceAsked,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> DecisionShown:
    """Make it decide without the gates; the policy's `force.allowed` must name the caller, too."""
    gov = caller.gov
    found = version_of(gov, model, version)
    _check_approval(caller, model, asked.approval_id)
    key = caller.key(idempotency_key) or uuid.uuid4().hex
    with gov.database.read() as connection:
        now = database_time(connection)
    user = gov.force_right.require(
        caller.name,
        model=model,
        version=found.version,
        reason=asked.reason,
        asked_at=now,
        idempotency_key=key,
    )
    decision = gov.promotion.promote_to_production(
        found,
        by=user,
        approval_id=asked.approval_id,
        force=True,
        reason=asked.reason,
        idempotency_key=key,
        expected_generation=generation_of(if_match),
        at=asked.at,
    )
    return shown(decision)


@router.post("/models/{model}/rollback", openapi_extra=right("promotions.rollback"))
def rollback_model(
    caller: Asking,
    model: ModelName,
    asked: RollbackAsked,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> DecisionShown:
    """Put an earlier version back. 409 `nothing_to_roll_back` says why each was passed over."""
    gov = caller.gov
    target = None if asked.to_version is None else version_of(gov, model, asked.to_version)
    decision = gov.promotion.rollback_model(
        model,
        to_version=target,
        by=caller.name,
        reason=asked.reason,
        at=asked.at,
        idempotency_key=caller.key(idempotency_key),
        expected_generation=generation_of(if_match),
    )
    return shown(decision)


def _check_approval(caller: Caller, model: str, approval_id: str | None) -> None:
    """Of another model's request nothing is said, not even that it is there.

    Raises:
        NotFoundError: there is no such request on this model.
    """
    if approval_id is None:
        return
    nothing = NotFoundError(f"{model} has no request for approval of this id; ask for one")
    try:
        found = caller.gov.approvals.get(approval_id)
    except NotFoundError:
        raise nothing from None
    if found.model != model:
        raise nothing
