"""Kolmogorov-Smirnov distance of two samples: the largest gap between their distribution functions.

From counts on common bins the distance is that at the bins' edges; inside a bin the functions may
part further, by at most ``ks_bound``. The p-value is the asymptotic one for independent rows and a
continuous feature (conservative with ties), the same as ``scipy.stats.ks_2samp(method="asymp")``.
Not promised: that a small p-value means much; at 100,000 rows 0.01 standard deviations have one.
Source: J. L. Hodges, "The significance probability of the Smirnov two-sample test", Arkiv för
Matematik 3 (1958).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import kolmogorov

from governance.evidence.drift.statistics.shares import FloatArray, cumulative, finite, shares

_EXACT_ROWS = 5000


class KsTest(NamedTuple):
    """Distance and p-value."""

    distance: float
    p_value: float


def ks_distance(reference: ArrayLike, current: ArrayLike) -> FloatArray:
    """``max_i |P_i - Q_i|`` of the cumulative shares of counts ``[..., B]``; leading axes
    broadcast. Trailing empty bins do no harm. NaN where one side has no values.

    >>> float(ks_distance([5, 5, 0], [0, 5, 5]))
    0.5
    """
    return np.asarray(
        np.abs(cumulative(reference) - cumulative(current)).max(axis=-1), dtype=np.float64
    )


def ks_bound(
    reference: ArrayLike, current: ArrayLike, *, exact: ArrayLike | None = None
) -> FloatArray:
    """By how much the distance of the values may exceed that of their counts ``[..., B]``.

    With the gap d before a bin and shares p, q in it, the gap inside is between d - q and d + p.
    The bound is the largest of these beyond ``ks_distance``; it is never more than the largest
    min(p, q), and is reached.

    Args:
        exact: bool ``[..., B]``: bins that hold one single value, inside which nothing can happen.

    >>> reference, current = [5, 5], [5, 5]  # 1 1 1 1 1, 3 3 3 3 3 and 2 2 2 2 2, 4 4 4 4 4
    >>> float(ks_distance(reference, current)), float(ks_bound(reference, current))
    (0.0, 0.5)
    >>> float(ks_bound(reference, current, exact=[True, True]))
    0.0
    """
    p, q = shares(reference), shares(current)
    gap = cumulative(reference) - cumulative(current)
    before = gap - p + q
    inside = np.maximum(before + p, q - before)
    if exact is not None:
        inside = np.where(np.asarray(exact), np.abs(gap), inside)
    # min(p, q) caps what rounding adds.
    excess = np.minimum(inside.max(axis=-1) - np.abs(gap).max(axis=-1), np.minimum(p, q).max(-1))
    return np.asarray(np.maximum(excess, 0.0), dtype=np.float64)


def ks_p_value(distance: ArrayLike, n: ArrayLike, m: ArrayLike) -> FloatArray:
    """Chance of at least this distance without drift, ``[...]``, from the numbers of rows.

    The Kolmogorov distribution for round(nm / (n + m)) rows, as in scipy. NaN where there are no
    rows. Above 5,000 effective rows, where scipy needs up to 90 ms a value, both tails are series:
    2e-6 away near one; within 1e-5 of a small p-value down to 1e-7, and 10 % at 1e-87.

    >>> float(ks_p_value(0.1, 1000, 1000).round(6))
    8.3e-05
    """
    d, first, second = np.broadcast_arrays(
        *(np.asarray(given, dtype=np.float64) for given in (distance, n, m))
    )
    known = (first > 0) & (second > 0) & np.isfinite(d)
    first, second = np.where(known, first, 1.0), np.where(known, second, 1.0)
    rows = np.maximum(np.round(first * second / (first + second)), 1.0)
    d = np.where(known, d, 0.0)
    many = rows > _EXACT_ROWS
    near_one, tail = many & (rows * d**1.5 <= 1.4), many & (rows * d**2 >= 2.2)
    from scipy.stats import kstwo  # a second to import, for tables with few rows alone

    p = kstwo.sf(np.where(near_one | tail, 1.0, d), rows)
    p = np.where(tail, _tail(d, rows), np.where(near_one, _near_one(d, rows), p))
    return np.asarray(np.where(known, np.clip(p, 0.0, 1.0), np.nan), dtype=np.float64)


def ks_two_sample(reference: ArrayLike, current: ArrayLike) -> KsTest:
    """The exact distance of two samples, shapes (n,) and (m,); what is not finite is left out.

    >>> ks_two_sample([1, 2, 3, 4], [3, 4, 5, 6]).distance
    0.5
    """
    x, y = np.sort(finite(reference)), np.sort(finite(current))
    if not x.size or not y.size:
        return KsTest(float("nan"), float("nan"))
    both = np.concatenate([x, y])
    gaps = (
        np.searchsorted(x, both, side="right") / x.size
        - np.searchsorted(y, both, side="right") / y.size
    )
    distance = float(np.abs(gaps).max())
    return KsTest(distance, float(ks_p_value(distance, x.size, y.size)))


def _near_one(d: FloatArray, rows: FloatArray) -> FloatArray:
    """The limit with a correction (J. Vrbik, Pioneer Journal of Theoretical and Applied Statistics
    15, 2018)."""
    root = np.sqrt(rows)
    corrected = root * d + 1 / (6 * root) + (root * d - 1) / (4 * rows)
    return np.asarray(kolmogorov(corrected), dtype=np.float64)


def _tail(d: FloatArray, rows: FloatArray) -> FloatArray:
    """Twice Smirnov's one-sided tail (U. R. Maag and G. Dicaire, Biometrika 58, 1971), with the
    next two terms of its exponent for large distances."""
    exponent = (6 * rows * d + 1) ** 2 / (18 * rows) + 4 / 9 * (rows * d**4 - d**2)
    return np.asarray(2 * np.exp(-exponent), dtype=np.float64)
