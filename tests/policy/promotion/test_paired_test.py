"""The paired test: its closed form is the integral; its laws; what it answers at the edges."""

from __future__ import annotations

from math import exp, inf, isfinite, lgamma, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp1f1
from scipy.stats import nct
from scipy.stats import t as student

from governance.errors import InvalidInputError
from governance.policy.promotion.paired_test import MIN_PAIRS, SCALE, PairedTest, log_e_value


def likelihood_ratio(n: int, t: float, delta: float) -> float:
    """Of t between an effect size and none, by the densities of scipy."""
    return float(nct.pdf(t, n - 1, sqrt(n) * delta) / student.pdf(t, n - 1))


def likelihood_ratio_by_series(n: int, t: float, delta: float) -> float:
    """The same by confluent hypergeometric functions."""
    z = n * t * t * delta * delta / (2 * (n - 1 + t * t))
    odd = sqrt(2) * t * delta * sqrt(n) / sqrt(n - 1 + t * t)
    odd *= exp(lgamma((n + 1) / 2) - lgamma(n / 2))
    return float(
        exp(-n * delta * delta / 2) * (hyp1f1(n / 2, 0.5, z) + odd * hyp1f1((n + 1) / 2, 1.5, z))
    )


def prior(delta: float) -> float:
    return delta / SCALE**2 * exp(-delta * delta / (2 * SCALE**2))


@pytest.mark.parametrize("n", [2, 3, 10, 20, 60, 250])
@pytest.mark.parametrize("t", [-2.5, -0.4, 0.0, 0.3, 1.0, 2.2, 4.0])
def test_the_closed_form_is_the_integral_over_the_prior(n: int, t: float) -> None:
    whole, _ = quad(
        lambda delta: prior(delta) * likelihood_ratio_by_series(n, t, delta), 0, 1.5, epsrel=1e-11
    )
    assert exp(log_e_value(n, t)) == pytest.approx(whole, rel=1e-7)


@pytest.mark.parametrize("delta", [0.05, 0.2, 0.6])
def test_the_likelihood_ratio_is_that_of_the_noncentral_t(delta: float) -> None:
    for n, t in ((5, 1.0), (30, 2.0), (80, -1.0)):
        assert likelihood_ratio(n, t, delta) == pytest.approx(
            likelihood_ratio_by_series(n, t, delta), rel=1e-6
        )


@pytest.mark.parametrize("n", [2, 20, 60])
def test_without_an_effect_the_mean_evidence_is_one(n: int) -> None:
    mean, _ = quad(lambda u: exp(log_e_value(n, float(student.ppf(u, n - 1)))), 0, 1, limit=400)
    assert mean == pytest.approx(1.0, abs=1e-6)


def test_below_no_effect_it_is_smaller() -> None:
    for delta in (-0.02, -0.1, -0.5):
        mean, _ = quad(
            lambda t, delta=delta: exp(log_e_value(40, t)) * nct.pdf(t, 39, sqrt(40) * delta),
            *(-40, 40),
            limit=400,
        )
        assert mean < 1.0


