"""Many features, one budget: q-values of a family of p-values.

``q_(i) = min over j >= i of p_(j) k / j`` for k p-values in ascending order. Calling q <= 0.05
drift makes at most 5 % of the calls false on average (Y. Benjamini and Y. Hochberg,
"Controlling the false discovery rate", Journal of the Royal Statistical Society B 57, 1995).
Equal to ``scipy.stats.false_discovery_control(method="bh")``. Not promised: anything for features
that depend on each other negatively; positive dependence is allowed (Benjamini and Yekutieli 2001).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from governance.evidence.drift.statistics.shares import FloatArray


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """q-values of p-values ``[..., F]``, each family along the last axis.

    NaN (a feature that could not be tested) stays NaN and counts in no family: it neither costs the
    others anything nor passes.

    >>> benjamini_hochberg([0.01, 0.04, np.nan, 0.03])
    array([0.03, 0.04,  nan, 0.04])
    >>> benjamini_hochberg([])
    array([], dtype=float64)
    """
    given = np.asarray(p, dtype=np.float64)
    if not given.size:
        return given.copy()
    order = np.argsort(given, axis=-1)  # NaN last
    ascending = np.take_along_axis(given, order, axis=-1)
    tested = (~np.isnan(given)).sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        steps = ascending * tested / np.arange(1, given.shape[-1] + 1)
    steps = np.where(np.isnan(steps), np.inf, steps)
    smallest = np.minimum.accumulate(steps[..., ::-1], axis=-1)[..., ::-1]
    q = np.empty_like(given)
    np.put_along_axis(q, order, np.minimum(smallest, 1.0), axis=-1)
    return np.asarray(np.where(np.isnan(given), np.nan, q), dtype=np.float64)
