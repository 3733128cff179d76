"""What was answered, counted: requests, rows, errors by code, latency, by model.

Counting costs about a microsecond and takes one lock; models are bounded by the registry, codes by
``governance.errors``. Neighbours: ``routes`` (count and show), the Prometheus face (renders
``snapshot``). Counters begin at zero with the process.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

# Seconds; the last bucket is open. Fine where the target lies (1 and 10 ms).
BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


@dataclass(slots=True)
class ModelFigures:
    """Of one model. ``buckets[i]`` counts answers within ``BOUNDS[i]``, the last one all others."""

    requests: int = 0
    rows: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    errors: dict[str, int] = field(default_factory=dict)


class Figures:
    """
    >>> figures = Figures()
    >>> figures.answered("momentum", rows=2, seconds=0.0007)
    >>> figures.snapshot()["momentum"]["rows"]
    2
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, ModelFigures] = {}

    def answered(self, model: str, *, rows: int, seconds: float) -> None:
        with self._lock:
            one = self._of(model)
            one.requests += 1
            one.rows += rows
            one.seconds += seconds
            one.buckets[bisect_left(BOUNDS, seconds)] += 1

    def failed(self, model: str, code: str) -> None:
        """Of a model that is known; names that anybody can invent are not counted."""
        with self._lock:
            errors = self._of(model).errors
            errors[code] = errors.get(code, 0) + 1

    def of(self, model: str) -> dict[str, Any]:
        """Of one model as JSON; zeros if nothing was asked of it."""
        with self._lock:
            return _as_json(self._models.get(model) or ModelFigures())

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Of all models, as JSON."""
        with self._lock:
            return {name: _as_json(one) for name, one in self._models.items()}

    def _of(self, model: str) -> ModelFigures:
        found = self._models.get(model)
        if found is None:
            found = self._models[model] = ModelFigures()
        return found


def _as_json(one: ModelFigures) -> dict[str, Any]:
    return {
        "requests": one.requests,
        "rows": one.rows,
        "seconds": one.seconds,
        "latency": {"bounds": list(BOUNDS), "counts": list(one.buckets)},
        "errors": dict(one.errors),
    }
