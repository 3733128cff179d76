"""What one request adds to the prediction log, and how such parts become one Arrow table.

Columns: event time (with zone), the features or the raw columns as they were given, the prediction,
then which version of which generation answered which request. Names are those that the model's
drift section uses, so that the drift scan reads the files as they are. Neighbour:
``prediction_log`` (buffers, writes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from governance.serving.loading import Serving
from governance.serving.predicting import PREDICTION, Scores
from governance.serving.rows import Rows

_HOUR = 3_600_000_000  # microseconds
CHAMPIONS, CHALLENGERS = "champions", "challengers"

Types = dict[tuple[str, str], pa.DataType]


@dataclass(frozen=True, slots=True)
class Logged:
    """One answered request.

    Attributes:
        place: folder below the log.
        at: event time of all rows in microseconds, where the rows have none of their own.
        beside: the champion's scores, in the log of a challenger.
    """

    place: str
    serving: Serving
    rows: Rows
    scores: Scores
    at: int
    request_id: str
    beside: Scores | None = None

    @property
    def number(self) -> int:
        return len(self.rows.matrix)

    @property
    def cells(self) -> int:
        return int(self.rows.matrix.size) + self.number

    @property
    def kind(self) -> tuple[object, ...]:
        """Parts of one kind have the same columns and go into the same table."""
        one, raw = self.serving, self.rows.inputs
        return (
            self.place,
            one.order.features,
            one.log_time,
            one.log_prediction,
            None if raw is None else str(raw.schema),
            tuple((name, made.shape[1:], made.dtype.kind) for name, made in self.scores.items()),
            None if self.beside is None else tuple(self.beside),
        )


def typed(parts: Sequence[Logged], known: Types) -> list[Logged]:
    """The parts with one type for each raw column. A column that has no value in a request has the
    type that it was last seen with; before that none, and the reader gives it that of the hour's
    other files. A missing text must not pass for a number.

    Args:
        known: the types so far, by place and column; what is new is added.
    """
    for part in parts:
        for name, column in _raw(part):
            if column.null_count < len(column):
                known[part.place, name] = _in_file(column.type)
    return [
        part
        if part.rows.inputs is None
        else replace(part, rows=replace(part.rows, inputs=_retyped(part, known)))
        for part in parts
    ]


def _raw(part: Logged) -> Iterator[tuple[str, pa.ChunkedArray]]:
    raw = part.rows.inputs
    return iter(()) if raw is None else zip(raw.column_names, raw.columns, strict=True)


def _retyped(part: Logged, known: Types) -> pa.Table:
    made = {}
    for name, column in _raw(part):
        if column.null_count == len(column):
            made[name] = pa.nulls(len(column), known.get((part.place, name), pa.null()))
        else:
            made[name] = column.cast(_in_file(column.type))
    return pa.table(made)


def _in_file(kind: pa.DataType) -> pa.DataType:
    """Texts are one type however they came."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.large_string() if pa.types.is_string(kind) else kind


def by_kind(parts: Sequence[Logged]) -> dict[tuple[object, ...], list[Logged]]:
    """Parts that go into one table. Without raw columns one version's are all alike, and to say so
    by its identity costs a quarter of saying what they are.
    """
    groups: dict[tuple[object, ...], list[Logged]] = {}
    alike: dict[tuple[object, ...], list[Logged]] = {}
    for part in parts:
        if part.rows.inputs is not None:
            groups.setdefault(part.kind, []).append(part)
            continue
        key = (id(part.serving), part.place, part.beside is None)
        group = alike.get(key)
        if group is None:
            group = alike[key] = groups.setdefault(part.kind, [])
        group.append(part)
    return groups


def table_of(parts: Sequence[Logged]) -> pa.Table:
    """One table of parts of the same kind, in order of time."""
    first = parts[0]
    one = first.serving
    numbers = np.array([part.number for part in parts])
    if all(part.rows.times is None for part in parts):
        times = np.repeat(np.array([part.at for part in parts]), numbers)
    else:
        times = np.concatenate(
            [
                np.full(part.number, part.at) if part.rows.times is None else part.rows.times
                for part in parts
            ]
        )
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    columns[one.log_time] = pa.array(times, pa.int64()).cast(pa.timestamp("us", "UTC"))
    if first.rows.inputs is not None:
        raw = pa.concat_tables([part.rows.inputs for part in parts])
        columns.update((n, raw.column(n)) for n in raw.column_names if n not in columns)
    matrix = np.concatenate([part.rows.matrix for part in parts])
    for place, name in enumerate(one.order.features):
        columns.setdefault(name, _missing_as_null(matrix[:, place]))
    _add_scores(columns, [part.scores for part in parts], one.log_prediction)
    if first.beside is not None:
        beside = [part.beside for part in parts if part.beside is not None]
        _add_scores(columns, beside, f"champion_{one.log_prediction}")
    for name, values in (
        ("governance_version", [part.serving.version.version for part in parts]),
        ("governance_generation", [part.serving.generation for part in parts]),
        ("governance_request", [part.request_id for part in parts]),
    ):
        columns.setdefault(name, pa.array(np.repeat(np.array(values), numbers)))
    made = pa.table(columns)
    return made.take(pa.array(np.argsort(times, kind="stable"))) if len(parts) > 1 else made


def by_hour(table: pa.Table, time_column: str) -> list[tuple[int, pa.Table]]:
    """The rows of each hour (hours since 1970), by their event time."""
    ticks: NDArray[np.int64] = table.column(time_column).cast(pa.int64()).to_numpy()
    hours = ticks // _HOUR
    if hours[0] == hours[-1] and (hours == hours[0]).all():
        return [(int(hours[0]), table)]
    order = np.argsort(hours, kind="stable")
    table, hours = table.take(pa.array(order)), hours[order]
    starts = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(hours)]
    return [(int(hours[start]), table.slice(start, end - start)) for start, end in pairwise(starts)]


def hours_of(times: NDArray[np.int64]) -> int:
    """In how many hours these times (microseconds) lie.

    >>> hours_of(np.array([0, 1, 3_600_000_000]))
    2
    """
    hours = times // _HOUR
    return 1 if hours.min() == hours.max() else len(np.unique(hours))


def _add_scores(
    columns: dict[str, pa.Array | pa.ChunkedArray], scores: Sequence[Scores], called: str
) -> None:
    """One column; for a bundle one for each member, for several classes one for each of them."""
    for name in scores[0]:
        made = np.concatenate([one[name] for one in scores])
        base = called if name == PREDICTION else f"{called}_{name}"
        if made.ndim == 1:
            columns[base] = pa.array(made)
        else:
            flat = made.reshape(len(made), -1)
            for place in range(flat.shape[1]):
                columns[f"{base}_{place}"] = pa.array(flat[:, place])


def _missing_as_null(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(np.ascontiguousarray(values), from_pandas=True)
