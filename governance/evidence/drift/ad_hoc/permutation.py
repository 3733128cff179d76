"""A p-value without a formula: how often rows dealt out at random differ as much as the two sides.

For few rows or sparse categories, where the limits behind the other p-values do not hold. Rows are
exchangeable without drift, so the test is exact whatever the statistic (R. A. Fisher, "The Design
of Experiments", 1935; B. Phipson and G. K. Smyth, Statistical Applications in Genetics and
Molecular Biology 9, 2010, for the + 1). Seeded: equal counts give equal p-values. Neighbours:
``two_samples`` uses it. Not promised: p-values below 1 / (MOST_DRAWS + 1), or
1 / (FIRST_DRAWS + 1) of more than 500 categories.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from governance.evidence.drift.statistics.psi import psi
from governance.evidence.drift.statistics.shares import FloatArray, IntArray

SEED = 20_130_201
FIRST_DRAWS = 999
MOST_DRAWS = 9_999  # where the first draws reached the observed value at most FEW_REACHED times
FEW_REACHED = 5
MOST_CELLS = 5_000_000  # ... and that many counts are not exceeded
_CELLS = 2_000_000  # counts drawn at once
_BINS = 10

CountStatistic = Callable[[IntArray, IntArray], FloatArray]


class Permuted(NamedTuple):
    """p-value, and the mean of the statistic over the draws (what it is without drift)."""

    p_value: float
    mean: float


def permutation_test(
    reference: IntArray, current: IntArray, statistic: CountStatistic, *, seed: int = SEED
) -> Permuted:
    """Deal the pooled rows out to two sides of the same sizes, again and again.

    Args:
        reference, current: counts ``[A]`` of each distinct value (in order, if it matters).
        statistic: of counts ``[D, A]``, ``[D, A]``, giving ``[D]``; larger is further apart.

    >>> from governance.evidence.drift.statistics.ks import ks_distance
    >>> apart = permutation_test(np.array([30, 0]), np.array([0, 30]), ks_distance)
    >>> apart.p_value
    0.0001
    >>> permutation_test(np.array([15, 15]), np.array([15, 15]), ks_distance).p_value
    1.0
    """
    generator = np.random.default_rng(seed)
    observed = float(statistic(reference[None], current[None])[0])
    if not np.isfinite(observed):
        return Permuted(float("nan"), float("nan"))
    drawn = [_draws(reference, current, statistic, FIRST_DRAWS, generator)]
    cheap = reference.size * MOST_DRAWS <= MOST_CELLS
    if cheap and _reached(drawn[0], observed) <= FEW_REACHED:
        drawn.append(_draws(reference, current, statistic, MOST_DRAWS - FIRST_DRAWS, generator))
    values = np.concatenate(drawn)
    p_value = (_reached(values, observed) + 1) / (values.size + 1)
    return Permuted(p_value, float(values[np.isfinite(values)].mean()))


def psi_of_categories(reference: IntArray, current: IntArray) -> FloatArray:
    """PSI of counts ``[..., A]`` of single values: the reference's, and one group for the others.

    >>> float(psi_of_categories(np.array([50, 50, 0]), np.array([50, 50, 0])))
    0.0
    """
    known = reference > 0
    others = np.where(known, 0, current).sum(axis=-1, keepdims=True)
    before = np.concatenate([reference, np.zeros_like(others)], axis=-1)
    now = np.concatenate([np.where(known, current, 0), others], axis=-1)
    return psi(before, now, valid=np.concatenate([known, np.ones_like(others, bool)], axis=-1))


def reference_groups(reference: IntArray, current: IntArray) -> tuple[IntArray, IntArray]:
    """Counts ``[D, A]`` of values in order, summed into at most ten groups of about equal mass of
    the reference of each row, ``[D, 10]``; groups that do not exist are empty on both sides.

    >>> before, now = reference_groups(np.ones((1, 20), int), np.eye(20, dtype=int)[:1])
    >>> before.tolist(), now.tolist()
    ([[2, 2, 2, 2, 2, 2, 2, 2, 2, 2]], [[1, 0, 0, 0, 0, 0, 0, 0, 0, 0]])
    """
    rows = reference.sum(axis=-1, keepdims=True)
    below = np.cumsum(reference, axis=-1) - reference
    last = np.where(below < rows, below, 0).max(axis=-1, keepdims=True)
    group = np.minimum(below, last) * _BINS // np.maximum(rows, 1)
    place = (group + np.arange(len(reference))[:, None] * _BINS).ravel()
    size = len(reference) * _BINS
    before, now = (
        np.bincount(place, weights=counts.ravel(), minlength=size).reshape(-1, _BINS)
        for counts in (reference, current)
    )
    return before.astype(np.int64), now.astype(np.int64)


def psi_of_ordered(reference: IntArray, current: IntArray) -> FloatArray:
    """PSI of counts ``[D, A]`` of values in order, on ``reference_groups``: ``[D]``."""
    before, now = reference_groups(reference, current)
    return psi(before, now, valid=before > 0)


def _reached(values: FloatArray, observed: float) -> int:
    return int((values >= observed - 1e-12 * max(1.0, abs(observed))).sum())


def _draws(
    reference: IntArray,
    current: IntArray,
    statistic: CountStatistic,
    draws: int,
    generator: np.random.Generator,
) -> FloatArray:
    pool = reference + current
    swapped = reference.sum() < current.sum()  # the smaller side is drawn, which is cheaper
    size = int(min(reference.sum(), current.sum()))
    step = max(1, _CELLS // max(pool.size, 1))
    values = []
    for start in range(0, draws, step):
        drawn = generator.multivariate_hypergeometric(
            pool, size, size=min(step, draws - start), method="marginals"
        )
        sides = (drawn, pool - drawn) if swapped else (pool - drawn, drawn)
        values.append(statistic(*sides))
    return np.concatenate(values)
