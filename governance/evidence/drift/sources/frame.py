"""Live data in memory: a DataFrame or an Arrow table, read like any other source.

For tests, notebooks and ad-hoc looks; ``function`` turns what it was given into Arrow here as well.
A frame has no partitions, so an hour without rows is EMPTY. Not promised: that a change of the
frame after it was given is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.sources.event_times import chosen_columns, tick, ticks_of
from governance.evidence.drift.sources.hours import HOUR, hours_between
from governance.evidence.drift.sources.live import LiveRows, LiveStatus

_UNFIT = (pa.ArrowException, ValueError, TypeError, ArithmeticError, NotImplementedError)


class FrameSource:
    """
    Args:
        frame: rows with a time column that has a zone.
        time_column: event time.

    >>> from datetime import UTC
    >>> times = pd.date_range("2013-02-08T18:00Z", periods=5, freq="30min")
    >>> source = FrameSource(pd.DataFrame({"time": times, "visib": [10.0, 9.0, 3.0, 0.5, 0.25]}))
    >>> seven = datetime(2013, 2, 8, 19, tzinfo=UTC)
    >>> source.read(seven, seven + HOUR, ["visib"]).table.column("visib").to_pylist()
    [3.0, 0.5]
    """

    def __init__(self, frame: pd.DataFrame | pa.Table, *, time_column: str = "time") -> None:
        self._time_column = time_column
        self._problem: str | None = None
        self._per_second = 1
        self._ticks: NDArray[np.int64] = np.empty(0, np.int64)
        self._table = pa.table({})
        try:
            table = frame if isinstance(frame, pa.Table) else arrow_table(frame, time_column)
            if table.num_rows:
                ticks, self._per_second = ticks_of(table, time_column, "the frame")
                if np.any(ticks[1:] < ticks[:-1]):
                    order = np.argsort(ticks, kind="stable")
                    ticks, table = ticks[order], table.take(pa.array(order))
                self._ticks, self._table = ticks, table
        except InvalidEvidenceError as error:
            self._problem = error.message

    def read(self, start: datetime, end: datetime, columns: Sequence[str]) -> LiveRows:
        """See :class:`~governance.evidence.drift.sources.live.LiveSource`."""
        hours = hours_between(start, end)
        if self._problem:
            return LiveRows(status=LiveStatus.INVALID, problem=self._problem)
        first, last = self._places([hours[0], hours[-1] + HOUR])
        if first == last:
            return LiveRows(status=LiveStatus.EMPTY, problem="the frame has no rows then")
        try:
            names = chosen_columns(self._table.schema, columns, self._time_column, "the frame")
        except InvalidEvidenceError as error:
            return LiveRows(status=LiveStatus.INVALID, problem=error.message)
        return LiveRows(
            table=self._table.slice(first, last - first).select(names),
            status=LiveStatus.OK,
            fingerprint=f"rows={last - first}" if len(hours) == 1 else None,
        )

    def fingerprints(self, start: datetime, end: datetime) -> Mapping[datetime, str]:
        """The number of rows of each hour."""
        hours = hours_between(start, end)
        counts = np.diff(self._places([*hours, hours[-1] + HOUR]))
        return {hour: f"rows={n}" for hour, n in zip(hours, counts, strict=True) if n}

    def _places(self, moments: Sequence[datetime]) -> list[int]:
        bounds = [tick(moment, self._per_second) for moment in moments]
        return [int(place) for place in np.searchsorted(self._ticks, bounds)]


def arrow_table(
    frame: pd.DataFrame, time_column: str, columns: Sequence[str] | None = None
) -> pa.Table:
    """A frame's columns as Arrow; those of mixed objects as text, so that one cannot stop all.

    Args:
        time_column: must not mix times with and without a zone.
        columns: to take, beside the time column; all, if not given.

    Raises:
        InvalidEvidenceError: a column is there twice, or times are mixed.

    >>> arrow_table(pd.DataFrame({"x": [1, "a", None]}), "time").column("x").to_pylist()
    ['1', 'a', None]
    """
    wanted = None if columns is None else {time_column, *columns}
    names = [name for name in frame.columns if wanted is None or name in wanted]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise InvalidEvidenceError(
            f"the frame has the column {str(twice[0])!r} twice; give each column once"
        )
    if time_column in names:
        _refuse_mixed(frame[time_column], time_column)
    return pa.table({str(name): arrow_array(frame[name]) for name in names})


def arrow_array(values: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    """A column as Arrow; what has no one type of its own becomes text."""
    try:
        made = pa.Array.from_pandas(values)
    except _UNFIT:
        made = None
    if made is not None and not isinstance(made.type, pa.BaseExtensionType):
        return made
    told = [None if gone else str(one) for one, gone in zip(values, values.isna(), strict=True)]
    return pa.array(told, pa.string())


def _refuse_mixed(times: pd.Series[Any], time_column: str) -> None:
    """Arrow would take the naive times of a mixed column for UTC."""
    if times.dtype == object and any(
        isinstance(one, datetime) and one == one and one.tzinfo is None  # noqa: PLR0124 - not NaT
        for one in times
    ):
        raise InvalidEvidenceError(
            f"the frame: column {time_column!r} has times without a time zone, and it is not "
            "guessed; write them with one, for example pd.to_datetime(..., utc=True)"
        )
