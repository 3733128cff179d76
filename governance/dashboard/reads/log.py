"""The audit log as people read it: the newest first, of one model, action or person.

Neighbour: ``governance.history.audit`` reads it oldest first and verifies it. Shown is what is
stored; whether it is as it was written, only a verification says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from governance.canonical import canonical_json
from governance.history.audit_filter import fitting
from governance.store.schema import audit_log

_log = audit_log.c
_MOST_ACTIONS = 200


def latest(
    connection: Connection,
    *,
    model: str = "",
    action: str = "",
    actor: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Up to ``limit`` entries before ``before``, the newest first; details that are no JSON any
    more are shown as the text that they are.
    """
    wanted = {"model": model or None, "action": action or None, "actor": actor or None}
    query = fitting(connection, wanted, None if before is None else _log.seq < before)
    found = connection.execute(query.order_by(_log.seq.desc()).limit(limit))
    return [{**row._mapping, "details": _parsed(row.details)} for row in found]


def _parsed(text: str) -> Any:
    try:
        found = json.loads(text)
        canonical_json(found)  # Python reads more than JSON, and deeper than a page can write
        return found
    except (TypeError, ValueError, RecursionError):
        return str(text)


def entries(connection: Connection) -> int:
    """How many entries there are: the log has no gaps."""
    return connection.execute(select(func.max(_log.seq))).scalar_one() or 0


def actions(connection: Connection) -> Sequence[str]:
    """What happened at all, by name. It leaps from one action to the next in the index, since to
    read every entry would take a second.
    """
    first = select(func.min(_log.action).label("action")).cte("leap", recursive=True)
    behind = audit_log.alias("behind")
    following = (
        select(func.min(behind.c.action)).where(behind.c.action > first.c.action).scalar_subquery()
    )
    leap = first.union_all(select(following).where(first.c.action.is_not(None)))
    rows = connection.execute(
        select(leap.c.action).where(leap.c.action.is_not(None)).limit(_MOST_ACTIONS)
    ).scalars()
    return sorted(rows)
