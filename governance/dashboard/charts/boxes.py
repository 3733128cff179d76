"""Boxes in columns with lines between them: what feature graphs and lineages have in common. Pure.

Rows of a column stand in the order given. A line leaves a box on the side that faces the other one;
within a column it bends around. The picture keeps its size and is scrolled where it is too wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from governance.dashboard.charts.svg import element, picture
from governance.dashboard.words import clean

MOST = 80  # boxes that can be taken in
BOX, ROW, WIDE, GAP = 24.0, 34.0, 216.0, 60.0
_LONGEST = 32
_BEND = 26.0


@dataclass(frozen=True, slots=True)
class Box:
    """``css``: what kind it is. ``title``: all that is said of it. ``href``: where it leads."""

    id: str
    label: str
    column: int
    css: str
    title: str
    href: str = ""


def boxes_picture(
    boxes: Sequence[Box], lines: Iterable[tuple[str, str, str]], *, title: str
) -> Markup:
    """
    Args:
        lines: from, to, and what is said of it; one without an end among the boxes is not drawn.
    """
    rows: dict[int, int] = {}
    places: dict[str, tuple[float, float]] = {}
    columns = {column: at for at, column in enumerate(sorted({box.column for box in boxes}))}
    for box in boxes:
        row = rows.get(box.column, 0)
        rows[box.column] = row + 1
        places[box.id] = (columns[box.column] * (WIDE + GAP) + 1, row * ROW + 5)
    children = [
        _line(places[source], places[target], said)
        for source, target, said in lines
        if source in places and target in places
    ]
    children += [_box(box, *places[box.id]) for box in boxes]
    width = len(columns) * (WIDE + GAP) - GAP + _BEND + 4
    height = max(rows.values(), default=0) * ROW + 4
    links = any(box.href for box in boxes)
    return picture(width, height, title, children, css="graph", natural=True, links=links)


def _box(box: Box, x: float, y: float) -> Markup:
    inside = [
        element("title", box.title),
        element("rect", x=x, y=y, width=WIDE, height=BOX, rx=4, class_=f"box {box.css}"),
        element("text", _short(box.label), x=x + 8, y=y + 16, class_="label"),
    ]
    return element("a", *inside, href=box.href) if box.href else element("g", *inside)


def _line(start: tuple[float, float], end: tuple[float, float], said: str) -> Markup:
    (x1, y1), (x2, y2) = start, end
    y1, y2 = y1 + BOX / 2, y2 + BOX / 2
    if x1 == x2:
        x1, x2 = x1 + WIDE, x2 + WIDE
        bends = (x1 + _BEND, x1 + _BEND)
    else:
        x1, x2 = (x1 + WIDE, x2) if x1 < x2 else (x1, x2 + WIDE)
        bends = ((x1 + x2) / 2, (x1 + x2) / 2)
    way = f"M{x1:g} {y1:g}C{bends[0]:g} {y1:g} {bends[1]:g} {y2:g} {x2:g} {y2:g}"
    return element("path", element("title", said), d=way, class_="edge")


def _short(name: str) -> str:
    text = clean(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
