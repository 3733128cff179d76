"""What is normal for a version: day blocks by class, and how far such days lie from each other.

Time series are not independent rows, so a table's p-value says nothing here: of 100 features
without drift, 82 differ "significantly" from last month on a given day. What is normal is therefore
measured on the days themselves. For each reference day the distance to the other days of its class
is taken; these distances are the null against which today's distance is studentised
(``comparison``). The square root makes distances about normal; residuals are pooled over classes,
and their variance is moderated over features (Smyth 2004, doi:10.2202/1544-6115.1027), since thirty
days alone say little about the spread of one feature.

Neighbours: ``block`` (the days), ``calendar`` (their classes). Pure. Not promised: that thirty days
know a season; the frozen reference is shown beside the rolling one for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, ndtri, polygamma, stdtr

from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.packed import pack, seal, unpack, unseal

Floats = NDArray[np.float64]

# Kolmogorov's limit distribution has this mean and standard deviation: what sampling alone gives.
SAMPLING_MEAN, SAMPLING_SD = 0.8687, 0.2603
_FEWEST_OF_A_CLASS = 3
_MODERATED_FROM = 5  # features; fewer say nothing about a common variance
_HARDLY = 1e-12
_FIGURES = ("distance", "rows", "missing", "unseen")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClassReference:
    """The reference days of one class.

    Attributes:
        days: how many.
        pooled: their sum.
        distance: mean of the square root of a day's distance to the others, shape (features,).
        rows: median number of values of a day, shape (features,).
        missing, unseen: largest share of a day that was missing, or never seen; (features,).
    """

    days: int
    pooled: ProfileBlock
    distance: Floats
    rows: Floats
    missing: Floats
    unseen: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reference:
    """
    Attributes:
        classes: by name of the day class; only those with at least three days.
        variance: of the square root of a distance, moderated, shape (features,); NaN where unknown.
        freedom: degrees of freedom of `variance`, shape (features,).
        breadth: mean, standard deviation and number of the reference days' breadth (see
            ``breadth_of``).
        days: all days, oldest first.
    """

    layout: Layout
    classes: Mapping[str, ClassReference]
    variance: Floats
    freedom: Floats
    breadth: tuple[float, float, int]
    days: tuple[date, ...]

    @classmethod
    def from_days(
        cls,
        layout: Layout,
        days: Sequence[tuple[date, str, ProfileBlock]],
        *,
        minimum: int,
    ) -> Self:
        """
        Args:
            days: day, class and block; in any order. Days without rows say nothing.
            minimum: fewest days in all; with fewer there is no null (`variance` is NaN).
        """
        used = sorted((item for item in days if item[2].rows > 0), key=lambda item: item[0])
        by_class: dict[str, list[ProfileBlock]] = {}
        for _, name, block in used:
            by_class.setdefault(name, []).append(block)
        made, residuals, spread = {}, [], []
        for name, blocks in sorted(by_class.items()):
            if len(blocks) < _FEWEST_OF_A_CLASS:
                continue
            reference, left = _of_class(layout, blocks)
            made[name] = reference
            residuals.append(left)
            spread.append(np.full(len(blocks), np.sqrt(1 - 1 / len(blocks))))
        nothing = np.full(len(layout.features), np.nan)
        if len(used) < minimum or not residuals:
            variance, freedom, breadth = nothing, nothing, (0.0, 0.0, 0)
        else:
            left = np.concatenate(residuals)
            variance, freedom = _variance(left, classes=len(residuals))
            known = left / np.sqrt(variance) / np.concatenate(spread)[:, None]
            breadth = _breadth_null(normal_scores(known, freedom))
        return cls(
            layout=layout,
            classes=made,
            variance=variance,
            freedom=freedom,
            breadth=breadth,
            days=tuple(day for day, _, _ in used),
        )

    @property
    def calibrated(self) -> bool:
        """Are there enough days to say what is normal?"""
        return bool(np.isfinite(self.variance).any())

    def encode(self) -> bytes:
        """``decode(encode())`` gives the same reference."""
        header = {
            "days": [day.isoformat() for day in self.days],
            "breadth": list(self.breadth),
            "classes": [[name, one.days] for name, one in self.classes.items()],
        }
        arrays: dict[str, NDArray[Any]] = {"variance": self.variance, "freedom": self.freedom}
        for number, one in enumerate(self.classes.values()):
            arrays[f"{number}.pooled"] = np.frombuffer(one.pooled.encode(), np.uint8)
            arrays |= {f"{number}.{name}": getattr(one, name) for name in _FIGURES}
        return seal(pack(header, arrays), level=1)

    @classmethod
    def decode(cls, data: bytes, layout: Layout) -> Self:
        """What ``encode`` gave, on the same layout.

        Raises:
            IntegrityError: the bytes are no reference.
        """
        header, arrays = unpack(unseal(data))
        classes = {
            name: ClassReference(
                days=days,
                pooled=ProfileBlock.decode(arrays[f"{number}.pooled"].tobytes(), layout),
                **{figure: arrays[f"{number}.{figure}"] for figure in _FIGURES},
            )
            for number, (name, days) in enumerate(header["classes"])
        }
        mean, deviation, number = header["breadth"]
        return cls(
            layout=layout,
            classes=classes,
            variance=arrays["variance"],
            freedom=arrays["freedom"],
            breadth=(mean, deviation, number),
            days=tuple(date.fromisoformat(day) for day in header["days"]),
        )


def distances(layout: Layout, reference: NDArray[Any], current: NDArray[Any]) -> Floats:
    """KS distance of numeric features, total variation of categories; shape (..., features).

    Args:
        reference, current: counts, shapes (..., features, bins) that broadcast.

    NaN where either side has no value.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        p = reference / reference.sum(axis=-1, keepdims=True)
        q = current / current.sum(axis=-1, keepdims=True)
    difference = q - p
    variation: Floats = np.abs(difference).sum(axis=-1) / 2
    if not layout.numeric.any():
        return variation
    ks = np.abs(np.cumsum(difference, axis=-1)).max(axis=-1)
    made: Floats = np.where(layout.numeric, ks, variation)
    return made


