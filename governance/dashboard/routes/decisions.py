"""What was decided: the list, and one decision with every gate, replayed on request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.dashboard.pages import page
from governance.dashboard.routing import Cursor, Id, ModelWord, page_router
from governance.decisions.decision_queries import list_decisions
from governance.decisions.replay import Replay
from governance.errors import ReplayMismatchError
from governance.values import Verdict

router = page_router()

LINES = 50

Operation = Annotated[str, Query(pattern="^(validation|promotion|rollback|failover)?$")]
Again = Annotated[bool, Query()]


@router.get("/decisions", openapi_extra=right("decisions.list"), response_class=Response)
def list_of_decisions(
    request: Request,
    caller: Asking,
    model: ModelWord = "",
    operation: Operation = "",
    cursor: Cursor = "",
) -> Response:
    """The newest first, of models that one sees."""
    with caller.gov.database.read() as connection:
        found = list_decisions(
            connection,
            model=model or None,
            operation=operation or None,
            limit=LINES + 1,
            patterns=caller.patterns,
            after=cursor or None,
            frozen=False,
        )
    return page(
        request,
        "decisions.html",
        caller=caller,
        decisions=found[:LINES],
        next_cursor=found[LINES - 1].id if len(found) > LINES else None,
        model=model,
        operation=operation,
        paged=bool(cursor),
    )


@router.get(
    "/decisions/{decision_id}",
    openapi_extra=right("decisions.read", late=True),
    response_class=Response,
)
def get_decision(
    request: Request, caller: Asking, decision_id: Id, replay: Again = False
) -> Response:
    """Each gate with what it saw and what was asked; with ``replay`` what comes out now."""
    promotion = caller.gov.promotion
    found = caller.seen(lambda: promotion.decision(decision_id), lambda one: one.model)
    again: Replay | None = None
    problem = ""
    if replay:
        try:
            again = promotion.replay(decision_id)
        except ReplayMismatchError as error:
            problem = error.message
    order = {Verdict.FAIL: 0, Verdict.INSUFFICIENT: 1, Verdict.PASS: 2}
    return page(
        request,
        "decision.html",
        caller=caller,
        decision=found,
        checks=sorted(
            found.checks, key=lambda check: (check.mode != "enforce", order[check.result])
        ),
        counts=_counts(found.checks),
        replayed=again,
        problem=problem,
    )


def _counts(checks: Any) -> dict[str, int]:
    return {verdict.value: sum(check.result is verdict for check in checks) for verdict in Verdict}
