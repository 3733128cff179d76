"""JSON rows → matrix, in the order of the version's features.

A row is an object by column name, or a list in the order of ``columns`` (the version's features, if
that is left out). ``null`` is a missing value; ``NaN`` and ``Infinity`` are no JSON and refused, as
is a number too large for a float. Neighbours: ``columns`` (Arrow and Parquet bodies, without a
Python loop), ``feature_order`` (which columns). Measured: pydantic's parser takes 1 µs for a row of
twelve numbers, the standard library's 7 µs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pydantic_core import from_json

from governance.errors import FeatureGraphError, InvalidInputError, TooLargeError
from governance.serving.feature_order import FeatureOrder, Plan
from governance.serving.predicting import Matrix
from governance.values import parse_time

_KEYS = frozenset({"rows", "columns", "feature_graph", "at"})
_NUMBERS = frozenset({float, int, bool, type(None)})
_SCALARS = _NUMBERS | {str}
_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Rows:
    """What one request asks about.

    Attributes:
        matrix: (rows, features), finite or missing (NaN).
        inputs: the columns as given, where the features were computed from them.
        times: event time in microseconds since 1970 UTC, where the rows have one.
    """

    matrix: Matrix
    inputs: pa.Table | None = None
    times: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON body. ``at`` is the event time of all rows, in microseconds."""

    rows: list[Any]
    columns: tuple[str, ...] | None
    feature_graph: object
    at: int | None


def read_document(body: bytes, *, max_rows: int) -> Document:
    """
    Raises:
        InvalidInputError: no JSON (also: NaN, too deep), or not of this form.
        TooLargeError: more than ``max_rows`` rows.
    """
    try:
        given = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInputError(
            f"the body is no JSON that can be read: {str(error)[:200]} (a missing value is null)"
        ) from None
    if not isinstance(given, dict) or not isinstance(given.get("rows"), list):
        raise InvalidInputError('the body must be an object with a list "rows"')
    if unknown := sorted(given.keys() - _KEYS):
        raise InvalidInputError(
            f"the body has unknown keys: {', '.join(key[:80] for key in unknown[:10])}; use "
            f"{', '.join(sorted(_KEYS))}"
        )
    rows, columns, at = given["rows"], given.get("columns"), given.get("at")
    check_number(len(rows), max_rows)
    if columns is not None and (
        not isinstance(columns, list) or not all(isinstance(name, str) for name in columns)
    ):
        raise InvalidInputError("columns must be a list of names")
    return Document(
        rows,
        None if columns is None else tuple(columns),
        given.get("feature_graph"),
        None if at is None else event_time(at),
    )


def check_number(rows: int, max_rows: int) -> None:
    """Refuse no rows at all, and too many."""
    if not rows:
        raise InvalidInputError("there are no rows; give at least one")
    if rows > max_rows:
        raise TooLargeError(f"{rows} rows are more than {max_rows}; send them in several requests")


def event_time(text: object) -> int:
    """Microseconds since 1970 of an ISO 8601 time with a zone.

    >>> event_time("1970-01-01T00:00:01Z")
    1000000
    """
    if not isinstance(text, str):
        raise InvalidInputError(f"a time must be ISO 8601 text with a zone, not {str(text)[:40]}")
    moment = parse_time(text)
    if moment.year < 1970:
        raise InvalidInputError("times of rows begin in 1970")
    return (moment - _EPOCH) // _TICK  # a float has no room for the microseconds of far years


def of_json(document: Document, order: FeatureOrder) -> Rows:
    """The rows of a document for one version.

    Raises:
        InvalidInputError: names the row and column that cannot be taken.
        FeatureGraphMismatchError: the code of a feature is not the code that was registered.
    """
    rows = document.rows
    kinds = set(map(type, rows))
    if kinds == {dict} and document.columns is None:
        names = tuple(rows[0])
        plan = order.plan(names)
        _check_keys(rows)
        keys: dict[str, Any] = {name: name for name in names}
    elif kinds == {list}:
        names = document.columns or order.features
        plan = order.plan(names)
        _check_lengths(rows, len(names))
        keys = {name: place for place, name in enumerate(names)}
    else:
        raise InvalidInputError("rows must all be objects, or all be lists (then with columns)")
    times = _times(rows, keys[order.time_column], order) if plan.timed else None
    if plan.computed:
        inputs = _frame(rows, plan, keys, order)
        return computed(inputs, order, times)
    values = _values(rows, [keys[name] for name in plan.names])
    if not set(map(type, values)) <= _NUMBERS:
        raise InvalidInputError(_no_number(values, plan.names))
    try:
        matrix = np.array(values, dtype=np.float64).reshape(len(rows), len(plan.names))
    except OverflowError:
        matrix = np.full((1, 1), np.inf)
    if np.isinf(matrix).any():
        raise InvalidInputError("a number is too large for a float; numbers end at 1.8e308")
    return Rows(matrix, times=times)


