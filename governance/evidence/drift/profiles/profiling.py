"""Rows become profiles: the one place where values are counted.

Sorting a column first is what makes counting cheap: the cuts are then looked up in the values, not
the values in the cuts. Whole numbers that lie close together are not even sorted. Neighbours:
``columns`` (what can be counted), ``edges``, ``block``, ``profile_files`` (many files at once).
Counting the rows of two tables and adding gives the same block as counting them together.

Not promised: anything about times; whoever reads the rows says which period they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.columns import (
    FloatArray,
    IntArray,
    as_arrow,
    as_numbers,
    gaps,
    in_one,
    plain,
    text_counts,
    whole_numbers,
)
from governance.evidence.drift.profiles.edges import FeatureEdges
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.profile import FeatureProfile, Problem
from governance.evidence.drift.profiles.sums import sums_of


@dataclass(slots=True)
class _Counted:
    """One column, counted."""

    counts: IntArray
    missing: int
    infinite: int = 0
    total: float = 0.0
    squares: float = 0.0
    minimum: float = float("nan")
    maximum: float = float("nan")


def profile_table(layout: Layout, table: pa.Table) -> ProfileBlock:
    """All watched features of a table.

    An absent column, or one whose type cannot be counted, is no error: its ``problem`` says so.

    >>> from governance.evidence.drift.profiles.edges import edges_of
    >>> layout = Layout((edges_of("dep_delay", [1.0] * 60), edges_of("gate", ["a"] * 60)))
    >>> block = profile_table(layout, pa.table({"dep_delay": [1.0, 2.0, None]}))
    >>> block.rows, block.missing.tolist(), block.problem.tolist(), block.counts.tolist()
    (3, [1, 0], [0, 1], [[0, 1, 1], [0, 0, 0]])
    """
    block = ProfileBlock.empty(layout, rows=table.num_rows)
    spare = np.empty(table.num_rows)  # one memory for all columns: getting it is dear
    where = {name: at for at, name in enumerate(table.column_names)}
    for at, edges in enumerate(layout.edges):
        if edges.name not in where:
            block.problem[at] = Problem.COLUMN_MISSING
            continue
        counted = _count(edges, table.column(where[edges.name]), spare)
        if counted is None:
            block.problem[at] = Problem.WRONG_DTYPE
            continue
        block.counts[at, : len(counted.counts)] = counted.counts
        block.missing[at] = counted.missing
        block.infinite[at] = counted.infinite
        block.total[at] = counted.total
        block.squares[at] = counted.squares
        block.minimum[at] = counted.minimum
        block.maximum[at] = counted.maximum
    return block


def profile_column(edges: FeatureEdges, column: Any) -> FeatureProfile:
    """One feature of a column as it comes: Arrow, pandas or numpy.

    >>> from governance.evidence.drift.profiles.edges import numeric_edges
    >>> profile_column(numeric_edges("x", [1.0, 2.0] * 50), [1.0, 2.0, 2.0, 3.0]).counts.tolist()
    [0, 1, 0, 2, 1]
    """
    counted = _count(edges, as_arrow(edges.name, column))
    empty = FeatureProfile.empty(edges)
    if counted is None:
        return FeatureProfile(edges=edges, counts=empty.counts, problem=Problem.WRONG_DTYPE)
    return FeatureProfile(
        edges=edges,
        counts=counted.counts,
        missing=counted.missing,
        infinite=counted.infinite,
        total=counted.total,
        squares=counted.squares,
        minimum=counted.minimum,
        maximum=counted.maximum,
    )


def _count(
    edges: FeatureEdges, column: pa.Array | pa.ChunkedArray, spare: FloatArray | None = None
) -> _Counted | None:
    if edges.kind == "categorical":
        is_number = kinds.is_integer(column.type) or kinds.is_floating(column.type)
        if is_number and edges.words_only and column.null_count < len(column):
            return None  # names have become codes
        return _count_texts(edges, column)
    if kinds.is_integer(column.type) and (found := whole_numbers(column)) is not None:
        return _count_whole(edges, *found, column.null_count)
    numbers = as_numbers(column, null=np.inf, spare=spare)
    return None if numbers is None else _count_numbers(edges, numbers, column.null_count)


def _count_whole(edges: FeatureEdges, values: FloatArray, times: IntArray, nulls: int) -> _Counted:
    """Counts of whole numbers that lie close together, so that nothing need be put in order."""
    upto = np.concatenate([[0], np.cumsum(times)])
    counts = np.empty(edges.bins, np.int64)
    ends = upto[values.searchsorted(edges.cuts, side="right")]
    counts[:-1] = ends
    counts[-1] = upto[-1]
    counts[1:] -= ends
    made = _Counted(counts, nulls)
    if len(values):
        made.minimum, made.maximum = float(values[0]), float(values[-1])
        made.total, made.squares = sums_of(
            values, edges.centre, edges.scale, times=times.astype(np.float64)
        )
    return made


def _count_numbers(edges: FeatureEdges, ordered: FloatArray, nulls: int) -> _Counted:
    """Counts of numbers (which are put in order); ``nulls`` of the positive infinities are none."""
    ordered.sort()  # -inf, finite values, inf and nulls, NaN
    low, high, end = 0, len(ordered), len(ordered)
    if end and not (ordered[0] > -np.inf and ordered[-1] < np.inf):
        low = int(ordered.searchsorted(-np.inf, side="right"))
        high = int(ordered.searchsorted(np.inf))
        end = int(ordered.searchsorted(np.nan))
    known = ordered[low:high]
    counts = np.empty(edges.bins, np.int64)
    upto = known.searchsorted(edges.cuts, side="right")
    counts[:-1] = upto
    counts[-1] = len(known)
    counts[1:] -= upto
    made = _Counted(counts, len(ordered) - end + nulls, low + end - high - nulls)
    if len(known):
        made.minimum, made.maximum = float(known[0]) + 0.0, float(known[-1]) + 0.0
        made.total, made.squares = sums_of(known, edges.centre, edges.scale)
    return made


def _count_texts(edges: FeatureEdges, column: pa.Array | pa.ChunkedArray) -> _Counted | None:
    if kinds.is_string(column.type) or kinds.is_large_string(column.type):
        # Looked up row by row in the few known texts, so that a million new ones cost nothing.
        found = pc.index_in(column, value_set=edges.known(column.type))
        rows = plain(in_one(found.drop_null()))
        counts = np.bincount(rows, minlength=edges.bins)
        missing = column.null_count
        counts[-1] = len(column) - missing - len(rows)
        return _Counted(counts, missing)
    counted = text_counts(column)
    if counted is None:
        return None
    texts, times, missing = counted
    at = pc.index_in(texts, value_set=edges.known(texts.type))
    where = np.where(gaps(at), edges.bins - 1, plain(at))
    counts = np.zeros(edges.bins, np.int64)
    np.add.at(counts, where, times)
    return _Counted(counts, missing)
