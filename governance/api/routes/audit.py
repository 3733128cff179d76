"""What happened: the audit log of one model, or the whole of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from governance.api.guard import Asking, right
from governance.api.paging import asked as one_more
from governance.api.paging import number_of, page
from governance.api.routing import router as new_router
from governance.api.shapes.history import AuditEntryShown, Verified
from governance.api.shapes.parts import LINE, Cursor, Limit, ModelFilter, ModelName, Page
from governance.history.audit import AuditEntry

router = new_router("audit")

Action = Annotated[
    str | None,
    Query(
        pattern=r"^[a-z_.]{1,64}$", description="Only this action.", examples=["version.registered"]
    ),
]
Actor = Annotated[
    str | None,
    Query(pattern=LINE, max_length=255, description="Only what this person did.", examples=["ann"]),
]


@router.get("/models/{model}/audit", openapi_extra=right("audit.read"))
def list_model_entries(
    caller: Asking,
    model: ModelName,
    action: Action = None,
    actor: Actor = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AuditEntryShown]:
    """What happened to one model, oldest first."""
    return _entries(caller, model, action, actor, limit, cursor)


@router.get("/audit", openapi_extra=right("audit.read"))
def list_entries(
    caller: Asking,
    model: ModelFilter = None,
    action: Action = None,
    actor: Actor = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AuditEntryShown]:
    """The whole log, oldest first. Takes the right on `*`."""
    return _entries(caller, model, action, actor, limit, cursor)


@router.get("/audit/verify", openapi_extra=right("audit.read"))
def verify_log(caller: Asking) -> Verified:
    """Walk the whole chain and hold its records against it; 409 names the first bad entry.

    A cut tail or a rewritten log is seen with a signed checkpoint only: `governance audit verify
    --checkpoint`.
    """
    found = caller.gov.audit.verify()
    return Verified(intact=True, entries=found.entries, head=found.head, anchored=False)


def _entries(
    caller: Asking,
    model: str | None,
    action: str | None,
    actor: str | None,
    limit: int,
    cursor: str | None,
) -> Page[AuditEntryShown]:
    found = caller.gov.audit.entries(
        model=model, action=action, actor=actor, after=number_of(cursor), limit=one_more(limit)
    )
    return page(found, limit, show=_shown, cursor=lambda entry: str(entry.seq))


def _shown(entry: AuditEntry) -> AuditEntryShown:
    return AuditEntryShown(
        seq=entry.seq,
        recorded_at=entry.recorded_at,
        actor=entry.actor,
        action=entry.action,
        model=entry.model,
        version_id=entry.version_id,
        details=dict(entry.details),
        previous_hash=entry.previous_hash,
        hash=entry.hash,
    )
