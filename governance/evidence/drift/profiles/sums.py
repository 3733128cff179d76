"""Sums that do not depend on the order or the grouping of rows.

Every distance from the centre is rounded to a multiple of a fixed quantum, about a millionth of
the reference's standard deviation; sums of multiples are exact in float64 while they stay below
2**53 quanta (8·10^9 standard deviations in all). So an hour counted twice from its source, or a
day counted at once instead of by hours, gives the same bits, and merging is associative.

Neighbours: ``profiling`` (counts rows), ``profile`` and ``block`` (hold the sums). Not promised:
exactness beyond that range (it is then that of float64). Values more than 2**460 from the centre,
or that many standard deviations, count as if they lay there, so that no sum ever overflows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from governance.evidence.drift.profiles.columns import FloatArray
from governance.evidence.drift.profiles.edges import FARTHEST

_FINE = 20  # binary digits below the standard deviation
_AT_ONCE = 16_384  # rows; what is worked on stays in the processor's cache


def sums_of(
    values: FloatArray, centre: float, scale: float, *, times: FloatArray | None = None
) -> tuple[float, float]:
    """Sum of (x - centre) and of (x - centre)², rounded row by row to their quanta.

    Args:
        values: finite, ascending.
        times: how many rows have each of them; by itself one.

    >>> sums_of(np.array([9.0, 11.0, 12.0]), 10.0, 1.0)
    (2.0, 6.0)
    >>> sums_of(np.array([9.0, 12.0]), 10.0, 1.0, times=np.array([1.0, 3.0]))
    (5.0, 13.0)
    """
    if not len(values):
        return 0.0, 0.0
    exponent = max(math.frexp(scale)[1], -400)
    farthest = math.ldexp(FARTHEST, min(exponent, 0))
    far = values[0] - centre < -farthest or values[-1] - centre > farthest
    fine, coarse = math.ldexp(1.0, _FINE - exponent), math.ldexp(1.0, -_FINE)
    total = squares = 0.0
    spare = np.empty(min(len(values), _AT_ONCE))
    for start in range(0, len(values), _AT_ONCE):
        part = values[start : start + _AT_ONCE]
        away = spare[: len(part)]
        np.subtract(part, centre, out=away)
        if far:
            away.clip(-farthest, farthest, out=away)
        away *= fine
        np.rint(away, out=away)
        rows = None if times is None else times[start : start + _AT_ONCE]
        total += float(away.sum() if rows is None else away @ rows)
        np.multiply(away, away, out=away)
        away *= coarse
        np.rint(away, out=away)
        squares += float(away.sum() if rows is None else away @ rows)
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
