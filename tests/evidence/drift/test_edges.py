"""Edges come from the reference alone, lose nothing of ties, and keep KS and PSI honest."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.profiles.columns import FloatArray
from governance.evidence.drift.profiles.edge_groups import equal_mass_groups
from governance.evidence.drift.profiles.edges import categorical_edges, edges_of, numeric_edges
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profiling import profile_column
from governance.evidence.drift.statistics.ks import ks_bound, ks_distance
from governance.evidence.drift.statistics.psi import psi

numbers = st.lists(
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3).map(float), max_size=80
)


def sample(kind: str, rows: int, seed: int, shift: float = 0.0) -> FloatArray:
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {
        "continuous": lambda: rng.normal(shift, 1 + shift, rows),
        "skewed": lambda: rng.lognormal(shift, 2, rows),
        "heavy_ties": lambda: np.where(
            rng.random(rows) < 0.4 + shift / 4, 0.0, rng.gamma(1 + shift, 1, rows).round(2)
        ),
        "integer": lambda: rng.poisson(300 * (1 + shift / 10), rows),
        "wide_integer": lambda: rng.integers(0, int(900 * (1 + shift)), rows),
        "discrete": lambda: rng.choice([1.0, 2.5, 3.0, 10.0], rows, p=[0.1, 0.2, 0.3, 0.4]) + shift,
        "few": lambda: rng.normal(shift, 1, rows)[: rows // 40],
    }
    return np.asarray(made[kind](), np.float64)


KINDS = ["continuous", "skewed", "heavy_ties", "integer", "wide_integer", "discrete", "few"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shift", [0.0, 0.02, 0.5])
def test_ks_from_profiles_is_within_its_bound_and_two_thousandths(kind: str, shift: float) -> None:
    reference, current = sample(kind, 20_000, 1), sample(kind, 4_000, 2, shift)
    edges = numeric_edges("x", reference)
    p, q = (profile_column(edges, values).counts for values in (reference, current))
    exact = ks_2samp(reference, current, method="asymp").statistic
    measured = float(ks_distance(p, q))
    assert measured <= exact + 1e-12
    assert exact - measured <= 0.002
    assert exact - measured <= float(ks_bound(p, q, exact=edges.exact)) + 1e-12
    assert (p[~edges.exact] / len(reference) <= 1 / 512).all()


few_values = st.floats(-4, 4) | st.integers(-4, 4).map(float)


@given(
    reference=st.lists(few_values, min_size=1, max_size=60),
    current=st.lists(few_values, min_size=1, max_size=60),
)
def test_ks_of_any_two_samples_is_within_its_bound(
    reference: list[float], current: list[float]
) -> None:
    edges = numeric_edges("x", reference, bins=6)
    p, q = (profile_column(edges, np.array(values)).counts for values in (reference, current))
    places = np.array([*reference, *current])
    below = [
        np.searchsorted(np.sort(values), places, side="right") / len(values)
        for values in (reference, current)
    ]
    missed = np.abs(below[0] - below[1]).max() - float(ks_distance(p, q))
    assert -1e-12 <= missed <= float(ks_bound(p, q, exact=edges.exact)) + 1e-12


@pytest.mark.parametrize("kind", ["discrete", "few"])
def test_ks_is_exact_where_every_reference_value_has_its_bin(kind: str) -> None:
    reference, current = sample(kind, 20_000, 1), sample(kind, 20_000, 2, 0.3)
    edges = numeric_edges("x", reference)
    p, q = (profile_column(edges, values).counts for values in (reference, current))
    exact = ks_2samp(reference, current, method="asymp").statistic
    assert float(ks_distance(p, q)) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_psi_on_the_groups_is_the_one_computed_directly(kind: str) -> None:
    reference, current = sample(kind, 20_000, 3), sample(kind, 4_000, 4, 0.3)
    edges = numeric_edges("x", reference)
    layout = Layout((edges,))
    p, q = (
        layout.grouped(profile_column(edges, values).counts[None])[0, : layout.group_count[0]]
        for values in (reference, current)
    )
    if edges.discrete:
        values = np.unique(reference)
        direct = [
            np.array([(one == value).sum() for value in values] + [(~np.isin(one, values)).sum()])
            for one in (reference, current)
        ]
    else:
        cuts = edges.cuts[np.flatnonzero(np.diff(edges.groups))]
        assert len(cuts) <= 9
        direct = [
            np.bincount(np.searchsorted(cuts, one), minlength=len(cuts) + 1)
            for one in (reference, current)
        ]
    assert p.tolist() == direct[0].tolist() and q.tolist() == direct[1].tolist()
    shares = [(one + 0.5) / (one + 0.5).sum() for one in direct]
    assert float(psi(p, q)) == pytest.approx(
        ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum(), rel=1e-12
    )


def test_ten_groups_of_a_continuous_feature_hold_a_tenth_each() -> None:
    reference = sample("continuous", 20_000, 5)
    edges = numeric_edges("x", reference)
    mass = np.bincount(edges.groups, profile_column(edges, reference).counts)
    assert len(mass) == 10 and np.abs(mass / 20_000 - 0.1).max() < 1 / 512


@given(mass=st.lists(st.integers(0, 9), min_size=1, max_size=40), groups=st.integers(1, 12))
def test_groups_are_consecutive_and_never_empty_of_reference(mass: list[int], groups: int) -> None:
    made = equal_mass_groups(np.array(mass), groups=groups)
    assert made[0] == 0 and set(np.diff(made)) <= {0, 1} and made[-1] < groups
    if sum(mass):
        assert (np.bincount(made, mass) > 0).all()


@given(values=numbers)
def test_edges_do_not_depend_on_order_or_on_what_is_no_number(values: list[float]) -> None:
    one = Layout((numeric_edges("x", values, bins=16),))
    noise = [np.nan, np.inf, *reversed(values), -np.inf]
    assert Layout((numeric_edges("x", noise, bins=16),)) == one
    assert Layout.decode(one.encode()) == one


@given(values=numbers)
def test_every_value_has_one_bin_and_heavy_ones_their_own(values: list[float]) -> None:
    edges = numeric_edges("x", values, bins=16)
    assert (np.diff(edges.cuts) > 0).all() and edges.bins <= (65 if edges.discrete else 33)
    counts = profile_column(edges, np.array(values, np.float64)).counts
    assert counts.sum() == len(values)
    heavy = counts * 16 > max(len(values), 1)
    assert edges.exact[heavy].all()
    assert not counts[edges.unseen].any()
    inside = edges.midpoints[1:-1]
    assert (inside <= edges.cuts[1:]).all() and (inside >= edges.cuts[:-1]).all()
    assert np.isfinite(edges.midpoints).all() and edges.scale > 0


def test_a_value_between_known_ones_is_new_in_a_discrete_feature_only() -> None:
    few = numeric_edges("x", [1.0, 2.0, 4.0] * 50)
    assert few.discrete and few.groups.max() == 3
    counts = profile_column(few, np.array([0.0, 1.0, 3.0, 4.0, 9.0])).counts
    assert counts[few.unseen].sum() == 3 and few.groups[few.unseen].tolist() == [3] * 4
    many = numeric_edges("x", np.arange(100.0))
    assert not many.discrete and not many.unseen.any()


def test_a_handful_of_different_values_does_not_make_every_other_one_new() -> None:
    assert not numeric_edges("x", [0.1, 0.7, 0.3, 2.2, 5.0]).discrete
    assert numeric_edges("x", [7.0, 7.0]).discrete  # a constant


def test_neighbouring_floats_keep_bins_of_their_own() -> None:
    near = np.nextafter(1.0, 2.0)
    edges = numeric_edges("x", [1.0, near] * 50)
    assert profile_column(edges, np.array([1.0, near, near])).counts.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf], [None]])
def test_a_reference_without_values_has_one_bin_for_all(values: list[Any]) -> None:
    edges = numeric_edges("x", np.array(values, np.float64))
    assert (edges.bins, edges.centre, edges.scale, edges.discrete) == (1, 0.0, 1.0, False)


def test_huge_values_give_finite_edges() -> None:
    edges = numeric_edges("x", [1.7e308, -1.7e308, 0.0] * 20)
    assert np.isfinite([edges.centre, edges.scale, *edges.midpoints]).all()


def test_categories_are_the_most_frequent_ties_by_text() -> None:
    edges = categorical_edges("c", ["b", "b", "d", "a", None, "c"], limit=3)
    assert edges.categories == ("b", "a", "c") and edges.bins == 4
    assert not edges.unseen.any()  # "d" is among the others, so they are not all new
    assert categorical_edges("c", ["b", "a"]).unseen.tolist() == [False, False, True]


AS_CATEGORIES: list[tuple[Any, tuple[str, ...]]] = [
    (pa.array([True, False, True, None]), ("true", "false")),
    (pa.array(["x", "y", "x"], pa.large_string()), ("x", "y")),
    (pa.array(["x", "y", "x"], pa.string_view()), ("x", "y")),
    (pa.chunked_array([pa.array(["x"]), pa.array(["y", "x"])]).dictionary_encode(), ("x", "y")),
    (pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), pa.array(["x", "x"])), ("x",)),
    (pd.Series(["x", "y", "x"], dtype="category"), ("x", "y")),
    (pd.Series([1, 2, 1]).astype("category"), ("1", "2")),
    (pd.Series(["x", None, float("nan")], dtype=object), ("x",)),
    (np.array([True, True]), ("true",)),
    (np.array(["x", "y"]), ("x", "y")),
]


@pytest.mark.parametrize(("column", "categories"), AS_CATEGORIES)
def test_texts_and_booleans_are_categories(column: Any, categories: tuple[str, ...]) -> None:
    edges = edges_of("c", column)
    assert (edges.kind, edges.categories) == ("categorical", categories)


NUMBERS: list[Any] = [
    pa.array([1, 2, None]),
    pa.array([1, 2], pa.uint8()),
    pa.array([1, 2], pa.float16()),
    pa.array([Decimal("1.00"), Decimal("2.00"), None]),
    pd.Series([1.0, 2.0, None]),
    pd.Series([1, 2, None], dtype="Int64"),
    np.array([1, 2], np.float32),
]


@pytest.mark.parametrize("column", NUMBERS)
def test_numbers_are_numbers_or_on_request_the_same_categories(column: Any) -> None:
    assert edges_of("n", column).kind == "numeric"
    assert edges_of("n", column).midpoints[[0, -1]].tolist() == [1.0, 2.0]
    assert edges_of("n", column, categorical=True).categories == ("1", "2")


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime(2013, 2, 8, tzinfo=UTC)]),
        pd.Series(pd.date_range("2013-02-08", periods=2)),
        pa.array([[1]]),
        pa.array([b"x"]),
        pa.array([b"x"]).dictionary_encode(),
        pd.Series([1, "x"], dtype=object),
        pd.Series([object()], dtype=object),
    ],
)
@pytest.mark.parametrize("categorical", [False, True])
def test_what_cannot_be_watched_is_refused_with_its_name(column: Any, categorical: bool) -> None:
    with pytest.raises(InvalidEvidenceError, match="'when'"):
        edges_of("when", column, categorical=categorical)


def test_values_without_text_are_no_categories() -> None:
    with pytest.raises(InvalidEvidenceError, match="no categories"):
        categorical_edges("c", pa.array([[1]]))
