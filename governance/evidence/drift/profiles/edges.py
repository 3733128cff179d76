"""The fixed bins of one feature, from its reference alone.

Numbers: about 512 bins of equal reference mass, open at both ends; a value that alone holds more
than a bin's mass has a bin of its own, so a column with ties loses nothing. Categories: the known
values and one bin for all others. Neighbours: ``layout`` (the edges of a version), ``profiling``
(counting on them), ``edge_groups`` (the coarser groups that PSI is taken on).

Not promised: equal edges from another sample, however similar. They are made once and kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.profiles.columns import (
    BoolArray,
    FloatArray,
    IntArray,
    Kind,
    as_arrow,
    as_numbers,
    kind_of,
    text_counts,
    texts_as_arrow,
)
from governance.evidence.drift.profiles.edge_groups import equal_mass_groups

BINS = 512
CATEGORIES = 1000
DISCRETE = 32  # distinct numbers up to which each is a category of its own
FARTHEST = 2.0**460  # values beyond it count in sums as if they lay there


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureEdges:
    """
    Attributes:
        name: the column.
        kind: ``numeric`` or ``categorical``.
        cuts: float[bins - 1], strictly increasing; bin i holds cuts[i-1] < x <= cuts[i].
        categories: known values as text, bin i holds the i-th; the last bin holds all others.
        groups: int[bins], the PSI group of each bin, 0 to at most the number of bins - 1.
        unseen: bool[bins], bins whose values are new: the reference had none of them.
        midpoints: float[bins], a value that stands for the bin; categories: their number.
        centre, scale: mean and standard deviation of the reference (scale is never 0).
        discrete: a number with few distinct values, each of which has its own bin.
    """

    name: str
    kind: Kind
    cuts: FloatArray
    categories: tuple[str, ...]
    groups: IntArray
    unseen: BoolArray
    midpoints: FloatArray
    centre: float
    scale: float
    discrete: bool

    @property
    def bins(self) -> int:
        return len(self.groups)

    def known(self, kind: pa.DataType) -> pa.Array:
        """The categories as Arrow texts of one type, made once."""
        if kind not in self._known:
            self._known[kind] = texts_as_arrow(self.categories).cast(kind)
        return self._known[kind]

    @cached_property
    def words_only(self) -> bool:
        """Are there categories, and is none of them a number?"""
        return bool(self.categories) and not any(map(_is_number, self.categories))

    @cached_property
    def _known(self) -> dict[pa.DataType, pa.Array]:
        return {}

    @property
    def exact(self) -> BoolArray:
        """bool[bins]: bins that can hold one single value."""
        single = np.zeros(self.bins, np.bool_)
        if self.kind == "categorical":
            single[: len(self.categories)] = True
        elif len(self.cuts) > 1:
            with np.errstate(over="ignore"):  # below the lowest float is -inf
                single[1:-1] = np.nextafter(self.cuts[1:], -np.inf) == self.cuts[:-1]
        return single


def edges_of(name: str, column: Any, *, categorical: bool = False) -> FeatureEdges:
    """Edges of a column as it comes: Arrow, pandas or numpy. Text and booleans are categories.

    Args:
        categorical: numbers are categories too.

    Raises:
        InvalidEvidenceError: a column of times, lists, bytes or mixed types.

    >>> edges_of("carrier", pa.array(["UA", "B6", "UA"])).categories
    ('UA', 'B6')
    """
    arrow = as_arrow(name, column)
    kind = kind_of(arrow)
    if kind is None:
        raise InvalidEvidenceError(
            f"column {name!r} has type {arrow.type}, which cannot be watched; "
            "give numbers, text or booleans, or leave it out of drift.features"
        )
    if kind == "numeric" and not categorical:
        numbers = as_numbers(arrow)
        assert numbers is not None
        return numeric_edges(name, numbers)
    counted = text_counts(arrow)
    assert counted is not None
    return _of_counts(name, counted[0], counted[1], CATEGORIES)


def numeric_edges(name: str, values: ArrayLike, *, bins: int = BINS) -> FeatureEdges:
    """Edges of numbers; missing and infinite ones count for nothing.

    Every bin holds at most 1/bins of the reference, or one single value; there are at most
    2·bins + 1. The order of values does not matter.

    >>> edges = numeric_edges("temp", [1.0, 1.0, 1.0, 2.0, 2.0])
    >>> edges.discrete, edges.midpoints.tolist(), edges.unseen.tolist()
    (True, [1.0, 1.0, 1.5, 2.0, 2.0], [True, False, True, False, True])
    """
    given = np.asarray(values, np.float64)
    known = np.sort(given[np.isfinite(given)]) + 0.0  # one zero, not two
    first = np.flatnonzero(np.r_[True, known[1:] != known[:-1]]) if len(known) else np.zeros(0, int)
    distinct, counts = known[first], np.diff(np.r_[first, len(known)])
    discrete = 0 < len(distinct) <= DISCRETE and _rarely_new(counts)
    limit = 0 if discrete else len(known) // bins
    cuts = np.unique(_cuts(distinct, counts, limit)) + 0.0
    starts = np.r_[0, known.searchsorted(cuts, side="right"), len(known)]
    mass = np.diff(starts)
    if discrete:
        groups = np.where(mass > 0, np.cumsum(mass > 0) - 1, len(distinct)).astype(np.int64)
    else:
        groups = equal_mass_groups(mass)
    centre, scale = _centre_and_scale(known)
    return FeatureEdges(
        name=name,
        kind="numeric",
        cuts=cuts,
        categories=(),
        groups=groups,
        unseen=(mass == 0) if discrete else np.zeros(len(mass), np.bool_),
        midpoints=_midpoints(known, starts, cuts),
        centre=centre,
        scale=scale,
        discrete=discrete,
    )


def categorical_edges(name: str, values: Any, *, limit: int = CATEGORIES) -> FeatureEdges:
    """The ``limit`` most frequent values, ties by text.

    Raises:
        InvalidEvidenceError: values that have no text (times, lists, bytes).

    >>> categorical_edges("gate", ["b", "a", "c", "c", None], limit=2).categories
    ('c', 'a')
    """
    counted = text_counts(as_arrow(name, values))
    if counted is None:
        raise InvalidEvidenceError(
            f"column {name!r} has values that are no categories; give text, numbers or booleans"
        )
    return _of_counts(name, counted[0], counted[1], limit)


def _of_counts(name: str, texts: pa.Array, counts: IntArray, limit: int) -> FeatureEdges:
    occurring = pa.table({"text": texts, "count": counts}).filter(pc.field("count") > 0)
    found = occurring.group_by("text").aggregate([("count", "sum")])
    order = [("count_sum", "descending"), ("text", "ascending")]
    first = found.take(pc.select_k_unstable(found, limit, order)).sort_by(order)
    unseen = np.zeros(len(first) + 1, np.bool_)
    unseen[-1] = len(first) == len(found)
    return FeatureEdges(
        name=name,
        kind="categorical",
        cuts=np.zeros(0),
        categories=tuple(first["text"].to_pylist()),
        groups=np.arange(len(unseen), dtype=np.int64),
        unseen=unseen,
        midpoints=np.arange(len(unseen), dtype=np.float64),
        centre=0.0,
        scale=1.0,
        discrete=True,
    )


def _rarely_new(counts: IntArray) -> bool:
    """May a value that the reference never had be called new? Good-Turing: the chance that the
    next value is one is about the share of values seen once."""
    return bool(np.count_nonzero(counts == 1) * 50 <= counts.sum())


def _cuts(distinct: FloatArray, counts: IntArray, limit: int) -> list[float]:
    """Bins filled from below with at most ``limit`` rows each; larger values stand alone."""
    upto = np.cumsum(counts)
    alone = counts > limit
    cuts: list[float] = []
    start, last = 0, len(distinct)
    while start < last:
        if alone[start]:
            cuts += [math.nextafter(distinct[start], -math.inf), distinct[start]]
            start += 1
            continue
        before = upto[start] - counts[start]
        start = int(upto.searchsorted(before + limit, side="right"))
        if start < last and not alone[start]:  # else the cut below the lone value closes the bin
            cuts.append(distinct[start - 1])
    return cuts


def _centre_and_scale(known: FloatArray) -> tuple[float, float]:
    if not len(known):
        return 0.0, 1.0
    near = known.clip(-FARTHEST, FARTHEST)
    centre = float(near.mean())
    spread = float(near.std()) if near[0] < near[-1] else 0.0
    return centre, spread if spread > 0 else 1.0


def _midpoints(known: FloatArray, starts: IntArray, cuts: FloatArray) -> FloatArray:
    """The median of the reference in each bin; halfway between its cuts where there is none."""
    if not len(known):
        return np.zeros(len(cuts) + 1)
    middle = known[np.minimum((starts[:-1] + starts[1:]) // 2, len(known) - 1)]
    low = np.r_[known[0], cuts].clip(known[0], known[-1])
    high = np.r_[cuts, known[-1]].clip(known[0], known[-1])
    points: FloatArray = np.where(starts[1:] > starts[:-1], middle, low / 2 + high / 2)
    return points


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
