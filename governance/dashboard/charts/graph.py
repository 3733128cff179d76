"""The feature graph as boxes in columns: inputs at the left, what the model is given at the right.

A feature stands one column behind the last thing that it is made from. Pure: it reads the spec and
imports no logic. Neighbour: ``governance.registry.features`` checks specs; one that is damaged has
no picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from governance.dashboard.charts.svg import element, picture
from governance.dashboard.words import clean, counted

MOST = 80  # boxes; a larger graph is shown as a table alone
BOX, ROW, WIDE, GAP = 24.0, 34.0, 178.0, 64.0
_LONGEST = 24


def feature_graph(spec: Mapping[str, Any]) -> Markup | None:
    """``None`` for a graph that is too large or has nothing but inputs.

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
    columns = _columns(inputs, made)
    places = {
        name: (column * (WIDE + GAP) + 1, row * ROW + 5)
        for column, names in enumerate(columns)
        for row, name in enumerate(names)
    }
    outputs = {str(one["name"]) for one in spec["definitions"] if one.get("output", True)}
    children: list[Markup] = []
    for name, dependencies in made.items():
        x, y = places[name]
        for other in dependencies:
            if other in places:
                children.append(_edge(places[other], (x, y)))
    for name, (x, y) in places.items():
        css = "input" if name in inputs else "output" if name in outputs else "between"
        children += [
            element("rect", element("title", name), x=x, y=y, width=WIDE, height=BOX, rx=4,
                    class_=f"box {css}"),
            element("text", _short(name), x=x + 8, y=y + 16, class_="label"),
        ]  # fmt: skip
    title = (
        f"Feature graph: {counted(len(inputs), 'input')}, {counted(len(made), 'feature')}, "
        f"{len(outputs)} given to the model"
    )
    width = len(columns) * (WIDE + GAP) - GAP + 2
    height = max(map(len, columns)) * ROW + 4
    return picture(width, height, title, children, css="graph", natural=True)


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


def _edge(start: tuple[float, float], end: tuple[float, float]) -> Markup:
    x1, y1, x2, y2 = start[0] + WIDE, start[1] + BOX / 2, end[0], end[1] + BOX / 2
    bend = (x1 + x2) / 2
    return element(
        "path",
        d=f"M{x1:g} {y1:g}C{bend:g} {y1:g} {bend:g} {y2:g} {x2:g} {y2:g}",
        class_="edge",
    )


def _short(name: str) -> str:
    text = clean(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
