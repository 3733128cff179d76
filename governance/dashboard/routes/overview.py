"""The first page: every model in one line, what wants attention at the top."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from governance.access.rights import allowed
from governance.api.guard import Asking, Caller, right
from governance.dashboard.pages import page
from governance.dashboard.reads.fleet import SHOWS, SORTS, ModelLine, fleet
from governance.dashboard.routing import PageNumber, Word, page_router
from governance.decisions.approval_records import list_approvals
from governance.errors import GovernanceError

router = page_router()

LINES = 50
_MOST_WAITING = 20

Sort = Annotated[str, Query(pattern=f"^({'|'.join(SORTS)})$")]
Show = Annotated[str, Query(pattern=f"^({'|'.join(SHOWS)})$")]


@router.get("", openapi_extra=right("dashboard.read"), response_class=Response)
def get_overview(
    request: Request,
    caller: Asking,
    q: Word = "",
    show: Show = "all",
    sort: Sort = "alerts",
    number: PageNumber = 1,
) -> Response:
    """Champion, challengers, drift, alerts and the last decision of each model that one sees."""
    with caller.gov.database.read() as connection:
        lines = fleet(connection, patterns=caller.patterns)
        waiting = list_approvals(
            connection, state="pending", limit=_MOST_WAITING, patterns=caller.patterns
        )
    wanted = q.strip().lower()
    found = sorted(
        (line for line in lines if wanted in line.name and SHOWS[show](line)), key=SORTS[sort]
    )
    pages = max(1, -(-len(found) // LINES))
    number = min(number, pages)
    return page(
        request,
        "overview.html",
        caller=caller,
        lines=found[(number - 1) * LINES : number * LINES],
        found=len(found),
        number=number,
        pages=pages,
        first=(number - 1) * LINES + 1,
        totals=_totals(lines),
        declared=_declared(caller, {line.name for line in lines}),
        waiting=waiting,
        sort=sort,
        show=show,
        q=q,
    )


def _declared(caller: Caller, registered: Set[str]) -> list[str]:
    """Models that ``governance.yaml`` names, and that nobody trained yet."""
    try:
        names = sorted(caller.gov.config.models)
    except GovernanceError:  # a broken file is told of by the doctor and the log
        return []
    unseen = (name for name in names if name not in registered)
    return [name for name in unseen if allowed(caller.identity, "models.read", name)]


def _totals(lines: Sequence[ModelLine]) -> dict[str, Any]:
    return {
        "all": len(lines),
        "alerts": sum(line.alerts for line in lines),
        **{
            name: sum(chosen(line) for line in lines)
            for name, chosen in SHOWS.items()
            if name not in ("all", "alerts")
        },
    }