def computed(frame: pd.DataFrame, order: FeatureOrder, times: NDArray[np.int64] | None) -> Rows:
    """The features of raw columns, by the registered graph. Costs milliseconds: it is pandas.

    Raises:
        InvalidInputError: a feature cannot be computed from them, or is infinite.
        FeatureGraphMismatchError: its code is not the registered one.
    """
    assert order.graph is not None
    try:
        made = order.graph.compute(frame)
        matrix = made[list(order.features)].to_numpy(dtype=np.float64, na_value=np.nan)
    except FeatureGraphError:
        raise
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"the features are no numbers: {str(error)[:200]}") from error
    if np.isinf(matrix).any():
        raise InvalidInputError("a feature is infinite on some rows; give other inputs")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return Rows(np.ascontiguousarray(matrix), inputs=table.replace_schema_metadata(), times=times)


def _values(rows: Sequence[Any], keys: list[Any]) -> list[Any]:
    """All cells, row after row."""
    if len(keys) == 1:
        return list(map(itemgetter(keys[0]), rows))
    return list(chain.from_iterable(map(itemgetter(*keys), rows)))


def _check_keys(rows: list[Any]) -> None:
    first = rows[0].keys()
    if len(rows) > 1 and not all(row.keys() == first for row in rows):
        number = next(at for at, row in enumerate(rows) if row.keys() != first)
        other = sorted(first ^ rows[number].keys())
        raise InvalidInputError(
            f"row {number} has other columns than row 0: {', '.join(n[:80] for n in other[:10])}; "
            "give null for a missing value"
        )


def _check_lengths(rows: list[Any], length: int) -> None:
    if set(map(len, rows)) != {length}:
        number = next(at for at, row in enumerate(rows) if len(row) != length)
        raise InvalidInputError(f"row {number} has {len(rows[number])} values for {length} columns")


def _no_number(values: list[Any], names: tuple[str, ...]) -> str:
    at = next(place for place, value in enumerate(values) if type(value) not in _NUMBERS)
    row, column = divmod(at, len(names))
    return f"row {row}: {names[column][:80]} is {type(values[at]).__name__}, not a number or null"


def _times(rows: list[Any], key: Any, order: FeatureOrder) -> NDArray[np.int64]:
    made = []
    for number, row in enumerate(rows):
        try:
            made.append(event_time(row[key]))
        except InvalidInputError as error:
            raise InvalidInputError(
                f"row {number}: {order.time_column}: {error.message}"
            ) from error
    return np.array(made, dtype=np.int64)


def _frame(rows: list[Any], plan: Plan, keys: dict[str, Any], order: FeatureOrder) -> pd.DataFrame:
    """Raw columns, with one type each: numbers become floats, so that files of them agree."""
    made: dict[str, Any] = {}
    for name in plan.names:
        values = list(map(itemgetter(keys[name]), rows))
        kinds = set(map(type, values))
        if not kinds <= _SCALARS or (str in kinds and kinds - {str, type(None)}):
            raise InvalidInputError(
                f"column {name[:80]} must hold numbers or texts, one of them in all rows, or null"
            )
        if name == order.time_column:
            made[name] = pd.to_datetime([event_time(v) for v in values], unit="us", utc=True)
        elif str in kinds:
            made[name] = pd.array(values, dtype="str")
        else:
            made[name] = _floats(values, name)
    return pd.DataFrame(made)


def _floats(values: list[Any], name: str) -> NDArray[np.float64]:
    try:
        made = np.array(values, dtype=np.float64)
    except OverflowError:
        made = np.array([np.inf])
    if np.isinf(made).any():
        raise InvalidInputError(f"column {name[:80]}: a number is too large for a float")
    return made
