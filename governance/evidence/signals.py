"""What followed a signal: how far the price went for it, and how far against it, before it ended.

A signal is a row that a model acts on. Its excursions are measured by whoever makes the labels,
since only they know what acting means; here they become one figure each. Pure. Neighbours:
``classification`` (was the prediction right?), ``trading`` (what would it have earned?). Not
promised: that anybody could have left at the best price.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from governance.errors import InvalidEvidenceError
from governance.evidence.measured import Measured, as_vector, require_same_rows


def signal_metrics(acted: Any, favourable_bps: Any, adverse_bps: Any) -> Measured:
    """Mean maximum favourable and adverse excursion of the rows that were acted on.

    Args:
        acted: true where the model acts, shape (n,).
        favourable_bps, adverse_bps: largest move for and against the action until its horizon, in
            1/10,000 of the price at the signal, both 0 or more, shape (n,).

    Raises:
        InvalidEvidenceError: no rows, different lengths, missing or negative excursions.

    >>> dict(signal_metrics([1, 0, 1], [10, 99, 30], [5, 99, 7]))
    {'mfe_bps': 20.0, 'mae_bps': 6.0, 'signals': 2.0}
    """
    require_same_rows(acted=acted, favourable_bps=favourable_bps, adverse_bps=adverse_bps)
    chosen = as_vector(acted, "acted") != 0
    values: dict[str, float | None] = {"mfe_bps": None, "mae_bps": None}
    for name, moves in (("mfe_bps", favourable_bps), ("mae_bps", adverse_bps)):
        vector = as_vector(moves, name)
        if (vector < 0).any():
            raise InvalidEvidenceError(f"{name}: an excursion is 0 or more; give its size")
        if chosen.any():
            values[name] = _mean(vector[chosen])
    reasons = {name: "the model never acted" for name, value in values.items() if value is None}
    return Measured({**values, "signals": float(chosen.sum())}, chosen.size, reasons)


def _mean(sizes: Any) -> float:
    """Also of values so large that their sum is none: as shares of the largest."""
    largest = float(sizes.max())
    if largest == 0.0:
        return 0.0
    return largest * min(1.0, float(np.mean(sizes / largest)))
