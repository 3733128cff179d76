"""Population stability index, and what it is by chance.

``sum((q_i - p_i) * ln(q_i / p_i))`` over the groups of the reference, with the shares p and q taken
from counts + 0.5 in every group. Missing values are no group; their share is a finding of its own.
Neighbours: ``shares`` makes the groups. Not promised: that 0.1 or 0.2 mean anything. PSI of equal
distributions is about (1/n + 1/m) times a chi-square of groups - 1 degrees of freedom, so the value
goes with its null quantile (B. Yurdakul, "Statistical properties of population stability index",
Western Michigan University 2018).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri

from governance.evidence.drift.statistics.shares import FloatArray, grouped

PSEUDO_COUNT = 0.5


def psi(reference: ArrayLike, current: ArrayLike, *, valid: ArrayLike | None = None) -> FloatArray:
    """PSI of counts.

    Args:
        reference, current: counts ``[..., G]``; leading axes broadcast.
        valid: bool ``[..., G]``, which groups exist; all if not given. Only these get the 0.5, so
            padding does no harm.

    Returns:
        ``[...]``, at least 0; NaN where one side has no values.

    >>> round(float(psi([50, 50], [20, 80])), 4)
    0.4063
    >>> float(psi([50, 50, 0], [20, 80, 0], valid=[True, True, False])) == float(
    ...     psi([50, 50], [20, 80])
    ... )
    True
    """
    before, now = (np.asarray(counts, dtype=np.float64) for counts in (reference, current))
    exists = np.asarray(True if valid is None else valid)
    before, now, exists = np.broadcast_arrays(before, now, exists)
    seen = (np.where(exists, before, 0).sum(axis=-1) > 0) & (
        np.where(exists, now, 0).sum(axis=-1) > 0
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = (np.where(exists, counts + PSEUDO_COUNT, 0.0) for counts in (before, now))
        p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
        terms = np.where(exists, (q - p) * np.log(q / p), 0.0)
    return np.asarray(np.where(seen, terms.sum(axis=-1), np.nan), dtype=np.float64)


def psi_null_mean(n: ArrayLike, m: ArrayLike, groups: ArrayLike) -> FloatArray:
    """What PSI is on average without drift: (groups - 1)(1/n + 1/m).

    ``n`` and ``m`` are the numbers of independent rows, ``groups`` that of groups, all ``[...]``.
    NaN where there are no rows.

    >>> float(psi_null_mean(1_000_000, 4_000, 1_000).round(2))
    0.25
    """
    return _per_row(n, m) * (np.asarray(groups, dtype=np.float64) - 1)


def psi_null_quantile(n: ArrayLike, m: ArrayLike, groups: ArrayLike, q: float = 0.95) -> FloatArray:
    """The PSI that a share ``q`` of windows without drift stay below, ``[...]``.

    From the chi-square limit, good where every group expects five rows or more of each side; use
    permutation below. One group never differs: 0. NaN where there are no rows.

    >>> psi_null_quantile([100, 1000], [100, 1000], 10).round(3)
    array([0.338, 0.034])
    """
    freedom = np.asarray(groups, dtype=np.float64) - 1
    quantile = np.where(freedom > 0, chdtri(np.maximum(freedom, 1), 1 - q), 0.0)
    return np.asarray(_per_row(n, m) * quantile, dtype=np.float64)


def psi_p_value(value: ArrayLike, n: ArrayLike, m: ArrayLike, groups: ArrayLike) -> FloatArray:
    """Chance of a PSI at least as large without drift, from the same limit, ``[...]``.

    >>> float(psi_p_value(psi_null_quantile(500, 400, 10), 500, 400, 10).round(6))
    0.05
    """
    freedom = np.asarray(groups, dtype=np.float64) - 1
    scaled = np.asarray(value, dtype=np.float64) / _per_row(n, m)
    p = chdtrc(np.maximum(freedom, 1), scaled)
    return np.asarray(np.where(freedom > 0, p, np.nan), dtype=np.float64)


def psi_samples(reference: ArrayLike, current: ArrayLike, bins: int = 10) -> float:
    """PSI of two samples on groups of the first; what is not finite is left out.

    >>> rng = np.random.default_rng(1)
    >>> round(psi_samples(rng.normal(size=5000), rng.normal(1.0, size=5000)), 2)
    0.96
    """
    return float(psi(*grouped(reference, current, bins)))


def _per_row(n: ArrayLike, m: ArrayLike) -> FloatArray:
    sides = [np.asarray(count, dtype=np.float64) for count in (n, m)]
    first, second = (np.where(side > 0, side, np.nan) for side in sides)
    return np.asarray(1 / first + 1 / second, dtype=np.float64)
