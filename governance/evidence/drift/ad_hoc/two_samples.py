"""Two sides of one feature, measured: effect sizes, p-values, shares of what is new or missing.
Pure.

Nothing here decides; a figure that does not exist is NaN. Neighbours: ``sides`` reads,
``statistics`` and ``permutation`` measure, ``ad_hoc`` judges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from governance.evidence.drift.ad_hoc.detection import Method
from governance.evidence.drift.ad_hoc.permutation import (
    CountStatistic,
    permutation_test,
    psi_of_categories,
    psi_of_ordered,
    reference_groups,
)
from governance.evidence.drift.ad_hoc.sides import Side
from governance.evidence.drift.statistics import (
    chi_square,
    ks_distance,
    ks_two_sample,
    psi,
    psi_null_mean,
    psi_p_value,
    total_variation,
    total_variation_null_mean,
)
from governance.evidence.drift.statistics.chi_square import pool_rare
from governance.evidence.drift.statistics.mean_shift import mean_shift_samples
from governance.evidence.drift.statistics.shares import FloatArray, IntArray, grouped, is_discrete
from governance.evidence.drift.statistics.variance_shift import variance_ratio_samples

_NAN = float("nan")
FEW_ROWS = 100  # below, p-values are by permutation
EXPECTED = 5.0  # so too where a group expects fewer rows
MOST_VALUES = 2000  # distinct values that a permutation tells apart; the rarest become one
ATOMS = 256  # pieces of a continuous sample that a permutation deals out


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """
    Attributes:
        score, expected, p_value: of the method; ``expected`` is 0 for KS.
        new_share, new_excess: rows in categories that the reference never had, and by how much
            that exceeds what its own singletons let expect (I. J. Good, Biometrika 40, 1953);
            new_p: chance of so many without drift.
        singletons: share of the reference's rows whose value occurs once.
        constant_chance: if the current rows have one single value and the reference several: the
            chance of that without drift; 1 otherwise.
        same_constant: both sides have one and the same value.
    """

    method: Method
    n: int
    m: int
    score: float = _NAN
    expected: float = 0.0
    p_value: float = _NAN
    psi: float = _NAN
    ks: float = _NAN
    mean_shift: float = _NAN
    variance_ratio: float = _NAN
    new_share: float = _NAN
    new_excess: float = _NAN
    new_p: float = _NAN
    singletons: float = 0.0
    constant_chance: float = 1.0
    same_constant: bool = False


def measure(before: Side, now: Side, method: Method, *, categorical: bool) -> Measured:
    """The figures of two sides of one family, each with a value that can be counted.

    Args:
        method: ``ks_test`` goes the way of ``chi_square`` for categories.
    """
    if categorical:
        return _categories(before, now, "chi_square" if method == "ks_test" else method)
    return _numbers(before.numbers, now.numbers, method)


def missing_p_value(before: Side, now: Side) -> float:
    """Chance of so many missing values without drift (Fisher's exact test, one-sided)."""
    if not before.rows or not now.rows:
        return _NAN
    pool, missing = before.rows + now.rows, before.missing + now.missing
    from scipy.stats import hypergeom

    return float(hypergeom.sf(now.missing - 1, pool, missing, now.rows))


def _numbers(before: FloatArray, now: FloatArray, method: Method) -> Measured:
    n, m = before.size, now.size
    if not n or not m:
        return Measured(method=method, n=n, m=m)
    discrete = is_discrete(before)
    first, second = grouped(before, now)
    distance, p_value = ks_two_sample(before, now)
    index = float(psi(first, second))
    score, expected = distance, 0.0
    few = min(n, m) < FEW_ROWS
    if method == "psi":
        score, expected, p_value = index, *_psi_null(index, first, second)
    elif method == "chi_square":
        score, expected, p_value = _chi_square(first, second)
    if few or np.isnan(p_value):
        values = _values(before, now) if discrete else _atoms(before, now)
        statistic = _ON_VALUES[method] if discrete else _ON_ORDERED[method]
        p_value, mean = permutation_test(*values, statistic)
        expected = mean if method == "psi" else expected
    return Measured(
        method=method,
        n=n,
        m=m,
        score=score,
        expected=expected,
        p_value=p_value,
        psi=index,
        ks=distance,
        mean_shift=mean_shift_samples(before, now),
        variance_ratio=variance_ratio_samples(before, now),
        constant_chance=_constant_chance(before, now),
        same_constant=bool(before[0] == before[-1] == now[0] == now[-1]),
    )


def _categories(before: Side, now: Side, method: Method) -> Measured:
    first, second = _aligned(before.counts(), now.counts())
    n, m = int(first.sum()), int(second.sum())
    if not n or not m:
        return Measured(method=method, n=n, m=m)
    index = float(psi_of_categories(first, second))
    singles = float(((first == 1).sum()) / n)
    unseen = int(second[first == 0].sum())
    if method == "psi":
        score = index
        expected, p_value = _psi_null(index, *_with_others(first, second))
    else:
        score, expected, p_value = _chi_square(*_fewer(first, second))
    if min(n, m) < FEW_ROWS or np.isnan(p_value):
        p_value, mean = permutation_test(*_fewer(first, second), _ON_VALUES[method])
        if method == "psi":  # where the rarest were made one, the draws have fewer groups
            expected = mean if first.size <= MOST_VALUES else max(mean, expected)
    only = np.flatnonzero(second)
    from scipy.stats import binom

    return Measured(
        method=method,
        n=n,
        m=m,
        score=score,
        expected=expected,
        p_value=p_value,
        psi=index,
        new_share=unseen / m,
        new_excess=unseen / m - singles,
        new_p=float(binom.sf(unseen - 1, m, min(1.0, singles + 1 / (n + 1)))),
        singletons=singles,
        constant_chance=(
            float((first[only[0]] / n) ** m) if only.size == 1 and first.max() < n else 1.0
        ),
        same_constant=bool(only.size == 1 and first[only[0]] == n),
    )


def _chi_square(first: IntArray, second: IntArray) -> tuple[float, float, float]:
    """Total variation, what it is on average without drift, and the p-value of the test.

    All of the categories as the test pools them; of single ones where it would pool them all.
    """
    test, pooled = chi_square(first, second), pool_rare(first, second)
    sides = pooled if test.dof > 0 else (first, second)
    score, expected = total_variation(*sides), total_variation_null_mean(*sides)
    return float(score), float(expected), float(test.p_value)


def _psi_null(index: float, first: IntArray, second: IntArray) -> tuple[float, float]:
    """What PSI is on average without drift, and the p-value; NaN where the limit does not hold."""
    n, m, groups = int(first.sum()), int(second.sum()), first.size
    held = (first + second)[(first + second) > 0]
    sparse = bool((held * min(n, m) / (n + m)).min() < EXPECTED)
    expected = float(psi_null_mean(n, m, groups))
    return expected, _NAN if sparse else float(psi_p_value(index, n, m, groups))


def _constant_chance(before: FloatArray, now: FloatArray) -> float:
    if now[0] != now[-1] or before[0] == before[-1]:
        return 1.0
    same = np.searchsorted(before, now[0], "right") - np.searchsorted(before, now[0], "left")
    return float((same / before.size) ** now.size)


def _values(before: FloatArray, now: FloatArray) -> tuple[IntArray, IntArray]:
    """Counts of every distinct value, in order."""
    known = np.unique(np.concatenate([before, now]))
    first, second = (
        np.bincount(np.searchsorted(known, side), minlength=known.size) for side in (before, now)
    )
    return _fewer(first.astype(np.int64), second.astype(np.int64))


def _atoms(before: FloatArray, now: FloatArray) -> tuple[IntArray, IntArray]:
    """Counts of at most ``ATOMS`` pieces of the pool, in order; each value its own where few."""
    pool = np.sort(np.concatenate([before, now]))
    cuts = np.unique(pool)
    if cuts.size > ATOMS:
        cuts = np.unique(pool[np.linspace(0, pool.size - 1, ATOMS).astype(np.intp)])
    first, second = (
        np.bincount(np.searchsorted(cuts, side), minlength=cuts.size) for side in (before, now)
    )
    return first.astype(np.int64), second.astype(np.int64)


def _aligned(before: pd.Series[int], now: pd.Series[int]) -> tuple[IntArray, IntArray]:
    """Counts of the categories of both sides, the same on each."""
    both = pd.concat([before, now], axis=1).fillna(0)
    return both.iloc[:, 0].to_numpy(np.int64), both.iloc[:, 1].to_numpy(np.int64)


def _with_others(first: IntArray, second: IntArray) -> tuple[IntArray, IntArray]:
    """The reference's categories, and one for all that it never had (if there are such)."""
    known, unseen = first > 0, int(second[first == 0].sum())
    if not unseen:
        return first[known], second[known]
    return np.append(first[known], 0), np.append(second[known], unseen)


def _fewer(first: IntArray, second: IntArray) -> tuple[IntArray, IntArray]:
    """The same counts with the rarest values of the pool made one, if there are very many."""
    if first.size <= MOST_VALUES:
        return first, second
    rank = np.argsort(-(first + second), kind="stable")
    kept, rest = np.sort(rank[: MOST_VALUES - 1]), rank[MOST_VALUES - 1 :]
    return np.append(first[kept], first[rest].sum()), np.append(second[kept], second[rest].sum())


def _pearson(first: IntArray, second: IntArray) -> FloatArray:
    return chi_square(first, second, pool_below=0).statistic


def _pearson_of_ordered(first: IntArray, second: IntArray) -> FloatArray:
    return _pearson(*reference_groups(first, second))


_ON_VALUES: dict[Method, CountStatistic] = {
    "ks_test": ks_distance,
    "psi": psi_of_categories,
    "chi_square": _pearson,
}
_ON_ORDERED: dict[Method, CountStatistic] = {
    "ks_test": ks_distance,
    "psi": psi_of_ordered,
    "chi_square": _pearson_of_ordered,
}
