"""The effective time that a caller gives to what it records: in the past perhaps, never ahead.

A time ahead would let sessions that nobody has seen count as soaked, and make approvals that never
expire. Used by decisions, approvals, access tokens and the trials of the evidence. Pure.
Not promised: anything of ``at`` in a mere question (an eligibility check may ask of any moment).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from governance.errors import InvalidInputError
from governance.values import iso

SKEW = timedelta(minutes=5)  # by how much the clocks of caller and database may differ


def refuse_future(at: datetime | None, *, now: datetime) -> None:
    """Refuse ``at`` later than ``now``, the database's time; ``None`` means that time itself.

    >>> from datetime import UTC
    >>> now = datetime(2013, 2, 1, tzinfo=UTC)
    >>> refuse_future(now + timedelta(minutes=4), now=now)
    >>> refuse_future(now + timedelta(minutes=6), now=now)
    Traceback (most recent call last):
        ...
    governance.errors.InvalidInputError: at=2013-02-01T00:06:00.000000Z lies in the future ...
    """
    if at is not None and at - SKEW > now:
        raise InvalidInputError(
            f"at={iso(at)} lies in the future (the database's time is {iso(now)}); "
            "leave it out, or give the time when it happened"
        )
