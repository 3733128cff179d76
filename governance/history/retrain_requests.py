"""A request for a retrain run is passed on once, however often the scan is repeated.

A scan writes into the incident that it asks (``incidents``); who passes the request on takes it
here first. Not promised: that a run follows. A process that dies between taking a request and
passing it on loses it; the incident shows ``retrain_requested_at`` all the same.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, or_, update

from governance.store.alert_tables import incidents
from governance.values import as_utc


def take_request(tx: Connection, incident: str, *, at: datetime) -> bool:
    """Is the request of the look at ``at`` still to be passed on? From now on it is not.

    Args:
        at: event time of the look; a request that is older than one passed on is not either.
    """
    moment = as_utc(at)
    taken = tx.execute(
        update(incidents)
        .where(
            incidents.c.id == incident,
            incidents.c.retrain_requested_at >= moment,
            or_(incidents.c.retrain_told_at.is_(None), incidents.c.retrain_told_at < moment),
        )
        .values(retrain_told_at=moment)
        .returning(incidents.c.id)
    ).first()
    return taken is not None
