"""What was seen of all features of a version in one hour or day: profiles as matrices.

Blocks add up as profiles do, and are what is stored: about 10 kB for an hour of 50 features.
Neighbours: ``layout`` (what rows and columns of the matrices are), ``profile`` (one feature),
``profiling`` (makes blocks), ``profile_store`` (keeps them).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from governance.errors import IntegrityError, InvalidEvidenceError
from governance.evidence.drift.profiles.columns import FloatArray, IntArray
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.packed import pack, seal, unpack, unseal
from governance.evidence.drift.profiles.profile import FeatureProfile, Problem
from governance.evidence.drift.profiles.sums import mean_of, variance_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProfileBlock:
    """
    Attributes:
        layout: the edges; only blocks on equal layouts add up.
        rows: rows of the period.
        counts: int64[F, B], rows in each bin; padding is 0.
        missing: int64[F], rows without a value (null or NaN).
        infinite: int64[F], rows with an infinite value; they are in no bin and no sum.
        total, squares: float64[F], sums of (x - centre) and of its square (see ``sums``).
        minimum, maximum: float64[F], of finite values; NaN where there are none.
        problem: int8[F], why a feature could not be counted (``profile.Problem``); such a period
            adds nothing to its counts.

    ``a + b == b + a``, ``(a + b) + c == a + (b + c)``, ``a + ProfileBlock.empty(layout) == a``,
    ``ProfileBlock.decode(a.encode(), layout) == a``.
    """

    layout: Layout
    rows: int
    counts: IntArray
    missing: IntArray
    infinite: IntArray
    total: FloatArray
    squares: FloatArray
    minimum: FloatArray
    maximum: FloatArray
    problem: NDArray[np.int8]

    @classmethod
    def empty(cls, layout: Layout, *, rows: int = 0) -> Self:
        """Nothing counted yet, in a period of so many rows."""
        features = len(layout.edges)
        return cls(
            layout=layout,
            rows=rows,
            counts=np.zeros((features, layout.width), np.int64),
            missing=np.zeros(features, np.int64),
            infinite=np.zeros(features, np.int64),
            total=np.zeros(features),
            squares=np.zeros(features),
            minimum=np.full(features, np.nan),
            maximum=np.full(features, np.nan),
            problem=np.zeros(features, np.int8),
        )

    @classmethod
    def sum(cls, blocks: Iterable[ProfileBlock], layout: Layout | None = None) -> ProfileBlock:
        """All blocks together; of none at all, the empty block of ``layout``.

        Raises:
            InvalidEvidenceError: no block and no layout, or blocks on different layouts.
        """
        given = list(blocks)
        if layout is None:
            if not given:
                raise InvalidEvidenceError("a sum of no blocks needs the layout; give it")
            layout = given[0].layout
        made = cls.empty(layout, rows=sum(block.rows for block in given))
        for block in given:
            made._check(block)
            for mine, theirs in zip(made._sums(), block._sums(), strict=True):
                np.add(mine, theirs, out=mine)
            np.fmin(made.minimum, block.minimum, out=made.minimum)
            np.fmax(made.maximum, block.maximum, out=made.maximum)
            np.maximum(made.problem, block.problem, out=made.problem)
        return made

    def __add__(self, other: object) -> ProfileBlock:
        """
        Raises:
            InvalidEvidenceError: the other one stands on another layout.
        """
        if not isinstance(other, ProfileBlock):
            return NotImplemented
        return ProfileBlock.sum((self, other))

    def __radd__(self, other: object) -> ProfileBlock:
        """Lets the builtin ``sum`` start from 0."""
        return self if other == 0 else NotImplemented

    @property
    def n(self) -> IntArray:
        """int64[F]: rows in bins, neither missing nor infinite."""
        n: IntArray = self.counts.sum(axis=1)
        return n

    @property
    def mean(self) -> FloatArray:
        """float64[F]; NaN without rows, and for categories."""
        return np.where(
            self.layout.numeric, mean_of(self.total, self.n, self.layout.centre), np.nan
        )

    @property
    def variance(self) -> FloatArray:
        """float64[F], sample variance; NaN below two rows, and for categories."""
        return np.where(self.layout.numeric, variance_of(self.total, self.squares, self.n), np.nan)

    def profile(self, name: str) -> FeatureProfile:
        """One feature on its own.

        Raises:
            InvalidEvidenceError: it is not watched.
        """
        if name not in self.layout.index:
            raise InvalidEvidenceError(
                f"feature {name!r} is not watched; watched are {', '.join(self.layout.features)}"
            )
        at = self.layout.index[name]
        return FeatureProfile(
            edges=self.layout.edges[at],
            counts=self.counts[at, : self.layout.bins[at]].copy(),
            missing=int(self.missing[at]),
            infinite=int(self.infinite[at]),
            total=float(self.total[at]),
            squares=float(self.squares[at]),
            minimum=float(self.minimum[at]),
            maximum=float(self.maximum[at]),
            problem=Problem(int(self.problem[at])),
        )

    @property
    def content(self) -> bytes:
        """The plain bytes that equality and digest are taken of; the layout counts."""
        counts = self.counts[self.layout.valid]
        return pack(
            {"layout": self.layout.digest, "rows": self.rows},
            {
                "counts": counts.astype(np.min_scalar_type(counts.max(initial=0))),
                "missing": _small(self.missing),
                "infinite": _small(self.infinite),
                "problem": self.problem,
                "moments": np.stack([self.total, self.squares, self.minimum, self.maximum]),
            },
        )

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the content: equal evidence, equal digest."""
        return hashlib.sha256(self.content).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProfileBlock) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)

    def encode(self) -> bytes:
        return seal(self.content)

    @classmethod
    def decode(cls, data: bytes, layout: Layout) -> Self:
        """
        Raises:
            IntegrityError: the bytes are damaged.
            InvalidEvidenceError: they were counted on another layout.
        """
        return cls.from_content(unseal(data), layout)

    @classmethod
    def from_content(cls, content: bytes, layout: Layout) -> Self:
        header, arrays = unpack(content)
        if header.get("layout") != layout.digest:
            raise InvalidEvidenceError(
                "this profile was counted on other edges than the version's; "
                "profile the period again from its source"
            )
        try:
            counts = np.zeros((len(layout.edges), layout.width), np.int64)
            counts[layout.valid] = arrays["counts"]
            total, squares, minimum, maximum = arrays["moments"]
            return cls(
                layout=layout,
                rows=int(header["rows"]),
                counts=counts,
                missing=arrays["missing"].astype(np.int64),
                infinite=arrays["infinite"].astype(np.int64),
                total=total,
                squares=squares,
                minimum=minimum,
                maximum=maximum,
                problem=arrays["problem"],
            )
        except (KeyError, ValueError, TypeError) as error:
            raise IntegrityError(
                f"these bytes are no profile block ({error!r}); profile the period again"
            ) from error

    def _check(self, other: ProfileBlock) -> None:
        if self.layout is not other.layout and self.layout != other.layout:
            raise InvalidEvidenceError(
                "profiles of different edges cannot be added; profile both periods on the edges of "
                "one version"
            )

    def _sums(self) -> tuple[NDArray[Any], ...]:
        return self.counts, self.missing, self.infinite, self.total, self.squares


def _small(counts: IntArray) -> NDArray[Any]:
    return counts.astype(np.min_scalar_type(counts.max(initial=0)))
