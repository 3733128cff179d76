"""A column of any table as numbers, or as texts with how often each occurs.

Here is decided, once for edges and profiles, which types can be counted and what the text of a
value is. Neighbours: ``edges`` and ``profiling``. Not promised: that a number written as text is
read as a number (a changed type is a finding, not something to be repaired), and that a 32-bit
float equals the 64-bit float it was rounded from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds
from numpy.typing import NDArray

from governance.errors import InvalidEvidenceError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Kind = Literal["numeric", "categorical"]


def as_arrow(name: str, column: Any) -> pa.Array | pa.ChunkedArray:
    """A pandas or numpy column as Arrow; NaN in a column of objects is missing.

    Raises:
        InvalidEvidenceError: a column that mixes types.
    """
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InvalidEvidenceError(
            f"column {name!r} mixes types or holds objects ({error}); give numbers or text"
        ) from error


def kind_of(column: pa.Array | pa.ChunkedArray) -> Kind | None:
    """What a column naturally is; ``None``: neither (times, lists, bytes).

    >>> kind_of(pa.array([1, 2])), kind_of(pa.array([True])), kind_of(pa.array([[1]]))
    ('numeric', 'categorical', None)
    """
    kind = column.type
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind):
        return "numeric"
    if kinds.is_null(kind):
        return "numeric"
    if kinds.is_dictionary(kind):
        return "categorical" if _has_text(kind.value_type) else None
    return "categorical" if _has_text(kind) else None


def as_numbers(
    column: pa.Array | pa.ChunkedArray, *, null: float = np.nan, spare: FloatArray | None = None
) -> FloatArray | None:
    """float64[rows] of its own; ``None`` where the type is no number.

    Args:
        null: what stands where there is no value.
        spare: memory to write to, if it is large enough.

    >>> as_numbers(pa.array([1, None])).tolist()
    [1.0, nan]
    """
    rows = len(column)
    if spare is None or len(spare) < rows:
        spare = np.empty(rows)
    numbers = spare[:rows]
    kind = column.type
    if kinds.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if column.null_count == rows:
        numbers[:] = null
        return numbers
    if not (kinds.is_integer(kind) or kinds.is_floating(kind)):
        if not (kinds.is_decimal(kind) or kinds.is_boolean(kind)):
            return None
        column = column.cast(pa.float64())
    column = in_one(column)
    numbers[:] = plain(column)
    if column.null_count:
        np.copyto(numbers, null, where=gaps(column))
    return numbers


def whole_numbers(column: pa.Array | pa.ChunkedArray) -> tuple[FloatArray, IntArray] | None:
    """The values of a column of integers, ascending, and how many rows have each.

    ``None`` where they lie so far apart that counting each possible one is not worth it.

    >>> values, times = whole_numbers(pa.array([7, None, 5, 7]))
    >>> values.tolist(), times.tolist()
    ([5.0, 7.0], [1, 2])
    """
    if column.null_count == len(column):
        return np.zeros(0), np.zeros(0, np.int64)
    column = in_one(column)
    low, high = (int(end) for end in pc.min_max(column).values())
    span = high - low + 1
    if span > len(column) or high >= 1 << 63:
        return None
    places = plain(column).astype(np.int64)
    places -= low
    if column.null_count:
        np.copyto(places, span, where=gaps(column))
    times = np.bincount(places, minlength=span + 1)[:span]
    there = np.flatnonzero(times)
    return (there + low).astype(np.float64), times[there]


def in_one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Without chunks: a day of hours is then one walk instead of 24."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def plain(column: pa.Array) -> NDArray[Any]:
    """Numbers as they lie in memory, without a copy; anything stands where there is no value.

    Not ``to_numpy``: that imports pandas, and takes a copy where there are gaps.
    """
    kind: Any = column.type.to_pandas_dtype()
    if not len(column):
        return np.zeros(0, kind)
    return np.frombuffer(column.buffers()[1], kind)[column.offset : column.offset + len(column)]


def gaps(column: pa.Array) -> BoolArray:
    """bool[rows]: where there is no value."""
    if not column.null_count:
        return np.zeros(len(column), np.bool_)
    first, bits = column.offset % 8, np.frombuffer(column.buffers()[0], np.uint8)
    last = first + len(column)
    there = np.unpackbits(bits[column.offset // 8 :], count=last, bitorder="little")
    return np.equal(there[first:], 0)


def texts_as_arrow(texts: Sequence[str]) -> pa.Array:
    """As ``pa.array(texts, pa.string())``, which would import pandas.

    >>> texts_as_arrow(["UA", "", "é"]).to_pylist()
    ['UA', '', 'é']
    """
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    )


def text_counts(
    column: pa.Array | pa.ChunkedArray,
) -> tuple[pa.Array, IntArray, int] | None:
    """Texts (some perhaps twice), how often each occurs, and the number of missing values.

    The text of a boolean is ``true`` or ``false``; a whole number has no decimal point whatever its
    type, so a column of integers that became floats keeps its categories.

    >>> texts, counts, missing = text_counts(pa.array([7.0, None, 7.0]))
    >>> texts.to_pylist(), counts.tolist(), missing
    (['7'], [2], 1)
    """
    if kinds.is_string_view(column.type):
        column = column.cast(pa.large_string())  # Arrow counts the views' nulls as texts
    missing = column.null_count
    if missing == len(column):
        return pa.array([], pa.string()), np.zeros(0, np.int64), missing
    if kinds.is_boolean(column.type):
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        true = sum(chunk.true_count for chunk in chunks)
        counts = np.array([len(column) - missing - true, true], np.int64)
        return pa.array(["false", "true"], pa.string()), counts, missing
    if kinds.is_dictionary(column.type):
        values, counts = _of_dictionary(column)
    else:
        if not _has_text(column.type):
            return None
        pairs = pc.value_counts(column)
        values, counts = pairs.field(0), plain(pairs.field(1))
    if not _has_text(values.type):
        return None
    if kinds.is_floating(values.type) or kinds.is_decimal(values.type):
        numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        there = ~np.isnan(numbers)
        texts = pa.array([_text_of(number) for number in numbers[there].tolist()], pa.string())
    else:
        there = ~gaps(values)
        texts = values.cast(pa.string()).drop_null()
    counts = counts[there].astype(np.int64)
    return texts, counts, len(column) - int(counts.sum())


def _of_dictionary(column: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, NDArray[Any]]:
    """Values and counts over all chunks; each chunk may have a dictionary of its own."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    values, counts = [], []
    for chunk in chunks:
        rows, size = plain(chunk.indices), len(chunk.dictionary)
        if chunk.null_count:
            rows = np.where(gaps(chunk), size, rows)
        values.append(chunk.dictionary)
        counts.append(np.bincount(rows, minlength=size + 1)[:size])
    return pa.concat_arrays(values), np.concatenate(counts)


def _has_text(kind: pa.DataType) -> bool:
    return bool(
        kinds.is_string(kind)
        or kinds.is_large_string(kind)
        or kinds.is_string_view(kind)
        or kinds.is_boolean(kind)
        or kinds.is_integer(kind)
        or kinds.is_floating(kind)
        or kinds.is_decimal(kind)
    )


def _text_of(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)
