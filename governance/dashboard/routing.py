"""A router whose every route is a guarded page, and what the addresses of pages hold."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from governance.api.shapes.parts import NAME
from governance.dashboard.pages import PageRoute

# Tabs and links leave a parameter empty, which means that it was not given.
Word = Annotated[str, Query(max_length=80)]
ModelWord = Annotated[str, Query(pattern=rf"^$|{NAME}", max_length=64)]
Cursor = Annotated[str, Query(max_length=2000)]
PageNumber = Annotated[int, Query(ge=1, le=100_000, alias="page")]
Id = Annotated[str, Path(max_length=64)]


def page_router() -> APIRouter:
    return APIRouter(tags=["pages"], route_class=PageRoute, redirect_slashes=False)
