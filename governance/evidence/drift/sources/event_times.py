"""Which rows of a table belong to an interval: times need a zone, and nothing is guessed.

Pure. Neighbours: every source clips its rows here before it gives them away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.sources.hours import name_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_MISSING = int(np.iinfo(np.int64).min)
_LAST = int(np.iinfo(np.int64).max)


def ticks_of(table: pa.Table, time_column: str, where: str) -> tuple[NDArray[np.int64], int]:
    """The times of all rows as numbers since 1970 in UTC, and how many of them make a second.

    A missing time is the smallest number there is, before every interval.

    Args:
        where: what the table is called in messages.

    Raises:
        InvalidEvidenceError: the column is not there or there twice, is no time, or has no zone.

    >>> ticks_of(pa.table({"time": pa.array([1.5])}), "time", "hour.parquet")
    Traceback (most recent call last):
        ...
    governance.errors.InvalidEvidenceError: hour.parquet: column 'time' is double, not a time; ...
    """
    kind = time_type(table.schema, time_column, where)
    column = table.column(time_column)
    if column.num_chunks == 1:
        array = column.chunk(0)
    else:
        array = column.combine_chunks()
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    numbers = array.view(pa.int64())
    if numbers.null_count:
        numbers = numbers.fill_null(_MISSING)
    return numbers.to_numpy(zero_copy_only=False), _PER_SECOND[kind.unit]


def time_type(schema: pa.Schema, time_column: str, where: str) -> pa.DataType:
    """The type of the time column if it can be used; raises as :func:`ticks_of`."""
    places = schema.get_all_field_indices(time_column)
    if not places:
        raise InvalidEvidenceError(
            f"{where} has no column {time_column!r}; set drift.time_column to one of "
            f"{', '.join(schema.names[:20]) or '(it has no columns)'}"
        )
    if len(places) > 1:
        raise InvalidEvidenceError(f"{where} has the column {time_column!r} twice; give it once")
    kind = schema.field(places[0]).type
    if not pa.types.is_timestamp(kind):
        raise InvalidEvidenceError(
            f"{where}: column {time_column!r} is {kind}, not a time; write timestamps with a zone, "
            "for example pd.to_datetime(..., utc=True)"
        )
    if kind.tz is None:
        raise InvalidEvidenceError(
            f"{where}: column {time_column!r} has no time zone, and it is not guessed; write it "
            "with one, for example .dt.tz_localize('UTC')"
        )
    return kind


def tick(moment: datetime, per_second: int) -> int:
    """A moment in whole seconds as a number that :func:`ticks_of` compares with."""
    number = (moment - _EPOCH) // timedelta(seconds=1) * per_second
    return max(_MISSING + 1, min(number, _LAST))  # nanoseconds end in 2262


def clip(
    table: pa.Table,
    columns: Sequence[str],
    *,
    time_column: str,
    start: datetime,
    end: datetime,
    where: str,
) -> tuple[pa.Table, int]:
    """The rows of ``start`` <= time < ``end``, and how many others there were.

    The result has the time column, and of ``columns`` those that exist.

    Raises:
        InvalidEvidenceError: as :func:`ticks_of`, or one of ``columns`` is there twice.

    >>> import pandas as pd
    >>> times = pd.to_datetime(["2013-02-08T18:59:59Z", "2013-02-08T19:00:00Z", None], utc=True)
    >>> table = pa.table({"time": times, "x": [1, 2, 3], "y": [4, 5, 6]})
    >>> six = datetime(2013, 2, 8, 18, tzinfo=UTC)
    >>> end = six + timedelta(hours=1)
    >>> rows, others = clip(table, ["x"], time_column="time", start=six, end=end, where="the table")
    >>> rows.column_names, rows.column("x").to_pylist(), others
    (['time', 'x'], [1], 2)
    """
    ticks, per_second = ticks_of(table, time_column, where)
    chosen = table.select(chosen_columns(table.schema, columns, time_column, where))
    inside = (ticks >= tick(start, per_second)) & (ticks < tick(end, per_second))
    kept = int(np.count_nonzero(inside))
    others = len(ticks) - kept
    return (chosen.filter(pa.array(inside)) if others else chosen), others


def chosen_columns(
    schema: pa.Schema, columns: Sequence[str], time_column: str, where: str
) -> list[str]:
    """The time column and those of ``columns`` that exist, each once."""
    names: dict[str, Any] = dict.fromkeys([time_column])
    for name in columns:
        found = len(schema.get_all_field_indices(name))
        if found > 1:
            raise InvalidEvidenceError(f"{where} has the column {name!r} twice; give it once")
        if found:
            names[name] = None
    return list(names)


def outside_told(outside: int, of: int, start: datetime, end: datetime, where: str) -> str:
    """The sentence about rows that are not where they should be."""
    return (
        f"{where}: {outside} of {of} rows are not counted, since their time is missing or not from "
        f"{name_of(start)} to before {name_of(end)}; correct their time, or file them under it"
    )
