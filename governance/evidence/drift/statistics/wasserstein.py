"""Normalised Wasserstein-1 distance: how far values must move, in standard deviations of the
reference.

The area between the two distribution functions (S. S. Vallender, "Calculation of the Wasserstein
distance between probability distributions on the line", 1974), divided by a scale. On samples equal
to ``scipy.stats.wasserstein_distance / scale``; from profiles every value stands at the midpoint of
its bin. Not promised: robustness; far values in the open-ended outer bins count as their midpoint.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from governance.evidence.drift.statistics.shares import FloatArray, cumulative, finite


def wasserstein(
    reference: ArrayLike, current: ArrayLike, midpoints: ArrayLike, scale: ArrayLike
) -> FloatArray:
    """The distance of counts.

    Args:
        reference, current: counts ``[..., B]``; leading axes broadcast.
        midpoints: where a bin's values are taken to be, ``[..., B]``, ascending; trailing padding
            may hold anything finite.
        scale: ``[...]``, the unit; mostly the standard deviation of the reference.

    Returns:
        ``[...]``; NaN where one side has no values, or the scale is not positive.

    >>> float(wasserstein([4, 0, 0], [0, 4, 0], [1.0, 3.0, 0.0], 2.0))
    1.0
    """
    gap = np.abs(cumulative(reference) - cumulative(current))[..., :-1]
    unit = np.asarray(scale, dtype=np.float64)
    with np.errstate(all="ignore"):
        steps = np.diff(np.asarray(midpoints, dtype=np.float64), axis=-1)
        # After the last value both functions are 1 and the step (into padding) counts nothing.
        area = np.where(gap == 0, gap, gap * np.abs(steps)).sum(axis=-1)
        distance = area / np.where(unit > 0, unit, np.nan)
    return np.asarray(np.where(np.isfinite(distance), distance, np.nan), dtype=np.float64)


def wasserstein_samples(
    reference: ArrayLike, current: ArrayLike, scale: float | None = None
) -> float:
    """The distance of two samples, shapes (n,) and (m,); what is not finite is left out.

    ``scale`` is the standard deviation of the reference (n - 1) if not given; a constant has none,
    and then there is no figure.

    >>> wasserstein_samples([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    1.0
    """
    before, now = finite(reference), finite(current)
    if not before.size or not now.size:
        return float("nan")
    with np.errstate(all="ignore"):
        if scale is None:
            constant = before.size < 2 or before.min() == before.max()
            scale = 0.0 if constant else float(before.std(ddof=1))
        points = np.unique(np.concatenate([before, now]))
        counts = [
            np.bincount(np.searchsorted(points, sample), minlength=points.size)
            for sample in (before, now)
        ]
        return float(wasserstein(counts[0], counts[1], points, scale))
