"""What was decided, and why: the records, and whether they still come out the same."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.paging import asked, page
from governance.api.routing import router as new_router
from governance.api.shapes.decisions import DecisionShown, DecisionWhole, ReplayShown
from governance.api.shapes.parts import Cursor, Limit, ModelFilter, Page
from governance.decisions.decision_queries import list_decisions
from governance.decisions.record import Decision

router = new_router("decisions")

DecisionId = Annotated[
    str, Path(max_length=64, examples=["0123456789abcdef0123456789abcdef"], description="Its id.")
]
Operation = Literal["validation", "promotion", "rollback", "failover"]


@router.get("/decisions", openapi_extra=right("decisions.list"), response_model=Page[DecisionShown])
def list_all_decisions(
    caller: Asking,
    model: ModelFilter = None,
    operation: Annotated[Operation | None, Query(description="Only of this kind.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Decisions on the models that one sees, the newest first."""
    with caller.gov.database.read() as connection:
        found = list_decisions(
            connection,
            model=model,
            operation=operation,
            limit=asked(limit),
            patterns=caller.patterns,
            after=cursor,
            frozen=False,
        )
    # A page has a thousand gates, and they are of our own record: looking at each again takes as
    # long as all the rest. A test compares the shapes.
    said = page(found, limit, show=Decision.as_json, cursor=lambda one: one.id or "")
    return Response(said.model_dump_json(), media_type="application/json")


@router.get("/decisions/{decision_id}", openapi_extra=right("decisions.read", late=True))
def get_decision(caller: Asking, decision_id: DecisionId) -> DecisionWhole:
    """One decision with its facts and its policy."""
    found = _seen(caller, decision_id)
    return DecisionWhole.model_validate(
        {**found.as_json(), "facts": dict(found.facts), "policy": dict(found.policy)}
    )


@router.get("/decisions/{decision_id}/replay", openapi_extra=right("decisions.read", late=True))
def replay_decision(caller: Asking, decision_id: DecisionId) -> ReplayShown:
    """Judged again from what was frozen in it; 409 `replay_mismatch` if it comes out otherwise."""
    found = _seen(caller, decision_id)
    return ReplayShown.model_validate(caller.gov.promotion.replay(found.id or "").as_json())


def shown(decision: Decision) -> DecisionShown:
    return DecisionShown.model_validate(decision.as_json())


def _seen(caller: Asking, decision_id: str) -> Decision:
    return caller.seen(lambda: caller.gov.promotion.decision(decision_id), lambda one: one.model)
