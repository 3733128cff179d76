"""How long to wait before the next attempt: from 5 seconds, doubling, up to 5 minutes.

Pure; chance is given by the caller. Half of the wait is random, so that many relays that met the
same outage do not come back together.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=5)


def delay(attempts: int, random: Random) -> timedelta:
    """The wait after ``attempts`` failures (1 is the first).

    >>> delay(1, Random(0)), delay(4, Random(0)) >= timedelta(seconds=20)
    (datetime.timedelta(seconds=5), True)
    """
    whole = min(LONGEST, FIRST * (1 << min(max(attempts, 1) - 1, 10)))
    return max(FIRST, whole / 2 + (whole / 2) * random.random())
