"""Rows are counted the same however they come: any type, any chunks, any split into hours."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.columns import as_numbers, text_counts
from governance.evidence.drift.profiles.edges import categorical_edges, edges_of, numeric_edges
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profile import Problem
from governance.evidence.drift.profiles.profiling import profile_column, profile_table

NUMERIC = numeric_edges("x", [1.0, 2.0, 3.0] * 50)
LETTERS = categorical_edges("c", ["a", "a", "b"])
DIGITS = categorical_edges("d", [1, 1, 2])
LAYOUT = Layout((NUMERIC, LETTERS, DIGITS))

ONE_TWO: list[Any] = [
    pa.array([1, None, 2], pa.int64()),
    pa.array([1, None, 2], pa.uint8()),
    pa.array([1, None, 2], pa.float16()),
    pa.array([1, None, 2], pa.float32()),
    pa.array([1.0, float("nan"), 2.0]),
    pa.array([Decimal("1.00"), None, Decimal("2.00")]),
    pa.array([7, 1, None, 2, 7]).slice(1, 3),
    pa.chunked_array([pa.array([1, None]), pa.array([], pa.int64()), pa.array([2])]),
    pd.Series([1, None, 2]),
    pd.Series([1, None, 2], dtype="Int32"),
    pd.Series([1, None, 2], dtype=object),
    pd.Series([1, None, 2]).astype("category"),
]


@pytest.mark.parametrize("column", ONE_TWO)
def test_numbers_of_every_type_are_counted_alike(column: Any) -> None:
    as_number = profile_column(NUMERIC, column)
    assert as_number.counts.tolist() == [0, 1, 0, 1, 0, 0, 0]
    assert (as_number.missing, as_number.mean, as_number.maximum) == (1, 1.5, 2.0)
    as_text = profile_column(DIGITS, column)
    assert as_text.counts.tolist() == [1, 1, 0] and as_text.missing == 1


A_NEW: list[Any] = [
    pa.array(["a", None, "new"]),
    pa.array(["a", None, "new"], pa.large_string()),
    pa.array(["a", None, "new"], pa.string_view()),
    pa.array(["a", None, "new"]).dictionary_encode(),
    pa.array(["b", "a", None, "new"]).dictionary_encode().slice(1),
    pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), pa.array(["a", None, "new"])),
    pa.chunked_array(
        [pa.array(["a"]).dictionary_encode(), pa.array([None, "new"]).dictionary_encode()]
    ),
    pd.Series(["a", None, "new"]),
    pd.Series(["a", None, "new"], dtype="category"),
]


@pytest.mark.parametrize("column", A_NEW)
def test_texts_of_every_type_are_counted_alike(column: Any) -> None:
    profile = profile_column(LETTERS, column)
    assert profile.counts.tolist() == [1, 0, 1] and profile.missing == 1
    assert profile.counts[LETTERS.unseen].sum() == 1


def test_booleans_are_categories_or_zero_and_one() -> None:
    column = pa.chunked_array([pa.array([True, None]), pa.array([True, False])])
    assert profile_column(edges_of("b", column), column).counts.tolist() == [2, 1, 0]
    assert profile_column(NUMERIC, column).mean == pytest.approx(2 / 3)


def test_a_float_that_is_no_whole_number_keeps_its_digits() -> None:
    counted = text_counts(pa.array([1.5, 2.0, -0.0, 1e20, float("inf"), None]))
    assert counted is not None
    assert counted[0].to_pylist() == ["1.5", "2", "0", "100000000000000000000", "inf"]


CANNOT: list[Any] = [
    pa.array([[1], [2]]),
    pa.array([datetime(2013, 2, 8, tzinfo=UTC)] * 2),
    pa.array([b"x", b"y"]),
    pa.array([{"a": 1}, {"a": 2}]),
    pa.array([b"x", b"y"]).dictionary_encode(),
]


@pytest.mark.parametrize("column", CANNOT)
@pytest.mark.parametrize("edges", [NUMERIC, LETTERS])
def test_a_type_that_cannot_be_counted_is_a_problem_and_no_error(edges: Any, column: Any) -> None:
    block = profile_table(Layout((edges,)), pa.table({edges.name: column}))
    assert block.problem.tolist() == [Problem.WRONG_DTYPE] and block.rows == 2
    assert block.n.sum() == block.missing.sum() == 0
    assert profile_column(edges, column).problem is Problem.WRONG_DTYPE


def test_text_in_a_numeric_feature_is_a_problem_even_if_it_looks_like_numbers() -> None:
    for column in (pa.array(["1", "2"]), pa.array(["1", "2"]).dictionary_encode()):
        assert profile_column(NUMERIC, column).problem is Problem.WRONG_DTYPE


@pytest.mark.parametrize("kind", [pa.null(), pa.float64(), pa.string(), pa.list_(pa.int64())])
@pytest.mark.parametrize("edges", [NUMERIC, LETTERS])
def test_nothing_but_missing_values_is_missing_whatever_the_type(edges: Any, kind: Any) -> None:
    profile = profile_column(edges, pa.nulls(5, kind))
    assert (profile.n, profile.missing, profile.problem) == (0, 5, Problem.OK)


def test_an_absent_column_and_an_empty_table_are_told() -> None:
    renamed = profile_table(LAYOUT, pa.table({"x": [1.0], "C": ["a"]}))
    assert renamed.problem.tolist() == [0, Problem.COLUMN_MISSING, Problem.COLUMN_MISSING]
    empty = profile_table(LAYOUT, pa.table({"x": pa.array([], pa.float64())}))
    assert empty.rows == 0 and empty.problem.tolist() == [0, 1, 1] and not empty.n.any()


def test_infinite_values_are_counted_apart_from_missing_ones() -> None:
    column = pa.chunked_array([pa.array([np.inf, None, np.nan, 2.0]), pa.array([-np.inf, np.inf])])
    profile = profile_column(NUMERIC, column)
    assert (profile.infinite, profile.missing, profile.n) == (3, 2, 1)
    assert (profile.minimum, profile.maximum, profile.mean) == (2.0, 2.0, 2.0)
    only = profile_column(NUMERIC, np.array([np.inf, -np.inf]))
    assert (only.infinite, only.n, only.missing) == (2, 0, 0) and np.isnan(only.mean)


@given(data=st.data())
def test_hours_counted_apart_are_the_day_counted_at_once(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    table = pa.table(
        {
            "x": pa.array(rng.normal(2, 2, rows), mask=rng.random(rows) < 0.2),
            "c": pa.array(rng.choice(["a", "b", "z"], rows).tolist(), pa.string()),
            "d": pa.array(rng.integers(0, 4, rows)),
        }
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, rows), max_size=4)))
    parts = [
        profile_table(LAYOUT, table.slice(start, end - start))
        for start, end in zip([0, *cuts], [*cuts, rows], strict=True)
    ]
    assert ProfileBlock.sum(parts) == profile_table(LAYOUT, table)
    shuffled = table.take(pa.array(rng.permutation(rows)))
    assert profile_table(LAYOUT, shuffled) == profile_table(LAYOUT, table)


@given(
    values=st.lists(st.floats(width=32) | st.none() | st.sampled_from([1.0, 2.0]), max_size=30),
    cuts=st.lists(st.floats(-5, 5), min_size=1, max_size=60),
)
def test_counts_are_those_of_a_direct_look_at_every_value(
    values: list[float | None], cuts: list[float]
) -> None:
    edges = numeric_edges("x", cuts, bins=8)
    profile = profile_column(edges, pa.array(values, pa.float64()))
    wanted = [0] * edges.bins
    for value in values:
        if value is not None and np.isfinite(value):
            wanted[sum(cut < value for cut in edges.cuts.tolist())] += 1
    assert profile.counts.tolist() == wanted


WHOLE = [
    *((kind, 0) for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.uint32())),
    *((pa.int64(), far) for far in (0, -7, 2**53, 2**62, -(2**63))),
    *((pa.uint64(), far) for far in (0, 2**63 - 60, 2**64 - 200)),
]


@pytest.mark.parametrize(("kind", "far"), WHOLE)
@given(rows=st.lists(st.none() | st.integers(0, 120), max_size=60), skipped=st.integers(0, 9))
def test_whole_numbers_are_counted_as_floats_are(
    kind: pa.DataType, far: int, rows: list[int | None], skipped: int
) -> None:
    rows = [None if row is None else row + far for row in rows]
    column = pa.array(rows, kind).slice(skipped)
    numbers = [np.nan if row is None else float(row) for row in rows[skipped:]]
    for sample in ([float(n) for n in range(100)], [float(n % 7) for n in range(100)]):
        edges = numeric_edges("x", [value + far for value in sample])
        assert profile_column(edges, column) == profile_column(edges, np.array(numbers))


@pytest.mark.parametrize("kind", ["text", "number", "dictionary"])
def test_a_million_new_categories_fill_one_bin_and_cost_no_space(kind: str) -> None:
    numbers = pa.array(np.arange(1_000_000))
    column = {"number": numbers, "text": numbers.cast(pa.string())}.get(kind)
    if column is None:
        column = pa.DictionaryArray.from_arrays(numbers, numbers.cast(pa.string()))
    known = categorical_edges("c", ["1", "-1"]) if kind == "number" else LETTERS
    column = pc.add(column, 10) if kind == "number" else column
    block = profile_table(Layout((known,)), pa.table({"c": column}))
    assert block.counts.tolist() == [[0, 0, 1_000_000]]
    assert len(block.encode()) < 1000
    if kind == "text":
        assert edges_of("c", column).bins == 1001


def test_names_that_became_codes_have_another_type() -> None:
    block = profile_table(Layout((LETTERS,)), pa.table({"c": pa.array([1, 2, 3])}))
    assert block.problem.tolist() == [2]
    nothing = profile_table(Layout((LETTERS,)), pa.table({"c": pa.array([None, None], pa.int64())}))
    assert nothing.problem.tolist() == [0] and nothing.missing.tolist() == [2]


def test_memory_is_reused_only_where_it_is_large_enough() -> None:
    spare = np.empty(2)
    two, three = (as_numbers(pa.array(given_), spare=spare) for given_ in ([1, 2], [1, 2, 3]))
    assert two is not None and np.shares_memory(two, spare)
    assert three is not None and three.tolist() == [1, 2, 3]
    held = pa.array([3.0, 1.0])
    profile_column(NUMERIC, held)
    assert held.to_pylist() == [3.0, 1.0]  # the caller's column keeps its order
