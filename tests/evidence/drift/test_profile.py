"""One feature's profile: merging, stable sums, and what its figures are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import IntegrityError, InvalidEvidenceError
from governance.evidence.drift.profiles.edges import categorical_edges, numeric_edges
from governance.evidence.drift.profiles.packed import pack, seal
from governance.evidence.drift.profiles.profile import FeatureProfile, Problem
from governance.evidence.drift.profiles.profiling import profile_column
from governance.evidence.drift.profiles.sums import sums_of

EDGES = numeric_edges("x", np.linspace(-9, 9, 500), bins=8)
LETTERS = categorical_edges("c", ["a", "b"])

values = st.lists(
    st.floats(-1e5, 1e5) | st.sampled_from([np.nan, np.inf, -np.inf]), max_size=20
).map(lambda given_: np.array(given_, np.float64))


@given(a=values, b=values, c=values)
def test_profiles_add_up_as_their_rows_do(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    one, two, three = (profile_column(EDGES, rows) for rows in (a, b, c))
    whole = profile_column(EDGES, np.concatenate([c, a, b]))
    assert (one + two) + three == one + (two + three) == whole
    assert one + two == two + one and hash(one + two) == hash(two + one)
    assert one + FeatureProfile.empty(EDGES) == one


@given(rows=values)
def test_a_profile_comes_back_from_its_bytes(rows: np.ndarray) -> None:
    profile = profile_column(EDGES, rows)
    assert FeatureProfile.decode(profile.encode(), EDGES) == profile


@given(rows=values)
def test_figures_are_those_of_the_rows(rows: np.ndarray) -> None:
    profile = profile_column(EDGES, rows)
    finite = rows[np.isfinite(rows)]
    assert profile.n == len(finite) and profile.problem is Problem.OK
    assert profile.missing == np.isnan(rows).sum() and profile.infinite == np.isinf(rows).sum()
    if len(finite):
        assert (profile.minimum, profile.maximum) == (finite.min(), finite.max())
        assert profile.mean == pytest.approx(finite.mean(), abs=1e-5)
    else:
        assert np.isnan([profile.minimum, profile.maximum, profile.mean]).all()
    if len(finite) > 1:
        assert profile.variance == pytest.approx(finite.var(ddof=1), rel=1e-6, abs=1e-4)
    else:
        assert np.isnan(profile.variance)


@pytest.mark.parametrize("centre", [0.0, 1e9, -1e12])
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_sums_are_stable_far_from_zero(centre: float, shift: float) -> None:
    rng = np.random.default_rng(0)
    edges = numeric_edges("x", centre + rng.normal(size=10_000))
    rows = centre + shift + rng.normal(size=50_000)
    hours = np.array_split(rows, 24)
    profile = sum((profile_column(edges, hour) for hour in hours), FeatureProfile.empty(edges))
    assert profile == profile_column(edges, rows)
    away = rows - centre
    assert profile.mean - centre == pytest.approx(away.mean(), abs=2e-4)  # 1e12 has such steps
    assert profile.variance == pytest.approx(away.var(ddof=1), rel=1e-5)


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e138])
def test_sums_never_overflow(scale: float) -> None:
    extreme = np.array([-1.7e308] * 50 + [0.0] + [1.7e308] * 50)
    total, squares = sums_of(extreme, 0.0, scale)
    assert np.isfinite([total, squares * 1e9]).all() and squares > 0
    assert total == 0


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e9])
def test_sums_are_as_fine_as_the_scale_of_the_reference_asks(scale: float) -> None:
    rows = np.sort(np.random.default_rng(1).normal(0, scale, 40_000))
    total, squares = sums_of(rows, 0.0, scale)
    assert total / len(rows) == pytest.approx(rows.mean(), abs=scale * 1e-7)
    assert squares == pytest.approx((rows**2).sum(), rel=1e-6)


def test_merging_keeps_the_worse_problem() -> None:
    good, bad = profile_column(EDGES, np.array([1.0])), profile_column(EDGES, np.array(["x"]))
    assert bad.problem is Problem.WRONG_DTYPE and (bad.n, bad.missing) == (0, 0)
    assert (good + bad).problem is Problem.WRONG_DTYPE and (good + bad).n == 1


def test_categories_have_no_mean() -> None:
    profile = profile_column(LETTERS, ["a", "z", None])
    assert profile.counts.tolist() == [1, 0, 1] and profile.missing == 1
    assert np.isnan([profile.mean, profile.variance, profile.minimum]).all()


def test_profiles_of_other_edges_are_refused() -> None:
    one = profile_column(EDGES, np.array([1.0]))
    other = numeric_edges("x", np.linspace(0, 1, 500), bins=8)
    assert one != profile_column(other, np.array([1.0])) and one != 1
    with pytest.raises(InvalidEvidenceError, match="different edges"):
        one + profile_column(other, np.array([1.0]))
    with pytest.raises(InvalidEvidenceError, match="not counted on these edges"):
        FeatureProfile.decode(one.encode(), LETTERS)
    with pytest.raises(IntegrityError):
        FeatureProfile.decode(one.encode()[:-3], EDGES)
    with pytest.raises(IntegrityError, match="no profile"):
        FeatureProfile.decode(seal(pack({}, {})), EDGES)