def upper_tail(studentised: Floats, freedom: Floats) -> Floats:
    """P(T >= t) of Student's t; ``scipy.stats.t.sf``, whose import alone would take a second."""
    return np.asarray(stdtr(freedom, -studentised), dtype=np.float64)


def normal_scores(studentised: Floats, freedom: Floats) -> Floats:
    """Studentised values as the standard normal ones with the same upper tail; NaN stays NaN."""
    tail = np.clip(upper_tail(studentised, freedom), 1e-15, 1 - 1e-15)
    return np.asarray(-ndtri(tail), dtype=np.float64)


def breadth_of(scores: Floats) -> Floats:
    """How far all features together are above what is normal: log(0.1 + mean max(z, 0)^2).

    Squares let a tenth of the features speak up; negative scores are days that are too alike.

    Args:
        scores: normal scores, shape (..., features); NaN takes no part.

    >>> quiet, moved = np.zeros(100), np.r_[np.full(10, 3.0), np.zeros(90)]
    >>> bool(breadth_of(moved) > breadth_of(quiet))
    True
    """
    taken = np.isfinite(scores)
    squares = np.where(taken, np.maximum(scores, 0.0), 0.0) ** 2
    made: Floats = np.log(0.1 + squares.sum(axis=-1) / np.maximum(taken.sum(axis=-1), 1))
    return made


def sampling_part(fewer: Floats, more: Floats) -> Floats:
    """1/fewer - 1/more where a window has fewer values than a reference day has, else 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        part = 1 / np.maximum(fewer, 1) - 1 / np.maximum(more, 1)
    return np.maximum(part, 0.0)


def _of_class(layout: Layout, blocks: Sequence[ProfileBlock]) -> tuple[ClassReference, Floats]:
    pooled = ProfileBlock.sum(blocks, layout)
    # Day by day, since one day's counts stay in the processor's cache and all days' do not.
    days = [block.counts for block in blocks]
    roots = np.sqrt([distances(layout, pooled.counts - counts, counts) for counts in days])
    values = np.stack([counts.sum(axis=-1) for counts in days])
    rows = np.array([block.rows for block in blocks], dtype=np.float64)[:, None]
    unseen = np.stack([(counts * layout.unseen).sum(axis=-1) for counts in days])
    known = np.isfinite(roots)
    number = known.sum(axis=0)
    mean = np.where(known, roots, 0.0).sum(axis=0) / np.maximum(number, 1)
    reference = ClassReference(
        days=len(blocks),
        pooled=pooled,
        distance=np.where(number >= 1, mean, np.nan),
        rows=np.median(values, axis=0),
        missing=(np.stack([block.missing for block in blocks]) / rows).max(axis=0),
        unseen=(unseen / np.maximum(values, 1)).max(axis=0),
    )
    return reference, roots - mean


def _variance(residuals: Floats, *, classes: int) -> tuple[Floats, Floats]:
    """Moderated variance of each feature and its degrees of freedom, from (days, features)."""
    known = np.isfinite(residuals)
    own = known.sum(axis=0) - classes
    squares = np.where(known, residuals, 0.0) ** 2
    variance = np.where(own >= 1, squares.sum(axis=0) / np.maximum(own, 1), np.nan)
    freedom = np.where(own >= 1, own, np.nan).astype(np.float64)
    lively = np.isfinite(variance) & (variance > _HARDLY)
    if lively.sum() >= _MODERATED_FROM:
        prior, weight = _common(variance[lively], freedom[lively])
        shrunk = (weight * prior + freedom * variance) / (weight + freedom)
        variance = np.where(lively, shrunk, variance)
        freedom = np.where(lively, freedom + weight, freedom)
    return np.maximum(variance, _HARDLY), freedom


def _common(variance: Floats, freedom: Floats) -> tuple[float, float]:
    """Smyth's estimate of the variance that features have in common, and of its weight in days."""
    logs = np.log(variance) - digamma(freedom / 2) + np.log(freedom / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, freedom / 2).mean())
    if excess <= 1e-3:
        return float(np.exp(logs.mean())), 1e3
    y = 0.5 + 1 / excess  # Newton's method for trigamma(y) = excess, which converges from there
    for _ in range(50):
        value = polygamma(1, y)
        y += value * (1 - value / excess) / polygamma(2, y)
    weight = min(2 * float(y), 1e3)
    return float(np.exp(logs.mean() + digamma(weight / 2) - np.log(weight / 2))), weight


def _breadth_null(scores: Floats) -> tuple[float, float, int]:
    values = breadth_of(scores)
    return float(values.mean()), float(values.std(ddof=1)), len(values)
