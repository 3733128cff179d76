"""Samples in milliseconds and what is said of them: the median, and the 95th percentile beside it.

Medians, because another process on the machine must not decide a figure. Not promised: that two
runs agree; compare only what was measured in one run, taking turns.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Samples:
    """Milliseconds by operation, in the order in which they were taken.

    >>> samples = Samples()
    >>> samples.add("fsync", 2.0)
    >>> samples.add("fsync", 4.0)
    >>> samples.median("fsync")
    3.0
    """

    taken: dict[str, list[float]] = field(default_factory=dict)

    def add(self, operation: str, milliseconds: float) -> None:
        self.taken.setdefault(operation, []).append(milliseconds)

    def median(self, operation: str) -> float:
        return statistics.median(self.taken[operation])

    def summary(self) -> dict[str, dict[str, float]]:
        """Operation to ``median_ms``, ``p95_ms`` and the number of samples."""
        return {
            operation: {
                "median_ms": round(statistics.median(found), 4),
                "p95_ms": round(sorted(found)[math.ceil(0.95 * len(found)) - 1], 4),
                "samples": len(found),
            }
            for operation, found in self.taken.items()
        }


def milliseconds(operation: Callable[[], object]) -> float:
    """How long one call took."""
    started = time.perf_counter()
    operation()
    return (time.perf_counter() - started) * 1e3
