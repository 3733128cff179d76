"""Each statistic equals scipy's, or a direct computation of its definition."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from governance.evidence.drift import statistics as ours
from governance.evidence.drift.statistics.mean_shift import mean_shift_samples
from governance.evidence.drift.statistics.shares import FloatArray
from governance.evidence.drift.statistics.total_variation import total_variation_null_mean
from governance.evidence.drift.statistics.variance_shift import variance_ratio_samples

numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 2))
tied = st.integers(0, 6).map(float)
samples = st.one_of(
    st.lists(numbers, min_size=1, max_size=60), st.lists(tied, min_size=1, max_size=60)
).map(np.array)
counts = st.integers(2, 12).flatmap(
    lambda size: st.tuples(
        *[st.lists(st.integers(0, 500), min_size=size, max_size=size).filter(any)] * 2
    )
)


@given(samples, samples)
def test_ks_and_its_p_value_equal_ks_2samp(x: FloatArray, y: FloatArray) -> None:
    mine = ours.ks_two_sample(x, y)
    with (
        warnings.catch_warnings()
    ):  # two single rows are "half a row" for scipy, which divides by 0
        warnings.simplefilter("ignore")
        theirs = stats.ks_2samp(x, y, method="asymp")
    assert mine.distance == pytest.approx(theirs.statistic, abs=1e-12)
    if np.round(x.size * y.size / (x.size + y.size)) >= 1:
        assert mine.p_value == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-12)


@given(samples, samples)
def test_ks_of_counts_of_single_values_is_exact(x: FloatArray, y: FloatArray) -> None:
    known = np.unique(np.concatenate([x, y]))
    sides = [np.bincount(np.searchsorted(known, s), minlength=known.size) for s in (x, y)]
    assert float(ours.ks_distance(*sides)) == pytest.approx(ours.ks_two_sample(x, y).distance)


@given(samples, samples, st.lists(numbers, max_size=8))
def test_ks_of_counts_is_never_beyond_its_bound(
    x: FloatArray, y: FloatArray, edges: list[float]
) -> None:
    cuts = np.unique(edges)
    sides = [np.bincount(np.searchsorted(cuts, s), minlength=cuts.size + 1) for s in (x, y)]
    exact = ours.ks_two_sample(x, y).distance
    near, bound = float(ours.ks_distance(*sides)), float(ours.ks_bound(*sides))
    assert near - 1e-12 <= exact <= near + bound + 1e-12
    shares = np.minimum(sides[0] / x.size, sides[1] / y.size)
    assert bound <= shares.max() + 1e-12


@pytest.mark.parametrize("rows", [5_001, 20_000])
def test_series_for_many_rows_agree_with_the_exact_distribution(rows: int) -> None:
    for distance in np.sqrt(np.array([0.02, 0.05, 0.3, 1.0, 2.1, 2.3, 4.0, 12.0]) / rows):
        p = float(ours.ks_p_value(distance, 2 * rows, 2 * rows))
        assert p == pytest.approx(stats.kstwo.sf(distance, rows), rel=3e-5)


@given(counts)
def test_chi_square_without_pooling_equals_scipy(pair: Any) -> None:
    table = np.array(pair)
    used = table[:, table.sum(axis=0) > 0]
    assume(used.shape[1] > 1)
    mine = ours.chi_square(*table, pool_below=0)
    theirs = stats.chi2_contingency(used, correction=False)
    assert float(mine.statistic) == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
    assert int(mine.dof) == theirs.dof
    assert float(mine.p_value) == pytest.approx(theirs.pvalue, rel=1e-7, abs=1e-300)
    fit = stats.chisquare(
        used.ravel(), theirs.expected_freq.ravel(), ddof=used.size - 1 - theirs.dof
    )
    assert float(mine.p_value) == pytest.approx(fit.pvalue, rel=1e-7, abs=1e-300)


@given(counts, st.floats(0.5, 20))
def test_chi_square_equals_scipy_on_the_pooled_table(pair: Any, least: float) -> None:
    """Pooled one by one, as one would by hand."""
    table = np.array(pair, dtype=float)
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    sparse = expected < least
    if sparse.any() and not sparse.all() and expected[sparse].sum() < least:
        sparse[np.flatnonzero(~sparse)[expected[~sparse].argmin()]] = True
    if sparse.any():
        table = np.column_stack([table[:, ~sparse], table[:, sparse].sum(axis=1)])
    mine = ours.chi_square(*pair, pool_below=least)
    assert int(mine.dof) == table.shape[1] - 1
    if table.shape[1] > 1:
        theirs = stats.chi2_contingency(table, correction=False)
        assert float(mine.statistic) == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
    else:
        assert np.isnan(mine.statistic) and np.isnan(mine.p_value)


@given(counts)
def test_jensen_shannon_equals_scipy(pair: Any) -> None:
    with warnings.catch_warnings():  # scipy takes roots of -1e-17
        warnings.simplefilter("ignore")
        theirs = np.nan_to_num(jensenshannon(*np.array(pair, dtype=float), base=2))
    # A root turns a rounding of 1e-16 into 1e-8.
    assert float(ours.jensen_shannon(*pair)) == pytest.approx(theirs, rel=1e-9, abs=3e-8)


@given(samples, samples)
def test_wasserstein_equals_scipy(x: FloatArray, y: FloatArray) -> None:
    theirs = stats.wasserstein_distance(x, y)
    assert ours.wasserstein_samples(x, y, scale=2.0) == pytest.approx(
        theirs / 2, rel=1e-9, abs=1e-9
    )


@given(counts)
def test_wasserstein_of_counts_equals_scipy_with_weights(pair: Any) -> None:
    places = np.cumsum(np.arange(1.0, len(pair[0]) + 1))
    theirs = stats.wasserstein_distance(places, places, *pair)
    assert float(ours.wasserstein(pair[0], pair[1], places, 1.0)) == pytest.approx(theirs, abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_q_values_equal_scipy(p: list[float]) -> None:
    assert ours.benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=50))
def test_what_was_not_tested_costs_the_others_nothing(p: list[float]) -> None:
    given_, q = np.array(p), ours.benjamini_hochberg(p)
    tested = ~np.isnan(given_)
    assert (np.isnan(q) == ~tested).all()
    assert q[tested] == pytest.approx(ours.benjamini_hochberg(given_[tested]))


def test_families_lie_along_the_last_axis() -> None:
    p = np.random.default_rng(1).random((3, 4, 20))
    assert ours.benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p, axis=-1))


@given(counts)
def test_psi_and_total_variation_equal_their_definitions(pair: Any) -> None:
    first, second = (np.array(side, dtype=float) for side in pair)
    p, q = ((side + 0.5) / (side + 0.5).sum() for side in (first, second))
    by_hand = sum((b - a) * np.log(b / a) for a, b in zip(p, q, strict=True))
    assert float(ours.psi(first, second)) == pytest.approx(by_hand, abs=1e-12)
    apart = sum(abs(first / first.sum() - second / second.sum())) / 2
    assert float(ours.total_variation(first, second)) == pytest.approx(apart, abs=1e-12)
    assert float(ours.ks_distance(first, second)) <= apart + 1e-12


@given(samples, samples)
def test_shifts_of_mean_and_variance_equal_their_definitions(x: FloatArray, y: FloatArray) -> None:
    assume(x.size > 1 and y.size > 1 and x.std() > 1e-3)
    shift = (y.mean() - x.mean()) / x.std(ddof=1)
    assert mean_shift_samples(x, y) == pytest.approx(shift, rel=1e-9, abs=1e-9)
    ratio = y.var(ddof=1) / x.var(ddof=1)
    assert variance_ratio_samples(x, y) == pytest.approx(ratio, rel=1e-9, abs=1e-9)


@given(st.lists(counts, min_size=1, max_size=4), st.integers(0, 3))
def test_many_features_at_once_are_each_as_alone_and_padding_does_no_harm(
    pairs: list[Any], padding: int
) -> None:
    width = max(len(pair[0]) for pair in pairs) + padding
    first, second, valid = (np.zeros((len(pairs), width), int) for _ in range(3))
    for row, pair in enumerate(pairs):
        size = len(pair[0])
        first[row, :size], second[row, :size], valid[row, :size] = pair[0], pair[1], 1
    places = np.where(valid, np.arange(width), 0.0)
    together = {
        "psi": ours.psi(first, second, valid=valid.astype(bool)),
        "ks": ours.ks_distance(first, second),
        "bound": ours.ks_bound(first, second),
        "chi": ours.chi_square(first, second).statistic,
        "js": ours.jensen_shannon(first, second),
        "w": ours.wasserstein(first, second, places, np.ones(len(pairs))),
        "tv": ours.total_variation(first, second),
        "tv0": total_variation_null_mean(first, second),
    }
    for row, pair in enumerate(pairs):
        alone = {
            "psi": ours.psi(*pair),
            "ks": ours.ks_distance(*pair),
            "bound": ours.ks_bound(*pair),
            "chi": ours.chi_square(*pair).statistic,
            "js": ours.jensen_shannon(*pair),
            "w": ours.wasserstein(pair[0], pair[1], np.arange(float(len(pair[0]))), 1.0),
            "tv": ours.total_variation(*pair),
            "tv0": total_variation_null_mean(*pair),
        }
        for name, value in alone.items():
            assert together[name][row] == pytest.approx(float(value), abs=1e-7, nan_ok=True), name
