"""How far the mean moved, in standard deviations of the reference.

``(mean_current - mean_reference) / sd_reference``: Glass's delta (G. V. Glass, Educational
Researcher 5, 1976). Neighbour: ``variance_shift``. Not promised: robustness; one wild value moves a
mean, which is why no verdict rests on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from governance.evidence.drift.statistics.shares import FloatArray, finite


def mean_shift(
    reference_mean: ArrayLike, reference_variance: ArrayLike, current_mean: ArrayLike
) -> FloatArray:
    """The shift, ``[...]``, signed; NaN where the reference has no spread or a side no values.

    >>> mean_shift([0.0, 5.0], [4.0, 0.0], [3.0, 5.0])
    array([1.5, nan])
    """
    before, variance, now = np.broadcast_arrays(
        *(
            np.asarray(given, dtype=np.float64)
            for given in (reference_mean, reference_variance, current_mean)
        )
    )
    with np.errstate(all="ignore"):
        shift = (now - before) / np.sqrt(np.where(variance > 0, variance, np.nan))
    return np.asarray(np.where(np.isfinite(shift), shift, np.nan), dtype=np.float64)


def mean_shift_samples(reference: ArrayLike, current: ArrayLike) -> float:
    """The shift of two samples; the variance has n - 1 in its denominator.

    What is not finite is left out; beyond the largest float there is no figure.

    >>> mean_shift_samples([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    3.0
    """
    before, now = finite(reference), finite(current)
    if before.size < 2 or not now.size or before.min() == before.max():
        return float("nan")  # a constant's computed variance need not be exactly zero
    with np.errstate(all="ignore"):
        return float(mean_shift(before.mean(), before.var(ddof=1), now.mean()))
