"""The edges of all watched features of a version, as padded matrices.

F features, B bins of the widest; bins beyond a feature's own are padding and hold nothing. So the
counts of an hour are one int64[F, B], and hours add up as matrices. Neighbours: ``edges`` (one
feature), ``block`` (counts on a layout).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from governance.errors import IntegrityError, InvalidEvidenceError
from governance.evidence.drift.profiles.columns import BoolArray, FloatArray, IntArray
from governance.evidence.drift.profiles.edges import FeatureEdges
from governance.evidence.drift.profiles.packed import pack, seal, unpack, unseal

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Layout:
    """
    Attributes:
        edges: of each feature, in the order of all matrices.

    Two layouts are equal when their content is; ``Layout.decode(layout.encode()) == layout``.

    Raises:
        InvalidEvidenceError: a feature is there twice.

    >>> from governance.evidence.drift.profiles.edges import numeric_edges, categorical_edges
    >>> layout = Layout((numeric_edges("a", [1.0] * 9), categorical_edges("b", list("xyx"))))
    >>> layout.features, layout.width, layout.valid.sum(axis=1).tolist()
    (('a', 'b'), 3, [3, 3])
    """

    edges: tuple[FeatureEdges, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", tuple(self.edges))
        names = [one.name for one in self.edges]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidEvidenceError(f"features {twice} are watched twice; name each once")

    @cached_property
    def features(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.edges)

    @cached_property
    def index(self) -> Mapping[str, int]:
        return {name: at for at, name in enumerate(self.features)}

    @cached_property
    def bins(self) -> IntArray:
        """int64[F]: the number of bins of each feature."""
        return np.array([one.bins for one in self.edges], np.int64)

    @cached_property
    def width(self) -> int:
        """B: the number of bins of the widest feature."""
        return int(self.bins.max(initial=0))

    @cached_property
    def valid(self) -> BoolArray:
        """bool[F, B]: is it a bin, and no padding?"""
        return _fixed(np.arange(self.width) < self.bins[:, None])

    @cached_property
    def unseen(self) -> BoolArray:
        """bool[F, B]: bins whose values the reference never had."""
        return self._padded([one.unseen for one in self.edges], np.bool_)

    @cached_property
    def exact(self) -> BoolArray:
        """bool[F, B]: bins that can hold one single value."""
        return self._padded([one.exact for one in self.edges], np.bool_)

    @cached_property
    def midpoints(self) -> FloatArray:
        """float64[F, B]: a value that stands for the bin."""
        return self._padded([one.midpoints for one in self.edges], np.float64)

    @cached_property
    def centre(self) -> FloatArray:
        """float64[F]: the reference's mean, from which sums are taken."""
        return _fixed(np.array([one.centre for one in self.edges], np.float64))

    @cached_property
    def scale(self) -> FloatArray:
        """float64[F]: the reference's standard deviation, never 0."""
        return _fixed(np.array([one.scale for one in self.edges], np.float64))

    @cached_property
    def numeric(self) -> BoolArray:
        """bool[F]."""
        return _fixed(np.array([one.kind == "numeric" for one in self.edges], np.bool_))

    @cached_property
    def group_count(self) -> IntArray:
        """int64[F]: the number of PSI groups of each feature."""
        return _fixed(
            np.array([1 + int(one.groups.max(initial=0)) for one in self.edges], np.int64)
        )

    def grouped(self, counts: NDArray[Any]) -> NDArray[Any]:
        """Counts on bins [..., F, B] summed into PSI groups [..., F, G]; groups beyond a feature's
        own are 0."""
        order, starts, target = self._grouping
        lead = counts.shape[:-2]
        groups = int(self.group_count.max(initial=0))
        made = np.zeros((*lead, len(self.edges) * groups), counts.dtype)
        if len(order):
            flat = counts.reshape(*lead, len(self.edges) * self.width)
            made[..., target] = np.add.reduceat(flat[..., order], starts, axis=-1)
        return made.reshape(*lead, len(self.edges), groups)

    @cached_property
    def _grouping(self) -> tuple[IntArray, IntArray, IntArray]:
        """All valid bins ordered by feature and group, where each group starts, where it goes."""
        groups = int(self.group_count.max(initial=0))
        numbers = self._padded([one.groups for one in self.edges], np.int64)
        target = numbers + groups * np.arange(len(self.edges))[:, None]
        bins = np.flatnonzero(self.valid)
        order = bins[np.argsort(target.ravel()[bins], kind="stable")]
        sorted_target = target.ravel()[order]
        starts = np.flatnonzero(np.diff(sorted_target, prepend=-1))
        return order, starts, sorted_target[starts]

    def _padded(self, rows: Iterable[NDArray[_T]], dtype: type[_T]) -> NDArray[_T]:
        made = np.zeros((len(self.edges), self.width), dtype)
        for at, row in enumerate(rows):
            made[at, : len(row)] = row
        return _fixed(made)

    @cached_property
    def content(self) -> bytes:
        """The plain bytes that the digest is taken of."""
        return pack(*self.parts())

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Layout) and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Header and arrays for ``packed.pack``."""
        header = [
            [one.name, one.kind, one.discrete, list(one.categories), len(one.cuts), one.bins]
            for one in self.edges
        ]
        empty: list[NDArray[Any]] = [np.zeros(0)]
        return {"features": header}, {
            "centre": self.centre,
            "scale": self.scale,
            "cuts": np.concatenate([*empty, *(one.cuts for one in self.edges)]),
            "midpoints": np.concatenate([*empty, *(one.midpoints for one in self.edges)]),
            "groups": np.concatenate([*empty, *(one.groups for one in self.edges)]).astype(
                np.uint16
            ),
            "unseen": np.concatenate([*empty, *(one.unseen for one in self.edges)]).astype(
                np.uint8
            ),
        }

    @classmethod
    def from_parts(cls, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Layout:
        edges, cut, bin_ = [], 0, 0
        for at, (name, kind, discrete, categories, cuts, bins) in enumerate(header["features"]):
            here = slice(bin_, bin_ + bins)
            edges.append(
                FeatureEdges(
                    name=name,
                    kind=kind,
                    cuts=arrays["cuts"][cut : cut + cuts],
                    categories=tuple(categories),
                    groups=arrays["groups"][here].astype(np.int64),
                    unseen=arrays["unseen"][here].astype(np.bool_),
                    midpoints=arrays["midpoints"][here],
                    centre=float(arrays["centre"][at]),
                    scale=float(arrays["scale"][at]),
                    discrete=discrete,
                )
            )
            cut, bin_ = cut + cuts, bin_ + bins
        return cls(tuple(edges))

    def encode(self) -> bytes:
        return seal(self.content)

    @classmethod
    def decode(cls, data: bytes) -> Layout:
        """
        Raises:
            IntegrityError: the bytes are no layout.
        """
        header, arrays = unpack(unseal(data))
        try:
            return cls.from_parts(header, arrays)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise IntegrityError(
                f"these bytes are no layout ({error!r}); restore the database from its backup"
            ) from error


def _fixed(array: NDArray[_T]) -> NDArray[_T]:
    """Shared by all who read the layout, so nobody may write."""
    array.flags.writeable = False
    return array
