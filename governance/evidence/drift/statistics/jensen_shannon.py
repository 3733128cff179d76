"""Jensen-Shannon distance: the square root of the divergence, in bits, hence between 0 and 1.

``sqrt((KL(p | a) + KL(q | a)) / 2)`` with ``a = (p + q) / 2`` and logarithms to base 2 (D. M.
Endres and J. E. Schindelin, "A new metric for probability distributions", IEEE Transactions on
Information Theory 49, 2003). Equal to ``scipy.spatial.distance.jensenshannon(base=2)``; other tools
show it. Not promised: comparability between bins that differ, and a null (like PSI it depends on
the number of rows).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from governance.evidence.drift.statistics.shares import FloatArray, grouped, shares


def jensen_shannon(reference: ArrayLike, current: ArrayLike) -> FloatArray:
    """The distance of counts ``[..., B]``; leading axes broadcast, empty bins do no harm.

    Returns:
        ``[...]`` in [0, 1]; NaN where one side has no values.

    >>> jensen_shannon([[5, 5, 0], [5, 5, 0], [0, 0, 0]], [5, 5, 0])
    array([ 0.,  0., nan])
    >>> float(jensen_shannon([1, 0], [0, 1]))
    1.0
    """
    p, q = shares(reference), shares(current)
    middle = (p + q) / 2
    bits = (rel_entr(p, middle).sum(axis=-1) + rel_entr(q, middle).sum(axis=-1)) / (2 * np.log(2))
    # Rounding may leave the interval by 1e-16; NaN passes through.
    return np.asarray(np.sqrt(np.clip(bits, 0.0, 1.0)), dtype=np.float64)


def jensen_shannon_samples(reference: ArrayLike, current: ArrayLike, bins: int = 10) -> float:
    """The distance of two samples on groups of the first; what is not finite is left out.

    >>> jensen_shannon_samples([0.0, 1.0] * 50, [0.0, 1.0] * 50)
    0.0
    """
    return float(jensen_shannon(*grouped(reference, current, bins)))
