"""The groups that PSI is taken on: at most ten of about equal reference mass, on bin boundaries.

Neighbour: ``edges``. Not promised: exactly equal mass; a group ends where a bin ends, so it is off
by at most half a bin, or by a value that alone holds more than that.
"""

from __future__ import annotations

import numpy as np

from governance.evidence.drift.profiles.columns import IntArray

GROUPS = 10


def equal_mass_groups(mass: IntArray, *, groups: int = GROUPS) -> IntArray:
    """int[bins]: the group of each bin, from 0, never falling.

    Args:
        mass: reference rows in each bin, int[bins].

    >>> equal_mass_groups(np.array([5, 5, 0, 10]), groups=2).tolist()
    [0, 0, 1, 1]
    """
    upto = np.cumsum(mass)[:-1]
    if not len(upto):
        return np.zeros(len(mass), np.int64)
    total = int(mass.sum())
    wanted = np.arange(1, groups)[:, None] * total
    ends = np.abs(upto * groups - wanted).argmin(axis=1)  # in whole rows, so no rounding decides
    starts = np.zeros(len(mass), np.int64)
    starts[[end + 1 for end in np.unique(ends) if 0 < upto[end] < total]] = 1
    return np.cumsum(starts)
