"""How often somebody may ask: a bucket of tokens for each caller, refilled all the time.

In this process alone: two processes let twice as much through. What it protects is the database, so
it counts before the database is asked for anything but who the caller is.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from governance.errors import RateLimitedError

MAX_KNOWN = 10_000  # callers that are remembered; the one that was quiet longest is forgotten
BURST_SECONDS = 4


class Rates:
    """
    Args:
        per_second: requests that one caller may make in the long run; 0 for no limit.
        clock: monotonic seconds.

    >>> now = [0.0]
    >>> rates = Rates(1, clock=lambda: now[0])
    >>> for _ in range(4):
    ...     rates.take("ann")
    >>> rates.take("ann")
    Traceback (most recent call last):
        ...
    governance.errors.RateLimitedError: more than 1 requests a second; wait a moment, ...
    >>> now[0] = 1.0
    >>> rates.take("ann")
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._burst = max(1.0, per_second * BURST_SECONDS)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, caller: str) -> None:
        """Count one request.

        Raises:
            RateLimitedError: too many.
        """
        if self._rate <= 0:
            return
        with self._lock:
            now = self._clock()
            left, seen = self._left.pop(caller, (self._burst, now))
            left = min(self._burst, left + (now - seen) * self._rate)
            enough = left >= 1
            self._left[caller] = (left - 1 if enough else left, now)
            if len(self._left) > MAX_KNOWN:
                self._left.popitem(last=False)
        if not enough:
            raise RateLimitedError(
                f"more than {self._rate:g} requests a second; wait a moment, then go on slower"
            )
