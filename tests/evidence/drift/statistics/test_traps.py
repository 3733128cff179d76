"""The traps that fixed thresholds and bare p-values fall into, each with its figure."""

from __future__ import annotations

import numpy as np
import pytest

from governance.evidence.drift.statistics import (
    benjamini_hochberg,
    ks_two_sample,
    psi,
    psi_null_mean,
    psi_null_quantile,
    psi_samples,
)
from governance.evidence.drift.statistics.shares import grouped


def test_one_outlier_does_not_hide_a_shift() -> None:
    generator = np.random.default_rng(4)
    before, now = generator.normal(size=5000), generator.normal(1.0, size=5000)
    plain, with_outlier = psi_samples(before, now), psi_samples(before, np.append(now[1:], 1e4))
    assert plain > 0.8
    assert with_outlier == pytest.approx(plain, rel=0.01)


@pytest.mark.parametrize(("rows", "groups"), [(100, 10), (1000, 10), (400, 4)])
def test_the_null_quantile_of_psi_is_that_of_simulations(rows: int, groups: int) -> None:
    generator = np.random.default_rng(5)
    cells = np.full(groups, 1 / groups)
    first, second = (generator.multinomial(n, cells, size=20_000) for n in (4 * rows, rows))
    values = psi(first, second)
    above = float((values > psi_null_quantile(4 * rows, rows, groups)).mean())
    assert 0.04 <= above <= 0.06
    assert values.mean() == pytest.approx(float(psi_null_mean(4 * rows, rows, groups)), rel=0.06)


def test_the_null_quantile_holds_for_edges_taken_from_the_reference() -> None:
    generator = np.random.default_rng(6)
    quantile = float(psi_null_quantile(500, 300, 10))
    values = [
        psi_samples(generator.normal(size=500), generator.normal(size=300)) for _ in range(1500)
    ]
    assert 0.03 <= float((np.array(values) > quantile).mean()) <= 0.07


def test_a_fixed_psi_rule_fires_on_a_hundred_rows_and_never_on_a_thousand() -> None:
    generator = np.random.default_rng(7)
    fired = {}
    for rows in (100, 1000):
        sides = [generator.multinomial(rows, np.full(10, 0.1), size=5000) for _ in range(2)]
        fired[rows] = float((psi(*sides) > 0.1).mean())
    assert fired[100] > 0.3 and fired[1000] < 0.001
    assert psi_null_quantile(100, 100, 10) > 0.2 > psi_null_quantile(1000, 1000, 10)


def test_at_many_rows_a_p_value_is_small_where_the_distance_is_nothing() -> None:
    generator = np.random.default_rng(10)
    before, now = generator.normal(size=100_000), generator.normal(0.02, size=100_000)
    test = ks_two_sample(before, now)
    assert test.p_value < 0.01 and test.distance < 0.02


def test_two_hundred_features_without_drift_are_ten_by_p_and_none_by_q() -> None:
    generator = np.random.default_rng(8)
    p = np.array(
        [
            ks_two_sample(generator.normal(size=1000), generator.normal(size=500)).p_value
            for _ in range(200)
        ]
    )
    assert 3 <= (p <= 0.05).sum() <= 20
    assert (benjamini_hochberg(p) <= 0.05).sum() == 0


def test_few_values_are_groups_and_what_is_new_is_the_last() -> None:
    before = np.array([0.0] * 60 + [1.0] * 40)
    first, second = grouped(before, np.array([0.0, 1.0, 0.5, 9.0]))
    assert first.tolist() == [60, 40, 0] and second.tolist() == [1, 1, 2]


def test_few_rows_of_a_continuous_feature_are_no_categories() -> None:
    generator = np.random.default_rng(9)
    first, second = grouped(generator.normal(size=30), generator.normal(size=30))
    assert first.size == 10 and first.min() >= 1 and second.sum() == 30
