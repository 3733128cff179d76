"""The query of an address: only names that the route knows, each once.

A misspelt or repeated name would otherwise be left out without a word. Neighbour: ``routes``. Not
here: what the values must be.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.routing import APIRoute

from governance.errors import InvalidInputError


def check_query(request: Request, known: frozenset[str]) -> None:
    """
    Raises:
        InvalidInputError: names what is unknown or stands twice.
    """
    if not request.scope["query_string"]:
        return
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise InvalidInputError(
                f"this route knows no query parameter {name[:40]!a}; it knows "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        if name in seen:
            raise InvalidInputError(f"the query names {name} twice; keep one")
        seen.add(name)


def known_query(request: Request) -> None:
    """A dependency of all routes: what their signatures name."""
    route = request.scope.get("route")
    if isinstance(route, APIRoute):
        check_query(request, frozenset(field.alias for field in route.dependant.query_params))
