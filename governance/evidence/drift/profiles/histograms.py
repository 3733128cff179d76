"""Shares of rows by group of values, for people: what a plot of reference against window shows.

The groups are those of PSI (about equal mass in the reference; categories and few distinct numbers
each for themselves). Pure. Neighbours: ``edges`` (the groups), ``governance.effects`` (draws them).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.columns import FloatArray, IntArray
from governance.evidence.drift.profiles.edges import FeatureEdges

_MOST_LABELS = 24
_DIGITS = 4  # of a share


def histograms(
    names: Iterable[str],
    *,
    current: ProfileBlock,
    reference: ProfileBlock | None,
    frozen: ProfileBlock | None,
) -> dict[str, dict[str, Any]]:
    """By feature: labels, and shares of the reference, the window and the frozen reference.

    Features without any value on one side have none.
    """
    made: dict[str, dict[str, Any]] = {}
    if reference is None:
        return made
    for name in names:
        place = current.layout.index[name]
        edges = current.layout.edges[place]
        sides = {"reference": reference, "current": current, "frozen": frozen}
        shares = {
            side: found
            for side, block in sides.items()
            if block is not None and (found := _shares(edges, block.counts[place])) is not None
        }
        if "reference" in shares and "current" in shares:
            made[name] = _shown(labels(edges), shares)
    return made


def _shares(edges: FeatureEdges, counts: IntArray) -> FloatArray | None:
    grouped = np.bincount(edges.groups, weights=counts[: edges.bins])
    total = grouped.sum()
    return grouped / total if total else None


def _shown(names: list[str], shares: dict[str, FloatArray]) -> dict[str, Any]:
    """Of many labels those with the most rows, the rest as one."""
    weight = np.maximum(shares["reference"], shares["current"])
    if len(names) > _MOST_LABELS:
        kept = np.sort(np.argsort(-weight, kind="stable")[: _MOST_LABELS - 1])
        rest = np.setdiff1d(np.arange(len(names)), kept)
        names = [*(names[place] for place in kept), f"{len(rest)} others"]
        shares = {side: np.append(all_[kept], all_[rest].sum()) for side, all_ in shares.items()}
    rounded = {side: np.round(all_, _DIGITS).tolist() for side, all_ in shares.items()}
    return {"labels": names, **rounded}


def labels(edges: FeatureEdges) -> list[str]:
    """What stands under each group.

    >>> from governance.evidence.drift.profiles.edges import numeric_edges, categorical_edges
    >>> labels(numeric_edges("x", [1.0, 2.0] * 50))
    ['1', '2', 'new']
    >>> labels(categorical_edges("c", ["b", "a", "b"]))
    ['b', 'a', 'other']
    """
    last = int(edges.groups.max(initial=0))
    return [_label(edges, np.flatnonzero(edges.groups == group)) for group in range(last + 1)]


def _label(edges: FeatureEdges, bins: IntArray) -> str:
    if edges.kind == "categorical":
        number = int(bins[0])
        return edges.categories[number] if number < len(edges.categories) else "other"
    if edges.unseen[bins].all():
        return "new"
    if edges.discrete:
        return f"{edges.midpoints[bins[0]]:g}"
    low, high = int(bins[0]), int(bins[-1])
    if low == 0 and high == edges.bins - 1:
        return "all"
    if low == 0:
        return f"≤ {edges.cuts[high]:.4g}"
    if high == edges.bins - 1:
        return f"> {edges.cuts[low - 1]:.4g}"
    return f"{edges.cuts[low - 1]:.4g} to {edges.cuts[high]:.4g}"
