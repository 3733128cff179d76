"""Arrow IPC and Parquet bodies → matrix, column by column; no loop over rows.

Nulls and NaN are missing values; infinite ones are refused, as in JSON. What arrives is validated
before it is believed: a body may lie about its own offsets, and a small one may unpack to a large
one. Neighbours: ``rows`` (JSON), ``unpacked`` (sizes before anything is unpacked). Not promised: a
bound within one page of a Parquet file that lies about its pages (2 GiB is the format's).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from governance.errors import InvalidInputError, TooLargeError
from governance.serving.feature_order import FeatureOrder
from governance.serving.predicting import Matrix
from governance.serving.rows import Rows, check_number, computed
from governance.serving.unpacked import unpacked_bytes

_FILE = b"ARROW1"
_FEW_ROWS = 256
_UNPACKED = 8  # times the limit of a body: what it may unpack to


def of_arrow(body: bytes, order: FeatureOrder, *, max_rows: int, max_bytes: int) -> Rows:
    """The rows of an Arrow IPC stream or file.

    Args:
        max_bytes: of a body; unpacked it may have eight times as many.

    Raises:
        InvalidInputError: no Arrow, or columns or values that cannot be taken.
        TooLargeError: more than ``max_rows`` rows, or unpacked too many bytes.
    """
    return _rows(
        _read(lambda: _arrow_table(body, max_rows, max_bytes * _UNPACKED), "Arrow IPC"),
        order,
        max_rows,
    )


def of_parquet(body: bytes, order: FeatureOrder, *, max_rows: int, max_bytes: int) -> Rows:
    """The rows of a Parquet file. Errors as for :func:`of_arrow`."""
    return _rows(
        _read(lambda: _parquet_table(body, order, max_rows, max_bytes * _UNPACKED), "Parquet"),
        order,
        max_rows,
    )


def _read(read: Callable[[], pa.Table], what: str) -> pa.Table:
    try:
        table = read()
        table.validate(full=True)
        return table
    except (InvalidInputError, TooLargeError):
        raise
    except Exception as error:  # what a parser says of arbitrary bytes
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise InvalidInputError(f"the body cannot be read as {what}: {line}") from None


def _arrow_table(body: bytes, max_rows: int, max_bytes: int) -> pa.Table:
    """A file is read as the stream that it contains: its footer could name other batches."""
    buffer = pa.py_buffer(body)
    if body.startswith(_FILE):
        buffer = buffer.slice(8)
    _check_unpacked(unpacked_bytes(buffer), max_bytes)
    stream = pa.ipc.open_stream(buffer)
    return _bounded(stream.schema, stream, max_rows)


def _bounded(schema: pa.Schema, batches: object, max_rows: int) -> pa.Table:
    kept, rows = [], 0
    for batch in batches:  # type: ignore[attr-defined]  # a reader or a generator
        rows += batch.num_rows
        check_number(rows or 1, max_rows)
        kept.append(batch)
    return pa.Table.from_batches(kept, schema)


def _parquet_table(body: bytes, order: FeatureOrder, max_rows: int, max_bytes: int) -> pa.Table:
    file = pq.ParquetFile(pa.BufferReader(body))
    check_number(file.metadata.num_rows, max_rows)
    groups = range(file.metadata.num_row_groups)
    _check_unpacked(sum(file.metadata.row_group(n).total_byte_size for n in groups), max_bytes)
    order.plan(tuple(file.schema_arrow.names))  # refuse other columns before they are unpacked
    if all(_fixed(field.type) for field in file.schema_arrow):
        return file.read(use_threads=False)
    # A text that stands once in the file may stand in every row: a few rows, then a look.
    kept, size = [], 0
    for batch in file.iter_batches(batch_size=_FEW_ROWS, use_threads=False):
        size += batch.nbytes
        _check_unpacked(size, max_bytes)
        kept.append(batch)
    return pa.Table.from_batches(kept, file.schema_arrow)


def _fixed(kind: pa.DataType) -> bool:
    """Has every value the same size?"""
    return bool(pa.types.is_primitive(kind) or pa.types.is_decimal(kind))


def _check_unpacked(size: int, most: int) -> None:
    if size > most:
        raise TooLargeError(f"the body unpacks to {size} bytes; the limit is {most}")


def _rows(table: pa.Table, order: FeatureOrder, max_rows: int) -> Rows:
    check_number(table.num_rows, max_rows)
    plan = order.plan(tuple(table.column_names))
    times = _times(table.column(order.time_column), order.time_column) if plan.timed else None
    if plan.computed:
        try:
            frame = table.select(list(plan.names)).to_pandas()
        except (pa.ArrowException, ValueError) as error:
            raise InvalidInputError(f"the columns cannot be taken: {str(error)[:200]}") from error
        return computed(_plain(frame), order, times)
    matrix: Matrix = np.empty((table.num_rows, len(plan.names)), order="F")
    for place, name in enumerate(plan.names):
        matrix[:, place] = _numbers(table.column(name), name)
    if np.isinf(matrix).any():
        bad = plan.names[int(np.argmax(np.isinf(matrix).any(axis=0)))]
        raise InvalidInputError(f"column {bad[:80]} has infinite values; leave them missing")
    return Rows(matrix, times=times)


def _numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if not (number or pa.types.is_decimal(kind) or pa.types.is_null(kind)):
        raise InvalidInputError(f"column {name[:80]} is {kind}, not numbers")
    try:
        made: NDArray[np.float64] = pc.cast(column, pa.float64(), safe=False).to_numpy()
    except pa.ArrowException as error:
        raise InvalidInputError(f"column {name[:80]} is no column of numbers: {error}") from error
    return made


def _times(column: pa.ChunkedArray, name: str) -> NDArray[np.int64]:
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        raise InvalidInputError(f"column {name[:80]} is {column.type}, not times with a zone")
    if column.null_count:
        raise InvalidInputError(f"column {name[:80]} has rows without a time")
    try:
        finer = column.type.unit == "ns"  # cut off; a coarser one may not fit, which is told
        made = pc.cast(column, pa.timestamp("us", "UTC"), safe=not finer)
    except pa.ArrowException as error:
        raise InvalidInputError(f"column {name[:80]}: {str(error)[:200]}") from error
    ticks: NDArray[np.int64] = pc.cast(made, pa.int64()).to_numpy()
    if ticks.min() < 0 or ticks.max() >= 253_402_300_800_000_000:
        raise InvalidInputError(f"column {name[:80]} has times outside the years 1970 to 9999")
    return ticks


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats, so that the log's files agree whatever a client's types are."""
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[name].dtype):
            frame[name] = frame[name].astype(np.float64)
            if np.isinf(frame[name]).any():
                raise InvalidInputError(f"column {str(name)[:80]} has infinite values")
    return frame
