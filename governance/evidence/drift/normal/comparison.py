"""A window held against the rolling and the frozen reference: every figure of every feature.

All features at once, in numpy; from here on a figure that does not exist is ``None``. The distance
that is judged (KS, or total variation for categories) is studentised against the distances of the
reference's own days, as ``reference`` explains; Benjamini-Hochberg over the features of the look
makes q-values of it. Pure. What follows from the figures is the policy's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from governance.evidence.drift.normal.reference import (
    SAMPLING_MEAN,
    SAMPLING_SD,
    ClassReference,
    Floats,
    Reference,
    breadth_of,
    distances,
    normal_scores,
    sampling_part,
    upper_tail,
)
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.statistics import (
    benjamini_hochberg,
    chi_square,
    jensen_shannon,
    ks_bound,
    mean_shift,
    psi,
    psi_null_quantile,
    variance_ratio,
    wasserstein,
)
from governance.policy.drift.facts import FeatureFigures, Finding, FrozenFigures

_PROBLEMS = {1: Finding.COLUMN_MISSING, 2: Finding.WRONG_DTYPE}


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    Attributes:
        features: in the layout's order.
        breadth_p: how unusual all features together are; None without calibration.
    """

    features: tuple[FeatureFigures, ...]
    breadth_p: float | None


def compare(
    current: ProfileBlock,
    day_class: str,
    *,
    rolling: Reference | None,
    frozen: Reference | None = None,
    importance: Mapping[str, float | None] | None = None,
    by_frozen: Collection[str] = (),
) -> Comparison:
    """
    Args:
        current: the window.
        day_class: which days it is compared with.
        rolling: what was normal lately; None where nothing is known.
        frozen: what was normal when the version was trained.
        importance: share of the model's importance by feature.
        by_frozen: features that are judged against the frozen reference, where that can be,
            because what the rolling one has of them are predictions of the version before.
    """
    side = _side(current, day_class, rolling)
    fixed = _side(current, day_class, frozen)
    if side is not None and fixed is not None and by_frozen:
        mask = np.isin(current.layout.features, list(by_frozen)) & np.isfinite(fixed.score)
        side = _with_frozen(side, fixed, mask)
    known = importance or {}
    columns: dict[str, Any] = {**_own(current), **(_against(current, side) if side else {})}
    plain = {name: _plain(values) for name, values in columns.items()}
    beside = {} if fixed is None else _frozen(current, fixed)
    features = []
    for number, edges in enumerate(current.layout.edges):
        own: dict[str, Any] = {name: values[number] for name, values in plain.items()}
        if side is None and not own.get("problem"):
            own["problem"] = Finding.NO_REFERENCE
        features.append(
            FeatureFigures(
                feature=edges.name,
                kind=edges.kind,
                importance=known.get(edges.name),
                frozen=FrozenFigures(**{name: item[number] for name, item in beside.items()})
                if beside
                else None,
                **own,
            )
        )
    return Comparison(tuple(features), None if side is None else side.breadth_p)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    reference: ClassReference
    distance: Floats
    score: Floats  # studentised
    p: Floats
    q: Floats
    breadth_p: float | None


def _side(current: ProfileBlock, day_class: str, reference: Reference | None) -> _Side | None:
    """The studentised distance of the window to the days of its class."""
    if reference is None or day_class not in reference.classes:
        return None
    days = reference.classes[day_class]
    distance = distances(current.layout, days.pooled.counts, current.counts)
    # A window with fewer values than a day has is farther off by chance alone.
    fewer = sampling_part(current.n.astype(np.float64), days.rows)
    mean = np.sqrt(np.hypot(days.distance**2, SAMPLING_MEAN * np.sqrt(fewer)))
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of the root of a distance d: sd(sqrt d) = sd(d) / (2 sqrt d).
        extra = SAMPLING_SD**2 * fewer / (4 * np.maximum(mean**2, 1e-9))
        floor = SAMPLING_SD**2 / np.maximum(current.n, 1) / (4 * np.maximum(mean**2, 1e-9))
        spread = np.maximum(reference.variance, np.minimum(floor, 1e-2)) + extra
        score = (np.sqrt(distance) - mean) / np.sqrt(spread * (1 + 1 / days.days))
    p = upper_tail(score, reference.freedom)
    mean_b, deviation, number = reference.breadth
    breadth: float | None = None
    scores = normal_scores(score, reference.freedom)
    if number >= 3 and deviation > 0 and np.isfinite(scores).any():
        t = (float(breadth_of(scores)) - mean_b) / (deviation * np.sqrt(1 + 1 / number))
        breadth = float(stdtr(number - 1, -t))
    return _Side(days, distance, score, p, benjamini_hochberg(p), breadth)


