"""Pearson's chi-square test that two rows of category counts come from one distribution.

Categories that expect fewer than five rows on either side are pooled (W. G. Cochran, "Some methods
for strengthening the common chi-square tests", Biometrics 10, 1954). Without pooling it is the
statistic of ``scipy.stats.chi2_contingency(correction=False)`` on the 2 x K table. Not promised: an
effect size; ``total_variation`` says how much moved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from governance.evidence.drift.statistics.shares import BoolArray, FloatArray, IntArray, grouped


class ChiSquare(NamedTuple):
    """Statistic, degrees of freedom, p-value, each ``[...]``."""

    statistic: FloatArray
    dof: IntArray
    p_value: FloatArray


def chi_square(reference: ArrayLike, current: ArrayLike, *, pool_below: float = 5.0) -> ChiSquare:
    """The test of counts ``[..., K]``; leading axes broadcast, empty categories do no harm.

    Args:
        pool_below: categories that expect fewer rows on a side are pooled; if the pool expects too
            few itself, the smallest other category joins it. 0 pools nothing.

    Returns:
        dof is the number of pooled categories - 1. With dof 0 (one category, or too few rows for
        two) there is no test: statistic and p-value are NaN; so too where a side has no values.

    >>> test = chi_square([30, 20, 50], [20, 30, 50])
    >>> round(float(test.statistic), 4), int(test.dof), round(float(test.p_value), 4)
    (4.0, 2, 0.1353)
    >>> int(chi_square([50, 48, 1, 1, 0], [50, 45, 1, 2, 2]).dof)  # three rare ones make a pool
    1
    """
    before, now = np.broadcast_arrays(
        *(np.asarray(counts, dtype=np.float64) for counts in (reference, current))
    )
    n, m = before.sum(axis=-1, keepdims=True), now.sum(axis=-1, keepdims=True)
    seen = (n > 0) & (m > 0)
    before, now = pool_rare(before, now, pool_below=pool_below)
    both = before + now
    used = both > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(used, (before / n - now / m) ** 2 / both, 0.0)
        statistic = (terms.sum(axis=-1, keepdims=True) * n * m)[..., 0]
    dof = np.where(seen[..., 0], used.sum(axis=-1) - 1, 0).astype(np.int64)
    exists = dof > 0
    p = chdtrc(np.maximum(dof, 1), np.where(exists, statistic, 0.0))
    return ChiSquare(
        np.asarray(np.where(exists, statistic, np.nan), dtype=np.float64),
        np.asarray(dof, dtype=np.int64),
        np.asarray(np.where(exists, p, np.nan), dtype=np.float64),
    )


def pool_rare(
    reference: ArrayLike, current: ArrayLike, *, pool_below: float = 5.0
) -> tuple[FloatArray, FloatArray]:
    """Counts ``[..., K + 1]`` as the test sees them: pooled categories empty, the pool last.

    >>> [side.tolist() for side in pool_rare([50, 48, 1, 1], [50, 46, 2, 2])]
    [[50.0, 0.0, 0.0, 0.0, 50.0], [50.0, 0.0, 0.0, 0.0, 50.0]]
    """
    before, now = np.broadcast_arrays(
        *(np.asarray(counts, dtype=np.float64) for counts in (reference, current))
    )
    n, m = before.sum(axis=-1, keepdims=True), now.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = (before + now) * np.minimum(n, m) / (n + m)
    pooled = _pooled(np.where((n > 0) & (m > 0), expected, 0.0), pool_below)
    return _with_pool(before, pooled), _with_pool(now, pooled)


def chi_square_samples(reference: ArrayLike, current: ArrayLike, bins: int = 10) -> float:
    """The statistic of two numeric samples on groups of the first.

    >>> chi_square_samples([0.0, 1.0] * 50, [0.0, 0.0, 0.0, 1.0] * 25)
    13.333...
    """
    return float(chi_square(*grouped(reference, current, bins)).statistic)


def _pooled(expected: FloatArray, pool_below: float) -> BoolArray:
    """Which categories go into the pool, ``[..., K]``."""
    sparse = (expected > 0) & (expected < pool_below)
    pool = np.where(sparse, expected, 0.0).sum(axis=-1, keepdims=True)
    others = np.where((expected > 0) & ~sparse, expected, np.inf)
    smallest = np.arange(expected.shape[-1]) == others.argmin(axis=-1)[..., None]
    joins = (pool > 0) & (pool < pool_below) & smallest & np.isfinite(others)
    return np.asarray(sparse | joins, dtype=np.bool_)


def _with_pool(counts: FloatArray, pooled: BoolArray) -> FloatArray:
    """Counts ``[..., K + 1]``: pooled categories are empty and the pool is the last."""
    pool = np.where(pooled, counts, 0.0).sum(axis=-1, keepdims=True)
    return np.concatenate([np.where(pooled, 0.0, counts), pool], axis=-1)
