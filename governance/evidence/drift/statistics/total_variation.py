"""Total variation distance: the largest share of rows that changed their category.

``sum(|p_i - q_i|) / 2``, between 0 and 1; the effect size for categories as the Kolmogorov-Smirnov
distance is for numbers (which it never falls below). Source: D. A. Levin, Y. Peres and E. L.
Wilmer, "Markov Chains and Mixing Times", chapter 4. Not promised: 0 without drift; with many
categories and few rows it is large by chance, so ``total_variation_null_mean`` goes beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from governance.evidence.drift.statistics.shares import FloatArray, grouped, shares


def total_variation(reference: ArrayLike, current: ArrayLike) -> FloatArray:
    """The distance of counts ``[..., K]``; leading axes broadcast, empty bins do no harm.

    Returns:
        ``[...]`` in [0, 1]; NaN where one side has no values.

    >>> float(total_variation([60, 40, 0], [30, 40, 30]))
    0.3
    """
    gap = np.abs(shares(reference) - shares(current)).sum(axis=-1) / 2
    return np.asarray(np.minimum(gap, 1.0), dtype=np.float64)


def total_variation_null_mean(reference: ArrayLike, current: ArrayLike) -> FloatArray:
    """About what the distance is on average if both counts are draws from their common shares.

    ``sum(sqrt(2 / pi * s_i (1 - s_i) (1/n + 1/m))) / 2`` with the common shares s: each difference
    is nearly normal. Too high (hence lenient) where categories hold few rows; never above 1.

    >>> float(total_variation_null_mean([500, 500], [500, 500]).round(3))
    0.018
    """
    before, now = np.broadcast_arrays(
        *(np.asarray(counts, dtype=np.float64) for counts in (reference, current))
    )
    n, m = before.sum(axis=-1, keepdims=True), now.sum(axis=-1, keepdims=True)
    common = shares(before + now)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(2 / np.pi * common * (1 - common) * (1 / n + 1 / m)).sum(axis=-1) / 2
    exists = (n > 0) & (m > 0)
    return np.asarray(np.where(exists[..., 0], np.minimum(spread, 1.0), np.nan), dtype=np.float64)


def total_variation_samples(reference: ArrayLike, current: ArrayLike, bins: int = 10) -> float:
    """The distance of two numeric samples on groups of the first.

    >>> total_variation_samples([0.0, 1.0] * 50, [0.0, 0.0, 0.0, 1.0] * 25)
    0.25
    """
    return float(total_variation(*grouped(reference, current, bins)))
