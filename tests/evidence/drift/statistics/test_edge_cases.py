"""All statistics through all edge cases: a number of their range or NaN, and never a warning."""

from __future__ import annotations

import math
import pkgutil

import numpy as np
import pytest

from governance.evidence.drift import statistics
from governance.evidence.drift.statistics import STATISTICS
from governance.evidence.drift.statistics.shares import FloatArray

NORMAL = np.random.default_rng(3).normal(size=200)
NOTHING: dict[str, FloatArray] = {
    "empty": np.zeros(0),
    "all missing": np.full(50, np.nan),
    "all infinite": np.array([np.inf, -np.inf] * 20),
}
CASES: dict[str, FloatArray] = {
    **NOTHING,
    "one row": np.array([1.0]),
    "constant": np.full(50, 0.1),
    "infinities among numbers": np.append(NORMAL, [np.inf, -np.inf]),
    "missing among numbers": np.append(NORMAL, [np.nan] * 50),
    "two values": np.array([0.0, 1.0] * 30),
    "many values": np.arange(5000.0),
    "the largest floats": np.array([1.7e308, -1.7e308] * 20),
    "the smallest floats": np.array([5e-324, 0.0] * 20),
    "far away": np.full(40, 1e300),
    "normal": NORMAL,
}


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("before", CASES)
def test_a_value_of_the_range_or_none_at_all(name: str, before: str) -> None:
    statistic = STATISTICS[name]
    for now, sample in CASES.items():
        value = statistic.samples(CASES[before], sample)
        assert not math.isinf(value), now
        if before in NOTHING or now in NOTHING:
            assert math.isnan(value), now
        else:
            assert math.isnan(value) or statistic.lowest <= value <= statistic.highest, now


@pytest.mark.parametrize("name", STATISTICS)
def test_equal_samples_have_the_value_of_no_change(name: str) -> None:
    statistic = STATISTICS[name]
    assert statistic.samples(NORMAL, NORMAL) == pytest.approx(statistic.same, abs=1e-9)


@pytest.mark.parametrize("name", STATISTICS)
def test_a_large_shift_is_seen(name: str) -> None:
    statistic = STATISTICS[name]
    moved = statistic.samples(NORMAL, 3 * NORMAL + 5)
    assert abs(moved - statistic.same) > 0.3


def test_every_module_lists_a_statistic_or_works_on_what_others_give() -> None:
    modules = {module.name for module in pkgutil.iter_modules(statistics.__path__)}
    on_p_values = {"benjamini_hochberg"}
    assert modules == {s.module for s in STATISTICS.values()} | {"shares"} | on_p_values


def test_a_constant_whose_mean_is_rounded_has_no_spread() -> None:
    constant = np.full(7, 0.1)
    assert constant.var() > 0, "the trap: the mean of seven times 0.1 is not 0.1"
    assert STATISTICS["variance_ratio"].samples(NORMAL, constant) == 0.0
    for name in ("mean_shift", "variance_ratio", "wasserstein"):
        assert math.isnan(STATISTICS[name].samples(constant, NORMAL))


def test_counts_of_nothing_give_no_figure() -> None:
    empty, full = np.zeros((2, 3), int), np.ones((2, 3), int)
    for first, second in ((empty, full), (full, empty), (empty, empty)):
        for value in (
            statistics.psi(first, second),
            statistics.ks_distance(first, second),
            statistics.ks_bound(first, second),
            statistics.chi_square(first, second).p_value,
            statistics.jensen_shannon(first, second),
            statistics.wasserstein(first, second, np.arange(3.0), 1.0),
            statistics.total_variation(first, second),
            statistics.total_variation_null_mean(first, second),
        ):
            assert np.isnan(value).all() and value.shape == (2,)
    assert np.isnan(statistics.ks_p_value([0.1, np.nan], [0, 10], [10, 10])).all()
    assert np.isnan(statistics.psi_null_quantile(0, 10, 5))
