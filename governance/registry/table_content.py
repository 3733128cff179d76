"""The content of a table as digests: column by column, in one fixed byte layout, batch by batch.

Neighbour: ``datasets`` (which files, which differences). What counts as the same content:

* A column is its name, its data type and its cells in row order. Compression, row groups, chunks,
  dictionary encoding, Parquet version, nullability flags and file metadata do not count.
* ``string``, ``large_string`` and ``string_view`` are one type, and so are their binary and list
  kin; a dictionary (a pandas category) is the type of its values. Units that Parquet cannot store
  are taken as Parquet stores them (seconds as milliseconds, date64 as date32). Unit and time zone
  of a timestamp count: UTC and "Europe/Berlin" are different types.
* A null and a floating NaN (of any payload) are the same: a missing value, which pandas cannot tell
  apart. Zero and minus zero differ, as their bits do.

Not promised: that equal numbers of different types agree (``int32`` 1 is not ``int64`` 1), or that
a CSV file agrees with a Parquet file of the same table (see ``datasets``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from governance.canonical import sha256_of
from governance.errors import InvalidInputError

LAYOUT = "table-1"  # changes whenever the bytes below change
_BINARY_LIKE = (pa.types.is_large_binary, pa.types.is_binary, pa.types.is_binary_view)
_TEXT_LIKE = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


@dataclass(frozen=True, slots=True)
class ColumnContent:
    """One column: ``digest`` covers its cells and their type, not its name."""

    name: str
    dtype: str
    digest: str


@dataclass(frozen=True, slots=True)
class TableContent:
    """A table's columns in their order and its number of rows."""

    columns: tuple[ColumnContent, ...]
    rows: int

    @property
    def digest(self) -> str:
        """Changes with any row, cell, column name, column order or data type, and nothing else."""
        return sha256_of(
            [LAYOUT, self.rows, [[one.name, one.dtype, one.digest] for one in self.columns]]
        )