@given(n=st.integers(2, 5000), a=st.floats(-40, 40), b=st.floats(-40, 40))
def test_it_grows_with_t(n: int, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert log_e_value(n, low) <= log_e_value(n, high) + 1e-9


@given(n=st.integers(0, 10**6), t=st.floats(-1e9, 1e9))
def test_it_is_a_number_or_no_evidence(n: int, t: float) -> None:
    assert isfinite(value := log_e_value(n, t)) or value == -inf


@given(
    pairs=st.integers(MIN_PAIRS, 2000),
    mean=st.floats(-3, 3),
    sd=st.floats(1e-6, 1e6),
    scale=st.floats(1e-3, 1e3),
    candidates=st.integers(1, 30),
)
def test_units_change_nothing(
    pairs: int, mean: float, sd: float, scale: float, candidates: int
) -> None:
    one = PairedTest(pairs, mean * sd / 20, sd, candidates)
    other = PairedTest(pairs, mean * sd / 20 * scale, sd * scale, candidates)
    assert one.e_value == pytest.approx(other.e_value, rel=1e-6)
    assert one.sessions_needed == pytest.approx(other.sessions_needed or 0, abs=1) or (
        one.sessions_needed is other.sessions_needed is None
    )


@given(pairs=st.integers(MIN_PAIRS, 3000), t=st.floats(-9, 9), candidates=st.integers(1, 50))
def test_interval_verdict_and_p_value_say_the_same(pairs: int, t: float, candidates: int) -> None:
    test = PairedTest(pairs, t / sqrt(pairs), 1.0, candidates)
    assert test.interval is not None and test.p_value is not None and test.mean is not None
    low, high = test.interval
    assert low < test.mean < high
    if min(abs(low), abs(high)) > 1e-9:
        assert (test.verdict == "better") == (low > 0)
        assert (test.verdict == "worse") == (high < 0)
    assert (test.p_value <= test.alpha * (1 + 1e-9)) == (test.verdict == "better")
    assert (test.sessions_needed == 0) == (test.verdict == "better")


@given(pairs=st.integers(2, 400), effect=st.floats(0.03, 0.8), candidates=st.integers(1, 20))
def test_so_many_more_sessions_and_not_one_fewer_show_it(
    pairs: int, effect: float, candidates: int
) -> None:
    needed = PairedTest(pairs, effect, 1.0, candidates).sessions_needed
    assert needed is not None
    then = pairs + needed
    assert PairedTest(then, effect, 1.0, candidates).verdict == "better"
    if needed and then > MIN_PAIRS:
        assert PairedTest(then - 1, effect, 1.0, candidates).verdict == "open"


def test_more_candidates_need_more_evidence() -> None:
    tests = [PairedTest(100, 0.36, 1.0, n) for n in (1, 5, 500)]
    assert [test.verdict for test in tests] == ["better", "better", "open"]
    widths = [test.interval[1] - test.interval[0] for test in tests if test.interval]
    assert widths == sorted(widths)
    assert tests[1].p_value == pytest.approx(5 * (tests[0].p_value or 0))
    assert tests[2].p_value == 1.0


@pytest.mark.parametrize(
    ("pairs", "mean", "sd", "needed"),
    [
        *((0, None, None, MIN_PAIRS), (1, 0.5, None, MIN_PAIRS - 1), (5, 0.0, 0.0, MIN_PAIRS - 5)),
        *((5, -1.0, 1.0, MIN_PAIRS - 5), (60, 0.5, 0.0, None), (60, None, None, None)),
        *((60, -0.1, 1.0, None), (60, 1e-4, 1.0, None), (60, float("nan"), 1.0, None)),
    ],
)
def test_what_shows_nothing_is_open(
    pairs: int, mean: float | None, sd: float | None, needed: int | None
) -> None:
    test = PairedTest(pairs, mean, sd)
    assert (test.verdict, test.sessions_needed) == ("open", needed)


def test_so_few_pairs_have_an_interval_without_ends() -> None:
    assert PairedTest(2, 1.0, 1.0, candidates=10**6, alpha=0.001).interval == (-inf, inf)
    assert PairedTest(0, None, None).interval is None


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"alpha": float("nan")}, {"candidates": 0}])
def test_a_test_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        PairedTest(60, 0.1, 1.0, **wrong)  # type: ignore[arg-type]


def test_the_interval_holds_at_every_look() -> None:
    """Simulated: the true difference leaves one end of the interval in at most alpha of runs."""
    numbers = np.random.default_rng(3).standard_normal((400, 250)) + 0.2
    n = np.arange(1, 251)
    sums, squares = numbers.cumsum(1), (numbers**2).cumsum(1)
    left = 0
    for one, two in zip(sums, squares, strict=True):
        means = one / n
        spreads = np.sqrt((two[1:] - n[1:] * means[1:] ** 2) / (n[1:] - 1))
        looks = range(MIN_PAIRS - 1, 250, 5)
        left += any(
            log_e_value(k + 1, float((means[k] - 0.2) / spreads[k - 1] * sqrt(k + 1))) >= log(20)
            for k in looks
        )
    assert left / 400 <= 0.05
