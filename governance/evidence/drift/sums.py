"""Sums that do not depend on the order or the grouping of rows.

Every distance from the centre is rounded to a multiple of a fixed quantum, about a millionth of
the reference's standard deviation; sums of multiples are exact in float64 while they stay below
2**53 quanta (8·10^9 standard deviations in all). So an hour counted twice from its source, or a
day counted at once instead of by hours, gives the same bits, and merging is associative.

Neighbours: ``profiling`` (counts rows), ``profile`` and ``block`` (hold the sums). Not promised:
exactness beyond that range (it is then that of float64), and values farther than 2**490 from the
centre, which count as if they lay there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from governance.evidence.drift.columns import FloatArray
from governance.evidence.drift.edges import FARTHEST

_FINE = 20  # binary digits below the standard deviation


def sums_of(
    values: FloatArray, centre: float, scale: float, *, spare: FloatArray | None = None
) -> tuple[float, float]:
    """Sum of (x - centre) and of (x - centre)², rounded row by row to their quanta.

    Args:
        values: finite, ascending.
        spare: memory for as many values, which is overwritten.

    >>> sums_of(np.array([9.0, 11.0, 12.0]), 10.0, 1.0)
    (2.0, 6.0)
    """
    if not len(values):
        return 0.0, 0.0
    exponent = min(max(math.frexp(scale)[1], -450), 450)
    away = np.subtract(values, centre, out=None if spare is None else spare[: len(values)])
    if away[0] < -FARTHEST or away[-1] > FARTHEST:
        away.clip(-FARTHEST, FARTHEST, out=away)
    away *= math.ldexp(1.0, _FINE - exponent)
    np.rint(away, out=away)
    total = float(away.sum())
    np.multiply(away, away, out=away)
    away *= math.ldexp(1.0, -_FINE)  # from quanta of the square to quanta
    np.rint(away, out=away)
    squares = float(away.sum())
    return (
        math.ldexp(total, exponent - _FINE) + 0.0,
        math.ldexp(squares, 2 * exponent - _FINE) + 0.0,
    )


def mean_of(
    total: NDArray[np.float64], n: NDArray[np.int64], centre: NDArray[np.float64]
) -> FloatArray:
    """Mean of x; NaN where there is no row."""
    return np.where(n > 0, centre + total / np.maximum(n, 1), np.nan)


def variance_of(
    total: NDArray[np.float64], squares: NDArray[np.float64], n: NDArray[np.int64]
) -> FloatArray:
    """Sample variance (divided by n - 1); NaN below two rows, never negative."""
    left = squares - total * (total / np.maximum(n, 1))
    return np.where(n > 1, np.maximum(left, 0.0) / np.maximum(n - 1, 1), np.nan)