def table_content(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> TableContent:
    """Digests of a stream of record batches; memory is bounded by one batch.

    How the rows are cut into batches does not matter:

    >>> table = pa.table({"day": [1, 2, 3], "close": [1.5, None, 2.5]})
    >>> whole = table_content(table.schema, table.to_batches())
    >>> whole == table_content(table.schema, table.to_batches(max_chunksize=2))
    True
    >>> [(one.name, one.dtype) for one in whole.columns], whole.rows
    ([('day', 'int64'), ('close', 'double')], 3)

    Raises:
        InvalidInputError: a column has a type without a canonical form (a union).
    """
    columns = [_Column(field.name, field.type) for field in schema]
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        for column, array in zip(columns, batch.columns, strict=True):
            column.update(array)
    return TableContent(
        tuple(ColumnContent(one.name, dtype_name(one.type), one.digest()) for one in columns), rows
    )


def dtype_name(kind: pa.DataType) -> str:
    """The name of a type as it is hashed and shown, the same for types that hold the same values.

    >>> dtype_name(pa.large_string()), dtype_name(pa.dictionary(pa.int8(), pa.string()))
    ('string', 'string')
    >>> dtype_name(pa.list_(pa.timestamp("s", tz="UTC")))
    'list<timestamp[ms, tz=UTC]>'
    """
    kind = _stored(kind)
    if pa.types.is_large_list(kind):
        return f"list<{dtype_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        inner = ", ".join(f"{field.name}: {dtype_name(field.type)}" for field in kind)
        return f"struct<{inner}>"
    if pa.types.is_large_string(kind):
        return "string"
    return "binary" if pa.types.is_large_binary(kind) else str(kind)


class _Column:
    """Running digests of one column: a stream of lengths or missing flags, and one of values.

    Nested columns have children, each a column of its own under the parent's name.
    """

    def __init__(self, name: str, kind: pa.DataType) -> None:
        self.name = name
        self.type = _stored(kind)
        self._given = kind
        self._shape = hashlib.sha256()
        self._values = hashlib.sha256()
        self._children: list[_Column] = []
        if pa.types.is_large_list(self.type):
            self._children = [_Column(name, self.type.value_type)]
        elif pa.types.is_struct(self.type):
            self._children = [_Column(f"{name}.{field.name}", field.type) for field in self.type]
        elif pa.types.is_union(self.type):
            raise InvalidInputError(
                f"column {name!r} has type {kind}, which has no canonical form; "
                "write it as several columns or as a struct"
            )

    def update(self, array: pa.Array) -> None:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pa.types.is_map(array.type):
            pair = [("key", array.type.key_type), ("value", array.type.item_type)]
            array = array.cast(pa.large_list(pa.struct(pair)))
        if pa.types.is_large_list(self.type):
            self._shape.update(_lengths(pc.list_value_length(array)))
            self._children[0].update(array.flatten())
            return
        if pa.types.is_struct(self.type):
            self._shape.update(_missing(array))
            for child, values in zip(self._children, array.flatten(), strict=True):
                child.update(values)
            return
        if array.type != self.type:
            array = array.cast(self.type)
        if pa.types.is_large_string(self.type) or pa.types.is_large_binary(self.type):
            self._update_text(array)
        elif pa.types.is_null(self.type):
            self._shape.update(_missing(array))
        else:
            self._shape.update(_missing(array))
            self._values.update(_fixed_width(array))

    def _update_text(self, array: pa.Array) -> None:
        self._shape.update(_lengths(pc.binary_length(array)))
        if array.null_count:  # the slot of a null may hold left-over bytes
            array = array.cast(pa.large_binary()).fill_null(b"")
        if len(array):
            _, offsets, data = array.buffers()
            ends = np.frombuffer(offsets, dtype=np.int64)
            first, last = ends[array.offset], ends[array.offset + len(array)]
            if data is not None:
                self._values.update(memoryview(data)[int(first) : int(last)])

    def digest(self) -> str:
        parts: list[Any] = [dtype_name(self._given), self._shape.hexdigest()]
        parts += [child.digest() for child in self._children] or [self._values.hexdigest()]
        return sha256_of(parts)


def _stored(kind: pa.DataType) -> pa.DataType:
    """The type whose bytes are hashed: one for each group of types that hold the same values."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        return _stored(kind.value_type)
    if any(test(kind) for test in _TEXT_LIKE):
        return pa.large_string()
    if any(test(kind) for test in _BINARY_LIKE) or pa.types.is_fixed_size_binary(kind):
        return pa.large_binary()
    if pa.types.is_map(kind):
        return pa.large_list(
            pa.struct([("key", _stored(kind.key_type)), ("value", _stored(kind.item_type))])
        )
    if _is_list(kind):
        return pa.large_list(_stored(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _stored(field.type)) for field in kind])
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        return pa.timestamp("ms", tz=kind.tz)
    if pa.types.is_time32(kind):
        return pa.time32("ms")
    return pa.date32() if pa.types.is_date64(kind) else kind


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _missing(array: pa.Array) -> bytes:
    """One byte a row: 1 where the value is missing."""
    flags = array.is_null(nan_is_null=pa.types.is_floating(array.type))
    return bytes(flags.cast(pa.uint8()).to_numpy(zero_copy_only=False).data)


def _lengths(lengths: pa.Array) -> bytes:
    """Eight bytes a row, little-endian; -1 stands for a missing value."""
    filled = lengths.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return bytes(filled.astype("<i8", copy=False).data)


def _fixed_width(array: pa.Array) -> bytes:
    """The values one after another, little-endian, a missing one as zero bits."""
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    width = array.type.bit_width // 8
    missing = array.is_null(nan_is_null=pa.types.is_floating(array.type))
    _, data = array.buffers()
    start = array.offset * width
    cells = np.frombuffer(data, dtype=np.uint8)[start : start + len(array) * width]
    if pc.any(missing).as_py():
        cells = cells.reshape(len(array), width).copy()
        cells[missing.to_numpy(zero_copy_only=False)] = 0
    return cells.tobytes()
