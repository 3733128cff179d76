"""How much the spread changed: variance of the window over that of the reference.

1 is no change, 4 is twice the standard deviation. Neighbour: ``mean_shift``. Not promised: a test
of it; the F-test of this ratio holds for normal features only (G. E. P. Box, Biometrika 40, 1953),
so a verdict takes its significance from elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from governance.evidence.drift.statistics.shares import FloatArray, finite


def variance_ratio(reference_variance: ArrayLike, current_variance: ArrayLike) -> FloatArray:
    """The ratio, ``[...]``, at least 0; 0 means that the window became constant.

    NaN where the reference has no spread, or a side no variance at all.

    >>> variance_ratio([4.0, 0.0, 4.0], [1.0, 1.0, 0.0])
    array([0.25,  nan, 0.  ])
    """
    before, now = np.broadcast_arrays(
        *(np.asarray(given, dtype=np.float64) for given in (reference_variance, current_variance))
    )
    with np.errstate(all="ignore"):
        ratio = now / np.where(before > 0, before, np.nan)
    return np.asarray(np.where(np.isfinite(ratio) & (ratio >= 0), ratio, np.nan), dtype=np.float64)


def variance_ratio_samples(reference: ArrayLike, current: ArrayLike) -> float:
    """The ratio of two samples, each of two finite values or more; what is not finite is left out.

    >>> variance_ratio_samples([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    4.0
    >>> variance_ratio_samples([1.0, 2.0, 3.0], [0.1] * 10)
    0.0
    """
    before, now = finite(reference), finite(current)
    if before.size < 2 or now.size < 2:
        return float("nan")
    with np.errstate(all="ignore"):
        return float(variance_ratio(_variance(before), _variance(now)))


def _variance(values: FloatArray) -> float:
    """With n - 1; exactly 0 for a constant, whose computed mean may be off by a rounding."""
    return 0.0 if values.min() == values.max() else float(values.var(ddof=1))
