"""Which entries of the audit log fit a model, an action, a person: found by the rarest of them.

Each of the three has an index of its own, in the order of the log. SQLite looks through one, knows
nothing of how often a value is there, and would read a million entries to find three; so the few
are counted for it, up to a bound. PostgreSQL keeps such figures and puts indexes together itself.
Neighbours: ``audit`` reads oldest first, the pages newest first.

Not promised: speed where what is asked for is frequent by itself and never meets. That reads all
entries of the rarest (a third of a second for each half million).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, true

from governance.store.schema import audit_log

MANY = 10_000  # entries; to count so many takes a millisecond

_COLUMNS = {
    "model": audit_log.c.model_name,
    "action": audit_log.c.action,
    "actor": audit_log.c.actor,
}


def fitting(
    connection: Connection,
    wanted: Mapping[str, str | None],
    within: ColumnElement[bool] | None = None,
) -> Select[Any]:
    """The query of the entries that fit, without order and limit.

    Args:
        wanted: by ``model``, ``action``, ``actor``: the very value; ``None`` for any.
        within: the part of the log that is asked for, by ``seq``; ``None`` for the whole.
    """
    part = true() if within is None else within
    asked = {name: value for name, value in wanted.items() if value is not None}
    leads = set(asked)
    if len(asked) > 1 and connection.dialect.name == "sqlite":
        leads = {_rarest(connection, asked, part)}
    query = select(audit_log).where(part)
    for name, value in asked.items():
        column = _COLUMNS[name]
        # No index has an expression, so that the one of what leads is left to be taken.
        query = query.where((column if name in leads else column + "") == value)
    return query


def _rarest(connection: Connection, asked: Mapping[str, str], part: ColumnElement[bool]) -> str:
    def entries(name: str) -> int:
        some = select(audit_log.c.seq).where(_COLUMNS[name] == asked[name], part).limit(MANY)
        count = select(func.count()).select_from(some.subquery())
        return int(connection.execute(count).scalar_one())

    return min(asked, key=entries)
