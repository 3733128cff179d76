"""From a probability to a position: what a trading model would hold.

Neighbours: a trainer of a trading model calls this for its predictions;
`governance.evidence.trading` turns positions and returns into money after costs. Not promised:
sizing, leverage, stops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.errors import ConfigError


def positions_from_scores(
    scores: NDArray[np.float64], *, long_above: float = 0.5, short_below: float | None = None
) -> NDArray[np.float64]:
    """+1.0 above ``long_above``, -1.0 below ``short_below`` (``None``: never short), else 0.0.

    Raises:
        ConfigError: thresholds outside 0..1, or the wrong way round.

    >>> positions_from_scores(np.array([0.2, 0.5, 0.7]), short_below=0.3).tolist()
    [-1.0, 0.0, 1.0]
    """
    low: Any = 0.0 if short_below is None else short_below
    if not 0.0 <= low <= long_above <= 1.0:
        raise ConfigError(
            f"long_above={long_above} and short_below={short_below} must lie between 0 and 1, "
            "short_below not above long_above"
        )
    long = (scores > long_above).astype(np.float64)
    return long if short_below is None else long - (scores < short_below)
