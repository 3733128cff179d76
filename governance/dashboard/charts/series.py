"""One figure of one feature over time, with the limit that it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from governance.dashboard.charts.svg import (
    Scale,
    along_axis,
    both,
    element,
    path,
    picture,
    spread,
    up_axis,
)
from governance.dashboard.words import when

LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 20.0, 24.0


def series(
    points: Sequence[tuple[datetime, float, str]],
    *,
    unit: str,
    title: str,
    limit: float | None,
    chosen: datetime | None = None,
) -> Markup:
    """
    Args:
        points: moment, value, severity; oldest first, at least one.
        chosen: the moment that is looked at now.
    """

    def draw(width: float, height: float, css: str) -> Markup:
        low, high = spread([*(value for _, value, _ in points), limit], zero=True)
        up = Scale(low, high, height - BOTTOM, TOP)
        first, last = points[0][0], points[-1][0]
        along = Scale(first.timestamp(), last.timestamp(), LEFT + 6, width - RIGHT - 6)
        children = up_axis(up, LEFT, width - RIGHT, unit=unit)
        if limit is not None:
            y = up(limit)
            children.append(
                element("line", x1=LEFT, x2=width - RIGHT, y1=y, y2=y, class_="limit-line")
            )
        line = [(along(at.timestamp()), up(value)) for at, value, _ in points]
        children.append(element("path", d=path(line), class_="line thin"))
        for (x, y), (at, value, severity) in zip(line, points, strict=True):
            says = element("title", f"{when(at)}: {value:.4g}, {severity}")
            radius = 5 if at == chosen else 3
            children.append(element("circle", says, cx=x, cy=y, r=radius, class_=f"dot {severity}"))
        labels = [(along(first.timestamp()), first)]
        if last > first:
            labels.append((along(last.timestamp()), last))
        return picture(width, height, title, [*children, *along_axis(labels, height - 6)], css=css)

    return both(draw, (960, 220), (360, 190))
