"""How many incidents are open and closed. ``governance.history.incident_handling`` lists them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from governance.store.alert_tables import incidents
from governance.store.name_patterns import names_like


def totals(
    connection: Connection, *, model: str | None, patterns: Sequence[str] | None
) -> dict[str, int]:
    """By state, and of all."""
    query = select(incidents.c.state, func.count()).group_by(incidents.c.state)
    if patterns is not None:
        query = query.where(names_like(incidents.c.model_name, patterns))
    if model is not None:
        query = query.where(incidents.c.model_name == model)
    found = {state: number for state, number in connection.execute(query)}
    return {
        "open": found.get("open", 0),
        "closed": found.get("closed", 0),
        "all": sum(found.values()),
    }
