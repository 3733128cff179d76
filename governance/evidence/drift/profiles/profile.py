"""What was seen of one feature in some period, as counts and sums that add up.

``a + b`` is the profile of both periods together: commutative, associative (sums exactly so in the
range that ``sums`` states), with ``FeatureProfile.empty(edges)`` neutral. Neighbours: ``edges``,
``block`` (many of these as matrices, which is what is stored), ``profiling`` (makes them).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import numpy as np

from governance.errors import IntegrityError, InvalidEvidenceError
from governance.evidence.drift.profiles.columns import IntArray
from governance.evidence.drift.profiles.edges import FeatureEdges
from governance.evidence.drift.profiles.packed import pack, seal, unpack, unseal
from governance.evidence.drift.profiles.sums import mean_of, variance_of


class Problem(IntEnum):
    """Why a feature could not be counted. Merging keeps the larger."""

    OK = 0
    COLUMN_MISSING = 1
    WRONG_DTYPE = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureProfile:
    """
    Attributes:
        edges: the bins; only profiles on the same edges add up.
        counts: int64[bins], rows in each bin.
        missing: rows without a value (null or NaN).
        infinite: rows with an infinite value; they are in no bin and no sum.
        total, squares: sums of (x - edges.centre) and of its square; 0 for categories.
        minimum, maximum: of the finite values; NaN where there are none, and for categories.
        problem: why there are no counts.
    """

    edges: FeatureEdges
    counts: IntArray
    missing: int = 0
    infinite: int = 0
    total: float = 0.0
    squares: float = 0.0
    minimum: float = float("nan")
    maximum: float = float("nan")
    problem: Problem = Problem.OK

    @classmethod
    def empty(cls, edges: FeatureEdges) -> Self:
        return cls(edges=edges, counts=np.zeros(edges.bins, np.int64))

    @property
    def n(self) -> int:
        """Rows in bins: neither missing nor infinite."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """NaN without rows, and for categories."""
        if self.edges.kind == "categorical":
            return float("nan")
        return float(mean_of(np.array(self.total), np.array(self.n), np.array(self.edges.centre)))

    @property
    def variance(self) -> float:
        """Sample variance; NaN below two rows, and for categories."""
        if self.edges.kind == "categorical":
            return float("nan")
        return float(variance_of(np.array(self.total), np.array(self.squares), np.array(self.n)))

    def __add__(self, other: FeatureProfile) -> FeatureProfile:
        """
        Raises:
            InvalidEvidenceError: the other one stands on other edges.
        """
        mine, theirs = self.edges, other.edges
        if mine is not theirs and not same_edges(mine, theirs):
            raise InvalidEvidenceError(
                f"profiles of {mine.name!r} and {theirs.name!r} have different edges and cannot "
                "be added; profile both on the edges of one version"
            )
        return FeatureProfile(
            edges=mine,
            counts=self.counts + other.counts,
            missing=self.missing + other.missing,
            infinite=self.infinite + other.infinite,
            total=self.total + other.total,
            squares=self.squares + other.squares,
            minimum=float(np.fmin(self.minimum, other.minimum)),
            maximum=float(np.fmax(self.maximum, other.maximum)),
            problem=max(self.problem, other.problem),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FeatureProfile) and (
            same_edges(self.edges, other.edges) and self._content() == other._content()
        )

    def __hash__(self) -> int:
        return hash(self._content())

    def encode(self) -> bytes:
        """``FeatureProfile.decode(profile.encode(), profile.edges) == profile``."""
        return seal(self._content())

    @classmethod
    def decode(cls, data: bytes, edges: FeatureEdges) -> Self:
        """
        Raises:
            IntegrityError: the bytes are damaged.
            InvalidEvidenceError: they were counted on other edges.
        """
        header, arrays = unpack(unseal(data))
        try:
            missing, infinite, problem = header["missing"], header["infinite"], header["problem"]
            total, squares, minimum, maximum = arrays["moments"].tolist()
            counts = arrays["counts"].astype(np.int64)
        except (KeyError, ValueError, TypeError) as error:
            raise IntegrityError("these bytes are no profile; profile the period again") from error
        if header["feature"] != edges.name or len(counts) != edges.bins:
            raise InvalidEvidenceError(
                f"this profile of {header['feature']!r} was not counted on these edges of "
                f"{edges.name!r}; profile the period again"
            )
        return cls(
            edges=edges,
            counts=counts,
            missing=missing,
            infinite=infinite,
            total=total,
            squares=squares,
            minimum=minimum,
            maximum=maximum,
            problem=Problem(problem),
        )

    def _content(self) -> bytes:
        header: dict[str, Any] = {
            "feature": self.edges.name,
            "missing": self.missing,
            "infinite": self.infinite,
            "problem": int(self.problem),
        }
        moments = np.array([self.total, self.squares, self.minimum, self.maximum])
        return pack(
            header,
            {"counts": self.counts.astype(np.min_scalar_type(self.counts.max(initial=0))),
             "moments": moments},
        )  # fmt: skip


def same_edges(one: FeatureEdges, other: FeatureEdges) -> bool:
    """Do two edges put every value into the same bin, with sums from the same centre?"""
    return one is other or (
        one.name == other.name
        and one.kind == other.kind
        and one.categories == other.categories
        and one.centre == other.centre
        and one.scale == other.scale
        and np.array_equal(one.cuts, other.cuts)
    )
