"""How much of a model's importance hangs on each column of its data.

A model reports the importance of its features; what is watched are the columns they are made of.
Neighbours: ``governance.registry.features`` (the graph between both), ``baseline`` (keeps the
shares). Not promised: that a column which a feature hardly uses weighs less than another one of the
same feature; the graph knows only that both are used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from governance.errors import InvalidEvidenceError
from governance.registry.features import FeatureGraph


def column_importance(features: object, importance: Mapping[str, float]) -> dict[str, float]:
    """Share of each input column, 0 to 1, summing to 1; empty where nothing is known.

    A feature's importance is split equally over the columns it is made of, directly or through
    other features. A column that no feature uses has share 0.

    Args:
        features: a feature graph, its spec (as in a manifest), or column names.
        importance: by output feature, not negative: gain, or mean absolute SHAP value.

    Raises:
        InvalidEvidenceError: a name that is no output of the graph, or a value below zero or not
            finite.

    >>> graph = {"inputs": ["close", "volume"], "definitions": [
    ...     {"name": "last", "version": "1", "dependencies": ["close"], "logic": "column"},
    ...     {"name": "per_trade", "version": "1", "dependencies": ["close", "volume"],
    ...      "logic": "features:per_trade"}]}
    >>> column_importance(graph, {"last": 1.0, "per_trade": 3.0})
    {'close': 0.625, 'volume': 0.375}
    """
    graph = FeatureGraph.of(features)
    if graph is None or not importance:
        return {}
    if unknown := sorted(set(importance) - set(graph.outputs)):
        raise InvalidEvidenceError(
            f"importance of {unknown}, which the feature graph does not give to the model; "
            f"name its outputs: {list(graph.outputs)[:20]}"
        )
    for name, value in importance.items():
        if not (math.isfinite(value) and value >= 0):
            raise InvalidEvidenceError(
                f"importance of {name!r} is {value}; give finite values from 0 up"
            )
    largest = max(importance.values())
    if largest == 0:
        return {}
    made_of = _columns(graph)
    parts: dict[str, list[float]] = {column: [] for column in graph.inputs}
    for name, value in importance.items():
        for column in made_of[name]:
            parts[column].append(value / largest / len(made_of[name]))
    weights = {column: math.fsum(values) for column, values in parts.items()}
    total = math.fsum(weights.values())
    return {column: weight / total for column, weight in weights.items()}


def _columns(graph: FeatureGraph) -> dict[str, set[str]]:
    """The input columns that each name is made of."""
    made_of = {name: {name} for name in graph.inputs}
    for name in graph.order:
        needed = graph.definitions[name].dependencies
        made_of[name] = set().union(*(made_of[dependency] for dependency in needed))
    return made_of
