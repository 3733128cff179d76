"""What all statistics share: counts become shares, and samples become counts on reference bins.

Edges come from the reference alone, so that no value of the window can move them. Not here: edges
of a version's profiles (``governance.evidence.drift.profiles.edges``), which are finer and kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

FEW_VALUES = 32  # a numeric feature with at most so many distinct values goes the categorical way
REPEATS = 5  # ... if each occurs that often on average; 20 rows of a continuous one do not


def shares(counts: ArrayLike) -> FloatArray:
    """Counts ``[..., B]`` divided by their total over the last axis; NaN where it is zero.

    >>> shares([[1, 3, 0], [0, 0, 0]])
    array([[0.25, 0.75, 0.  ],
           [ nan,  nan,  nan]])
    """
    given = np.asarray(counts, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(given / given.sum(axis=-1, keepdims=True), dtype=np.float64)


def cumulative(counts: ArrayLike) -> FloatArray:
    """Share of all values up to and including each bin, ``[..., B]``; the last is exactly 1.

    >>> cumulative([1, 3, 0])
    array([0.25, 1.  , 1.  ])
    """
    running = np.cumsum(np.asarray(counts), axis=-1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(running / running[..., -1:], dtype=np.float64)


def finite(values: ArrayLike) -> FloatArray:
    """The finite values of a sample, as a vector; the others are another finding's business.

    >>> finite([1, np.nan, np.inf, 2])
    array([1., 2.])
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    return given[np.isfinite(given)]


def is_discrete(reference: FloatArray) -> bool:
    """Has a sample so few distinct values that each is a group of its own?

    >>> is_discrete(np.array([0.0, 1.0] * 10)), is_discrete(np.arange(20.0))
    (True, False)
    """
    distinct = np.unique(reference).size
    return 0 < distinct <= FEW_VALUES and reference.size >= REPEATS * distinct


def quantile_cuts(reference: FloatArray, bins: int = 10) -> FloatArray:
    """Inner edges of at most ``bins`` groups of about equal mass, shape (at most bins - 1,).

    Cuts are values of the reference (its inverse distribution function at k / bins), each once, and
    below its largest: so every group holds reference values and the outer two are open-ended.

    >>> quantile_cuts(np.arange(1.0, 9.0), bins=4)
    array([2., 4., 6.])
    """
    if not reference.size:
        return np.zeros(0)
    levels = np.arange(1, bins) / bins
    cuts = np.unique(np.quantile(reference, levels, method="inverted_cdf"))
    return np.asarray(cuts[cuts < reference.max()], dtype=np.float64)


def grouped(reference: ArrayLike, current: ArrayLike, bins: int = 10) -> tuple[IntArray, IntArray]:
    """Counts of two samples in the groups of the first, two arrays of shape (groups,).

    Few distinct values: a group each, and a last one for what the reference never had. Otherwise
    the groups of ``quantile_cuts``; group i holds cuts[i-1] < x <= cuts[i].

    >>> reference, current = grouped([1.0] * 6 + [2.0] * 4, [2.0, 3.0])
    >>> reference.tolist(), current.tolist()
    ([6, 4, 0], [0, 1, 1])
    """
    before, now = finite(reference), finite(current)
    if is_discrete(before):
        known = np.unique(before)
        places = [np.searchsorted(known, sample) for sample in (before, now)]
        places[1] = np.where(
            known[np.minimum(places[1], known.size - 1)] == now, places[1], known.size
        )
        size = known.size + 1
    else:
        cuts = quantile_cuts(before, bins)
        places = [np.searchsorted(cuts, sample) for sample in (before, now)]
        size = cuts.size + 1
    first, second = (np.bincount(place, minlength=size).astype(np.int64) for place in places)
    return first, second
