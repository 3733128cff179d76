"""Blocks add up like numbers, come back from bytes as they were, and stay small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import IntegrityError, InvalidEvidenceError
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.edges import categorical_edges, numeric_edges
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.packed import pack, seal, unpack, unseal
from governance.evidence.drift.profiles.profile import Problem
from governance.evidence.drift.profiles.profiling import profile_table

LAYOUT = Layout(
    (
        numeric_edges("x", np.linspace(-50, 50, 1001), bins=8),
        numeric_edges("few", [1.0, 2.0, 4.0] * 50),
        categorical_edges("c", ["a", "b"]),
    )
)
OTHER = Layout((numeric_edges("x", np.linspace(0, 1, 100), bins=8),))


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 12))
    values = st.none() | st.floats(-1e4, 1e4) | st.sampled_from([np.inf, -np.inf, np.nan, -0.0])
    columns: dict[str, Any] = {
        "x": pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), pa.float64()),
        "few": draw(
            st.sampled_from(
                [pa.array([1] * rows, pa.int64()), pa.array(["no number"] * rows, pa.string())]
            )
        ),
        "c": pa.array(
            draw(st.lists(st.sampled_from(["a", "b", "new", None]), min_size=rows, max_size=rows)),
            pa.string(),
        ),
    }
    absent = draw(st.sampled_from([None, "x", "c"]))
    return pa.table({name: column for name, column in columns.items() if name != absent})


blocks = tables().map(lambda table: profile_table(LAYOUT, table))


@given(a=blocks, b=blocks, c=blocks)
def test_adding_is_associative_and_commutative_with_empty_neutral(
    a: ProfileBlock, b: ProfileBlock, c: ProfileBlock
) -> None:
    assert (a + b) + c == a + (b + c) == ProfileBlock.sum([c, a, b])
    assert a + b == b + a and hash(a + b) == hash(b + a)
    assert a + ProfileBlock.empty(LAYOUT) == a == ProfileBlock.sum([a])
    assert sum([a, b, c]) == a + b + c


@given(a=blocks)
def test_a_block_comes_back_from_its_bytes(a: ProfileBlock) -> None:
    back = ProfileBlock.decode(a.encode(), LAYOUT)
    assert back == a and back.digest == a.digest
    assert all(
        np.array_equal(getattr(back, name), getattr(a, name), equal_nan=True)
        and getattr(back, name).dtype == getattr(a, name).dtype
        for name in ("counts", "missing", "infinite", "total", "squares", "minimum", "problem")
    )
    back += a  # what was decoded may be added to
    assert back.rows == 2 * a.rows


def test_a_block_of_another_content_or_layout_is_another_block() -> None:
    one, two = (profile_table(LAYOUT, pa.table({"x": [value]})) for value in (1.0, 2.0))
    assert one != two and one.digest != two.digest and one != "block"
    assert ProfileBlock.empty(LAYOUT) != ProfileBlock.empty(OTHER)


def test_blocks_on_different_edges_do_not_add_up() -> None:
    one, other = ProfileBlock.empty(LAYOUT), ProfileBlock.empty(OTHER)
    with pytest.raises(InvalidEvidenceError, match="different edges"):
        one + other
    with pytest.raises(InvalidEvidenceError, match="other edges"):
        ProfileBlock.decode(one.encode(), OTHER)
    with pytest.raises(InvalidEvidenceError, match="needs the layout"):
        ProfileBlock.sum([])
    with pytest.raises(TypeError):
        one + 1
    assert ProfileBlock.sum([], LAYOUT) == one


def test_equal_layouts_need_not_be_the_same_object() -> None:
    twin = Layout.decode(LAYOUT.encode())
    table = pa.table({"x": [1.0, 2.0], "few": [1, 2], "c": ["a", "z"]})
    assert profile_table(LAYOUT, table) == profile_table(twin, table)
    assert (profile_table(LAYOUT, table) + profile_table(twin, table)).rows == 4
    assert hash(twin) == hash(LAYOUT) and twin != OTHER


@settings(max_examples=50)
@given(data=st.data())
def test_damaged_bytes_are_found(data: st.DataObject) -> None:
    sealed = profile_table(LAYOUT, pa.table({"x": [1.0], "c": ["a"]})).encode()
    at = data.draw(st.integers(0, len(sealed) - 1))
    cut = data.draw(st.booleans())
    damaged = sealed[:at] if cut else sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
    with pytest.raises(IntegrityError):
        ProfileBlock.decode(damaged, LAYOUT)


def test_bytes_of_something_else_are_no_block_and_no_layout() -> None:
    header = {"layout": LAYOUT.digest, "rows": 1}
    for content in (pack(header, {}), pack(header, {"counts": np.zeros(1)}), b"", b"\xff" * 40):
        with pytest.raises(IntegrityError):
            ProfileBlock.decode(seal(content), LAYOUT)
    with pytest.raises(IntegrityError, match="no layout"):
        Layout.decode(seal(pack({}, {})))
    with pytest.raises(IntegrityError, match="too many"):
        unpack(pack({}, {}) + b"x")


@given(
    content=st.binary(max_size=50), counts=st.lists(st.integers(0, 2**40), max_size=9).map(np.array)
)
def test_packing_and_sealing_lose_nothing(content: bytes, counts: Any) -> None:
    assert unseal(seal(content)) == content
    given_ = counts.astype(np.uint64).reshape(-1, 1)
    header, arrays = unpack(pack({"a": [1, None]}, {"c": given_, "f": counts.astype(float)}))
    assert header == {"a": [1, None]}
    assert np.array_equal(arrays["c"], given_) and arrays["c"].shape == given_.shape
    assert arrays["c"].dtype == np.uint64 and arrays["f"].dtype == np.float64


def test_one_feature_of_a_block_is_its_profile() -> None:
    block = profile_table(LAYOUT, pa.table({"x": [1.0, 3.0, None], "few": ["1", "2", "4"]}))
    x, few, c = (block.profile(name) for name in LAYOUT.features)
    assert (x.n, x.missing, x.minimum, x.maximum) == (2, 1, 1.0, 3.0)
    assert x.mean == pytest.approx(2.0) == block.mean[0]
    assert x.variance == pytest.approx(2.0, abs=1e-4) == block.variance[0]
    assert (few.problem, c.problem) == (Problem.WRONG_DTYPE, Problem.COLUMN_MISSING)
    assert few.n == few.missing == 0
    assert np.isnan(block.mean[1:]).all() and np.isnan([few.mean, c.mean, c.variance]).all()
    with pytest.raises(InvalidEvidenceError, match="not watched"):
        block.profile("y")


def test_a_layout_names_each_feature_once_and_may_be_empty() -> None:
    with pytest.raises(InvalidEvidenceError, match="twice"):
        Layout((LAYOUT.edges[0], LAYOUT.edges[0]))
    nothing = Layout(())
    block = profile_table(nothing, pa.table({"x": [1]}))
    assert block.rows == 1 and block.counts.shape == (0, 0) and block + block != block
    assert ProfileBlock.decode(block.encode(), Layout.decode(nothing.encode())) == block
    assert nothing.grouped(block.counts).shape == (0, 0)


def test_padding_holds_nothing_and_groups_sum_the_bins_of_their_feature() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, (3, 2, len(LAYOUT.edges), LAYOUT.width)) * LAYOUT.valid
    grouped = LAYOUT.grouped(counts)
    assert grouped.shape == (3, 2, len(LAYOUT.edges), LAYOUT.group_count.max())
    for at, edges in enumerate(LAYOUT.edges):
        row = counts[1, 1, at, : edges.bins]
        wanted = np.bincount(edges.groups, row, minlength=grouped.shape[-1])
        assert grouped[1, 1, at].tolist() == wanted.tolist()
        assert LAYOUT.midpoints[at, : edges.bins].tolist() == edges.midpoints.tolist()
    assert (LAYOUT.exact & ~LAYOUT.valid).sum() == (LAYOUT.unseen & ~LAYOUT.valid).sum() == 0
    with pytest.raises(ValueError, match="read-only"):
        LAYOUT.valid[0, 0] = False


def test_a_month_of_fifty_features_stays_below_three_megabytes() -> None:
    """30 days of 100,000 rows and 48 hours; multinomial counts are those of such rows."""
    rng = np.random.default_rng(0)
    edges = [numeric_edges(f"n{at}", rng.normal(size=50_000)) for at in range(40)]
    edges += [
        categorical_edges(f"c{at}", [f"k{k}" for k in range(10 * (at + 1))]) for at in range(10)
    ]
    layout = Layout(tuple(edges))

    def size(rows: int) -> int:
        block = ProfileBlock.empty(layout)
        for at, one in enumerate(edges):
            block.counts[at, : one.bins] = rng.multinomial(rows, np.full(one.bins, 1 / one.bins))
            block.total[at], block.squares[at], block.minimum[at] = rng.normal(size=3)
        return len(block.encode())

    assert sum(size(100_000) for _ in range(30)) + sum(size(4_166) for _ in range(48)) <= 3e6