def _with_frozen(side: _Side, fixed: _Side, mask: NDArray[np.bool_]) -> _Side:
    """`side` with the features of `mask` as the frozen reference has them."""
    old, new = side.reference.pooled, fixed.reference.pooled
    taken = {
        name: np.where(mask, getattr(new, name), getattr(old, name))
        for name in ("missing", "infinite", "total", "squares", "minimum", "maximum")
    }
    pooled = replace(old, counts=np.where(mask[:, None], new.counts, old.counts), **taken)
    days = {
        name: np.where(mask, getattr(fixed.reference, name), getattr(side.reference, name))
        for name in ("distance", "rows", "missing", "unseen")
    }
    p = np.where(mask, fixed.p, side.p)
    return replace(
        side,
        reference=replace(side.reference, pooled=pooled, **days),
        distance=np.where(mask, fixed.distance, side.distance),
        score=np.where(mask, fixed.score, side.score),
        p=p,
        q=benjamini_hochberg(p),
    )


def _own(current: ProfileBlock) -> dict[str, Any]:
    """What the window shows by itself."""
    rows = np.full(len(current.layout.features), float(current.rows))
    seen = current.rows - np.where(current.problem > 0, current.rows, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        missing = np.where(seen > 0, current.missing / rows, np.nan)
        unseen = (current.counts * current.layout.unseen).sum(axis=-1) / current.n
    return {
        "rows": current.n,
        "missing_share": missing,
        # Of a number between two known ones the KS distance tells more than its being new.
        "new_share": np.where(current.layout.numeric, np.nan, unseen),
        "infinite": current.infinite,
        "problem": [_PROBLEMS.get(int(code)) for code in current.problem],
    }


def _against(current: ProfileBlock, side: _Side) -> dict[str, Any]:
    layout, pooled = current.layout, side.reference.pooled
    p, q = pooled.counts, current.counts
    n, m = current.n, pooled.n
    numeric = layout.numeric
    excess = np.maximum(side.distance - side.reference.distance**2, 0.0)
    # A day of the reference may have had new values too: only what goes beyond is new.
    own = _own(current)
    beyond = np.where(
        own["new_share"] > side.reference.unseen, own["new_share"], np.minimum(own["new_share"], 0)
    )
    with np.errstate(invalid="ignore"):
        constant = (current.minimum == current.maximum) & (pooled.minimum < pooled.maximum)
        spread = (q > 0).sum(axis=-1) == 1
        spread &= ((q > 0) & ~layout.unseen).any(axis=-1)  # new values may be many
        constant = np.where(numeric, constant, spread & ((p > 0).sum(axis=-1) > 1)) & (n > 0)
    groups = layout.grouped(p), layout.grouped(q)
    return {
        "reference_rows": m,
        "reference_missing_share": side.reference.missing,
        "new_share": beyond,
        "ks": np.where(numeric, side.distance, np.nan),
        "ks_bound": np.where(numeric, ks_bound(p, q, exact=layout.exact), np.nan),
        "psi": psi(*groups, valid=np.arange(groups[0].shape[-1]) < layout.group_count[:, None]),
        "psi_null": psi_null_quantile(n, m, layout.group_count),
        "chi_square": chi_square(*groups)[0],
        "jensen_shannon": jensen_shannon(p, q),
        "wasserstein": np.where(numeric, wasserstein(p, q, layout.midpoints, layout.scale), np.nan),
        "mean_shift": np.where(
            numeric, mean_shift(pooled.mean, pooled.variance, current.mean), np.nan
        ),
        "variance_ratio": np.where(
            numeric, variance_ratio(pooled.variance, current.variance), np.nan
        ),
        "effect": np.where(numeric, side.distance, excess),
        "z": side.score,
        "p_value": side.p,
        "q_value": side.q,
        "constant": constant,
        "single": ((p > 0).sum(axis=-1) == 1) & ~(pooled.minimum < pooled.maximum),
    }


def _frozen(current: ProfileBlock, side: _Side) -> dict[str, list[Any]]:
    layout, pooled = current.layout, side.reference.pooled
    groups = layout.grouped(pooled.counts), layout.grouped(current.counts)
    valid = np.arange(groups[0].shape[-1]) < layout.group_count[:, None]
    shift = mean_shift(pooled.mean, pooled.variance, current.mean)
    return {
        "ks": _plain(np.where(layout.numeric, side.distance, np.nan)),
        "psi": _plain(psi(*groups, valid=valid)),
        "mean_shift": _plain(np.where(layout.numeric, shift, np.nan)),
        "q_value": _plain(side.q),
    }


def _plain(values: NDArray[Any] | list[Any]) -> list[Any]:
    """Python numbers; what is not finite does not exist."""
    if isinstance(values, list):
        return values
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        return [value if ok else None for value, ok in zip(values.tolist(), finite, strict=True)]
    made: list[Any] = values.tolist()
    return made
