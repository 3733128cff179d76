"""Patterns of model names as a condition of a query: ``*`` stands for any text, nothing else is
special. The same rule as ``governance.access.roles.matches``, for the database.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, false, or_, true


def names_like(column: ColumnElement[str], patterns: Sequence[str] | None) -> ColumnElement[bool]:
    """Names that have one of these forms; ``None`` for all, nothing for none.

    >>> from sqlalchemy import column
    >>> print(names_like(column("name"), ["team_a-*"]).compile(
    ...     compile_kwargs={"literal_binds": True}))
    name LIKE 'team/_a-%' ESCAPE '/'
    """
    if patterns is None:
        return true()
    if not patterns:
        return false()
    return or_(*(column.like(_like(pattern), escape="/") for pattern in patterns))


def _like(pattern: str) -> str:
    return pattern.replace("/", "//").replace("_", "/_").replace("%", "/%").replace("*", "%")
