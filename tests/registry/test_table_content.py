"""The digest of a table is a fingerprint: equal exactly when the documented content is equal."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from governance.errors import InvalidInputError
from governance.registry.datasets import dataset_identity
from governance.registry.table_content import TableContent, dtype_name, table_content

# Small alphabets, so that equal cells, equal columns and equal tables are all drawn often.
CELLS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): st.sampled_from([0, 1, -1]),
    pa.int32(): st.sampled_from([0, 1, -1]),
    pa.float64(): st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf]),
    pa.bool_(): st.booleans(),
    pa.string(): st.sampled_from(["", "a", "ab", "b"]),
    pa.binary(): st.sampled_from([b"", b"a", b"ab", b"b"]),
    pa.list_(pa.string()): st.lists(st.sampled_from(["", "a"]), max_size=2),
    pa.struct([("x", pa.int64()), ("y", pa.string())]): st.fixed_dictionaries(
        {"x": st.sampled_from([0, None]), "y": st.sampled_from(["", "a"])}
    ),
    pa.timestamp("us"): st.integers(0, 1),
    pa.timestamp("us", tz="UTC"): st.integers(0, 1),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 3))
    columns = {}
    for name in draw(st.permutations(["a", "b", "c"]))[: draw(st.integers(1, 2))]:
        kind = draw(st.sampled_from(list(CELLS)))
        cells = draw(st.lists(st.none() | CELLS[kind], min_size=rows, max_size=rows))
        columns[name] = pa.array(cells, kind)
    return pa.table(columns)


def content(table: pa.Table, rows_a_batch: int | None = None) -> TableContent:
    return table_content(table.schema, table.to_batches(max_chunksize=rows_a_batch))


def plain(table: pa.Table) -> list[Any]:
    """What the module's docstring says counts, in the slow and obvious way."""

    def cell(value: Any) -> str:
        missing = value is None or (isinstance(value, float) and math.isnan(value))
        return "missing" if missing else repr(value)

    return [
        [name, str(column.type), [cell(value) for value in column.to_pylist()]]
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]


@given(tables(), tables())
def test_digests_are_equal_exactly_when_the_content_is(one: pa.Table, two: pa.Table) -> None:
    assert (content(one).digest == content(two).digest) == (plain(one) == plain(two))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0, pa.int8()),
        (0, pa.uint64()),
        (0.0, pa.float32()),
        (False, pa.bool_()),
        ("", pa.string()),
        (b"", pa.binary()),
        (0, pa.timestamp("ns")),
        (0, pa.date32()),
        (0, pa.duration("us")),
        (Decimal(0), pa.decimal128(5, 2)),
        ([], pa.list_(pa.int8())),
        ({"x": None}, pa.struct([("x", pa.int8())])),
    ],
    ids=str,
)
def test_a_missing_value_is_no_zero_and_no_empty_one(value: Any, kind: pa.DataType) -> None:
    columns = [[value, None], [None, value], [None, None], [value, value]]
    digests = {content(pa.table({"x": pa.array(column, kind)})).digest for column in columns}
    assert len(digests) == 4


@given(tables(), st.data())
def test_one_other_cell_changes_the_digest_of_its_column_alone(
    table: pa.Table, data: st.DataObject
) -> None:
    assume(table.num_rows)
    place = data.draw(st.integers(0, table.num_columns - 1))
    row = data.draw(st.integers(0, table.num_rows - 1))
    column = table.column(place)
    cells = column.to_pylist()
    cells[row] = data.draw(st.none() | CELLS[column.type])
    field = pa.field(table.column_names[place], column.type)
    other = table.set_column(place, field, pa.array(cells, column.type))
    before, after = content(table), content(other)
    changed = [
        n
        for n, (one, two) in enumerate(zip(before.columns, after.columns, strict=True))
        if one.digest != two.digest
    ]
    assert changed == ([] if plain(other) == plain(table) else [place])


@given(tables(), st.integers(1, 3))
def test_the_cut_into_batches_does_not_matter(table: pa.Table, rows: int) -> None:
    assert content(table, rows) == content(table)


@given(tables(), st.integers(0, 2))
def test_a_slice_has_the_content_of_its_rows(table: pa.Table, start: int) -> None:
    whole = table.take(pa.array(range(table.num_rows), pa.int64())[start:])
    assert content(table.slice(start)) == content(whole)


@given(
    table=tables(),
    layout=st.fixed_dictionaries(
        {
            "compression": st.sampled_from(["none", "snappy", "gzip", "zstd"]),
            "row_group_size": st.integers(1, 3),
            "use_dictionary": st.booleans(),
            "data_page_version": st.sampled_from(["1.0", "2.0"]),
            "store_schema": st.just(True),
        }
    ),
)
def test_parquet_layout_and_compression_do_not_matter(
    tmp_path: Path, table: pa.Table, layout: dict[str, Any]
) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(table, path, **layout)
    assert dataset_identity([path]).files[0].content.digest == content(table).digest


@pytest.mark.parametrize(
    ("values", "kind", "same_as"),
    [
        (["a", None], pa.large_string(), pa.string()),
        (["a", None], pa.string_view(), pa.string()),
        (["a", None], pa.dictionary(pa.int8(), pa.string()), pa.string()),
        ([b"ab", None], pa.binary(2), pa.binary()),
        ([b"ab", None], pa.large_binary(), pa.binary()),
        ([[1, 2], None], pa.list_(pa.int8(), 2), pa.list_(pa.int8())),
        ([[1, 2], None], pa.large_list(pa.int8()), pa.list_(pa.int8())),
        ([1000, None], pa.timestamp("ms"), None),
        ([1.5, None], pa.float16(), None),
    ],
)
def test_types_that_hold_the_same_values_are_one_type(
    values: list[Any], kind: pa.DataType, same_as: pa.DataType | None
) -> None:
    one = content(pa.table({"x": pa.array(values, kind)}))
    two = content(pa.table({"x": pa.array(values, same_as or kind)}))
    assert one == two


def test_a_dictionary_inside_a_list_has_the_content_of_its_values() -> None:
    words = pa.ListArray.from_arrays([0, 1, 3], pa.array(["a", "b", "a"]).dictionary_encode())
    assert content(pa.table({"x": words})) == content(pa.table({"x": [["a"], ["b", "a"]]}))


def test_a_map_has_the_content_of_its_pairs_in_order() -> None:
    kind = pa.map_(pa.string(), pa.int64())
    one, two = [("a", 1), ("b", 2)], [("b", 2), ("a", 1)]
    digests = {content(pa.table({"x": pa.array([m, None], kind)})).digest for m in (one, two)}
    assert len(digests) == 2


def test_left_over_bytes_under_a_null_do_not_count() -> None:
    words = pa.array(["left", "b"])
    offsets, data = words.buffers()[1:]
    hidden = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(b"\x02"), offsets, data])
    assert hidden.to_pylist() == [None, "b"]
    assert content(pa.table({"x": hidden})) == content(pa.table({"x": [None, "b"]}))


def test_seconds_are_taken_as_parquet_stores_them(tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([1, None], pa.timestamp("s", tz="UTC"))})
    pq.write_table(table, tmp_path / "a.parquet")
    assert dtype_name(table.schema.field("x").type) == "timestamp[ms, tz=UTC]"
    assert dataset_identity([tmp_path / "a.parquet"]).files[0].content.digest == (
        content(table).digest
    )


def test_a_union_is_refused_by_name() -> None:
    union = pa.UnionArray.from_sparse(
        pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array("ab")]
    )
    with pytest.raises(InvalidInputError, match="column 'mixed'.*struct"):
        content(pa.table({"mixed": union}))
