"""A person is asked before a version decides, and answers once."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import Path, Query

from governance.api.guard import Asking, right
from governance.api.paging import asked as one_more
from governance.api.paging import page
from governance.api.routing import router as new_router
from governance.api.routing import version_of
from governance.api.shapes.decisions import AnswerAsked, ApprovalAsked, ApprovalShown
from governance.api.shapes.parts import (
    Cursor,
    IdempotencyKey,
    Limit,
    ModelFilter,
    ModelName,
    Page,
    VersionRef,
)
from governance.decisions.approval_records import Approval, list_approvals

router = new_router("approvals")

ApprovalPath = Annotated[
    str, Path(max_length=64, examples=["0123456789abcdef0123456789abcdef"], description="Its id.")
]
State = Literal["pending", "approved", "rejected", "used"]


@router.post(
    "/models/{model}/versions/{version}/approvals",
    status_code=201,
    openapi_extra=right("approvals.request"),
)
def request_approval(
    caller: Asking,
    model: ModelName,
    version: VersionRef,
    asked: ApprovalAsked,
    idempotency_key: IdempotencyKey = None,
) -> ApprovalShown:
    """Ask for an approval. With the same `Idempotency-Key` the same request is given again."""
    found = caller.gov.approvals.request(
        version_of(caller.gov, model, version),
        by=caller.name,
        purpose=asked.purpose,
        overrides=asked.overrides,
        idempotency_key=caller.key(idempotency_key) or uuid.uuid4().hex,
    )
    return ApprovalShown.model_validate(found)


@router.get("/approvals", openapi_extra=right("approvals.list"))
def list_all_approvals(
    caller: Asking,
    model: ModelFilter = None,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ApprovalShown]:
    """Requests on the models that one sees, the newest first."""
    with caller.gov.database.read() as connection:
        found = list_approvals(
            connection,
            model=model,
            state=state,
            limit=one_more(limit),
            patterns=caller.patterns,
            after=cursor,
        )
    return page(found, limit, show=ApprovalShown.model_validate, cursor=lambda one: one.id)


@router.get("/approvals/{approval_id}", openapi_extra=right("approvals.read", late=True))
def get_approval(caller: Asking, approval_id: ApprovalPath) -> ApprovalShown:
    """One request, as it stands now."""
    return ApprovalShown.model_validate(_seen(caller, approval_id))


@router.post("/approvals/{approval_id}/answer", openapi_extra=right("approvals.answer", late=True))
def answer_approval(caller: Asking, approval_id: ApprovalPath, asked: AnswerAsked) -> ApprovalShown:
    """Approve or reject, once. The same answer by the same person again changes nothing."""
    found = _seen(caller, approval_id)
    answered = caller.gov.approvals.answer(
        found.id, approve=asked.approve, by=caller.name, comment=asked.comment
    )
    return ApprovalShown.model_validate(answered)


def _seen(caller: Asking, approval_id: str) -> Approval:
    return caller.seen(lambda: caller.gov.approvals.get(approval_id), lambda one: one.model)
