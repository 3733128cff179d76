"""The feature graph as boxes in columns: inputs at the left, what the model is given at the right.

A feature stands one column behind the last thing that it is made from. Pure: it reads the spec and
imports no logic. Neighbour: ``governance.registry.features`` checks specs; one that is damaged has
no picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from governance.dashboard.charts.boxes import MOST, Box, boxes_picture
from governance.dashboard.words import counted


def feature_graph(spec: Mapping[str, Any]) -> Markup | None:
    """``None`` for a graph that is too large or has nothing but inputs; a table has it all.

    Args:
        spec: ``FeatureGraph.spec()``, as it is recorded with a version.
    """
    made = {
        str(one["name"]): [str(name) for name in one["dependencies"]]
        for one in spec.get("definitions") or ()
    }
    inputs = [str(name) for name in spec.get("inputs") or ()]
    if not made or len(made) + len(inputs) > MOST:
        return None
    outputs = {str(one["name"]) for one in spec["definitions"] if one.get("output", True)}
    boxes = [
        Box(
            id=name,
            label=name,
            column=column,
            css="input" if name in inputs else "output" if name in outputs else "between",
            title=name,
        )
        for column, names in enumerate(_columns(inputs, made))
        for name in names
    ]
    lines = [
        (other, name, f"{name} is made from {other}")
        for name, dependencies in made.items()
        for other in dependencies
    ]
    title = (
        f"Feature graph: {counted(len(inputs), 'input')}, {counted(len(made), 'feature')}, "
        f"{len(outputs)} given to the model"
    )
    return boxes_picture(boxes, lines, title=title)


def _columns(inputs: list[str], made: Mapping[str, list[str]]) -> list[list[str]]:
    """Names by the length of the longest way to them.

    >>> _columns(["a", "b"], {"c": ["a"], "d": ["c", "b"]})
    [['a', 'b'], ['c'], ['d']]
    """
    depth = dict.fromkeys(inputs, 0)
    for _ in range(len(made)):  # at most as many steps as the longest way has
        before = dict(depth)
        for name, dependencies in made.items():
            depth[name] = 1 + max((depth.get(other, 0) for other in dependencies), default=0)
        if depth == before:
            break
    deepest = max(depth.values())
    return [[name for name in depth if depth[name] == column] for column in range(deepest + 1)]
