"""Live: this process answers. Ready: the database answers too, with the schema of this release.

The only routes that ask for no right; they say nothing about models.
"""

from __future__ import annotations

from starlette.requests import Request

from governance.api.guard import PUBLIC, right
from governance.api.routing import router as new_router
from governance.api.shapes.health import Live, Ready
from governance.store.database import database_time

router = new_router("health")


@router.get("/health/live", openapi_extra=right(PUBLIC))
def live() -> Live:
    """Does this process answer?"""
    return Live()


@router.get("/health/ready", openapi_extra=right(PUBLIC))
def ready(request: Request) -> Ready:
    """Can this process work? A fresh home is made ready; 503 while the database is away."""
    gov = request.app.state.desk.gov()
    with gov.database.read() as connection:
        database_time(connection)
    return Ready(database=gov.database.dialect)
