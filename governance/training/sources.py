"""Reading a model's data as it was known at a moment, whatever the source.

A source is an importable function ``(at, params) -> DataFrame`` with a time column. This module
finds it, calls it and holds it to its promise: only rows before ``at``. It also has the sources for
files, ``parquet`` and ``csv``; the demo's are in `governance.training.sp500` and `.flights`. Not
promised: that a column of an earlier row was itself known before ``at``; only the source can know.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from governance.errors import DataSourceError, GovernanceError
from governance.registry.functions import load_function
from governance.values import as_utc

TIME = "time"


def read_source(
    function: str, params: Mapping[str, Any], *, at: datetime, time_column: str = TIME
) -> pd.DataFrame:
    """The rows that ``function`` knew before ``at``, in time order, indexed 0..n-1.

    Args:
        function: ``module:function``.
        params: given to the function as its second argument.
        at: the evidence cut-off, with a time zone.
        time_column: the column that holds each row's event time.

    Raises:
        DataSourceError: the source failed, gave no rows, has no such column or has it twice, gave
            times without a zone, or returned a row that is not before ``at``.

    >>> from datetime import UTC
    >>> at = datetime(1999, 1, 6, tzinfo=UTC)
    >>> bars = read_source("governance.training.sp500:bars", {}, at=at)
    >>> bars["close"].tolist()
    [1228.099976, 1244.780029]
    """
    at = as_utc(at)
    source = load_function(function, what="source")
    try:
        frame = source(at, deepcopy(dict(params)))
    except GovernanceError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise DataSourceError(
            f"source {function} failed: {type(error).__name__}: {error}"
        ) from error
    return _as_promised(frame, function, at, time_column)


def _as_promised(frame: object, source: str, at: datetime, time_column: str) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise DataSourceError(f"source {source} returned a {type(frame).__name__}, not a DataFrame")
    if time_column not in frame.columns:
        raise DataSourceError(
            f"source {source} has no column {time_column!r}; set time_column to one of "
            f"{', '.join(map(str, frame.columns[:20]))}"
        )
    if isinstance(frame[time_column], pd.DataFrame):
        raise DataSourceError(f"source {source} has the column {time_column!r} twice; give it once")
    if frame.empty:
        raise DataSourceError(
            f"source {source} has no rows before {at.isoformat()}; look whether its "
            "data reach up to then, or choose another time"
        )
    times = frame[time_column]
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise DataSourceError(
            f"source {source}: column {time_column!r} is {times.dtype}; "
            "give times with a zone, for example pd.to_datetime(..., utc=True)"
        )
    if bool(times.isna().any()):
        raise DataSourceError(f"source {source}: column {time_column!r} has missing times")
    late = int((times >= pd.Timestamp(at)).sum())
    if late:
        raise DataSourceError(
            f"source {source} returned {late} rows that are not before {at.isoformat()}, "
            "so it would leak the future; filter them in the source"
        )
    made = (
        frame.assign(**{time_column: times.dt.tz_convert("UTC")})
        .sort_values(time_column, kind="stable")
        .reset_index(drop=True)
    )
    made.attrs = {}  # notes of a library about the frame; they are no data
    return made


_UNSTORABLE = (pa.ArrowException, ValueError, TypeError, ArithmeticError, NotImplementedError)


def as_parquet(frame: pd.DataFrame, source: str) -> bytes:
    """``frame`` as the Parquet file that is trained on.

    Raises:
        DataSourceError: a column has no one type that Parquet can hold; names every such column.
    """
    buffer = BytesIO()
    try:
        frame.to_parquet(buffer, index=False)
    except _UNSTORABLE as error:
        wrong = [
            f"{name!r} ({column.dtype})" for name, column in frame.items() if not _storable(column)
        ]
        raise DataSourceError(
            f"source {source}: {', '.join(wrong[:10]) or 'the frame'} cannot be kept as Parquet "
            f"({error}); give each column one plain type: numbers, text, true/false or times"
        ) from error
    return buffer.getvalue()


def _storable(column: pd.Series[Any]) -> bool:
    try:
        pa.Array.from_pandas(column)
    except _UNSTORABLE:
        return False
    return True


def parquet(at: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """Rows before ``at`` of one Parquet file or a folder of them.

    ``params``: ``path`` (absolute), ``time_column`` (default ``time``).
    """
    return _files(at, params, "parquet", ".parquet")


def csv(at: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """Rows before ``at`` of one CSV file or a folder of them; ``params`` as for `parquet`."""
    return _files(at, params, "csv", ".csv")


def _files(at: datetime, params: Mapping[str, Any], kind: str, suffix: str) -> pd.DataFrame:
    time_column = str(params.get("time_column", TIME))
    path = Path(str(params.get("path", ""))).expanduser()
    if not path.is_absolute():
        raise DataSourceError(
            f"source {kind}: path {str(params.get('path', ''))!r} must be absolute, "
            "because tasks run in other working directories"
        )
    files = sorted(path.rglob(f"*{suffix}")) if path.is_dir() else [path]
    files = [file for file in files if file.is_file()]
    if not files:
        raise DataSourceError(f"source {kind}: there is no file at {path}; check the path")
    try:
        table = pads.dataset([str(file) for file in files], format=kind).to_table()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataSourceError(f"source {kind}: {path} cannot be read: {error}") from error
    frame: pd.DataFrame = table.to_pandas()
    if time_column not in frame.columns:
        raise DataSourceError(
            f"source {kind}: {path} has no column {time_column!r}; set params.time_column"
        )
    times = frame[time_column]
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise DataSourceError(
            f"source {kind}: {path}: column {time_column!r} has no time zone; "
            "write times as 2013-02-01T00:00:00Z"
        )
    return frame.loc[times < pd.Timestamp(at)]
