"""How many decisions there are of each sort, without counting all of them every time.

Decisions are append-only and numbered in the order of their commits (`seq` is that of the audit
entry), so what was counted once stays counted: each look adds what came since. A database that was
put back to an older state is counted anew.
"""

from __future__ import annotations

import threading

from sqlalchemy import Connection, func, select

from governance.store.schema import decisions

Sort = tuple[str, str, bool]  # operation, verdict, forced

_columns = decisions.c
_LAST = select(func.max(_columns.seq))


class DecisionCounts:
    """For one database; may be asked from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._counts: dict[Sort, int] = {}

    def __call__(self, connection: Connection) -> dict[Sort, int]:
        """All of them, as the transaction of ``connection`` sees them. Two statements."""
        last = connection.scalar(_LAST) or 0
        with self._lock:
            if last < self._seen:
                self._seen, self._counts = 0, {}
            first, counts = self._seen, dict(self._counts)
        rows = connection.execute(
            select(_columns.operation, _columns.verdict, _columns.forced, func.count())
            .where(_columns.seq > first, _columns.seq <= last)
            .group_by(_columns.operation, _columns.verdict, _columns.forced)
        )
        for operation, verdict, forced, number in rows:
            key = (str(operation), str(verdict), bool(forced))
            counts[key] = counts.get(key, 0) + number
        with self._lock:
            if last >= self._seen:
                self._seen, self._counts = last, dict(counts)
        return counts
