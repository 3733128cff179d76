"""The pictures of `docs/a-winter-of-flights.md`, as SVG files. Pure: values in, text out.

Drawn with the parts of the drift report (`governance.effects.drift_report`). A file stands alone in
a page of any colour, so it has a ground of its own. Neighbour: ``winter_story`` has the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import mean
from typing import TYPE_CHECKING, Any

from governance.effects.drift_report.drawing import (
    CURRENT,
    FROZEN,
    INK,
    REFERENCE,
    SOFT_INK,
    box,
    svg,
)
from governance.effects.drift_report.plots import Bars, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADE = "#fbe1d4"
WIDTH = 900.0
_LEFT, _RIGHT = 46.0, 62.0
_HEAD = 30.0  # of a panel: its name
_WEEK = 7  # closes of a day
_FLAG, _SEVERE = 0.1, 0.2


@dataclass(frozen=True, slots=True)
class Band:
    """An incident, from its opening to its close; ``name`` stands above it."""

    start: datetime
    end: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A KS distance over time; ``None`` where there is none."""

    feature: str
    points: Sequence[tuple[datetime, float | None]]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares as a report has them."""

    feature: str
    shares: Mapping[str, Any]


def ks_svg(lines: Sequence[Line], bands: Sequence[Band]) -> str:
    """One panel per feature: its distance to the rolling reference at every look."""
    panel, top, bottom = 92.0, 32.0, 6.0
    height = top + len(lines) * panel + bottom

    def draw(figure: Figure) -> None:
        for number, line in enumerate(lines):
            axes = _panel(figure, height - top - (number + 1) * panel, panel - _HEAD)
            _title(axes, line.feature)
            _limits(axes, named=number == 0)
            _plot(axes, line.points, color=CURRENT, width=1.2)
            _frame(axes, line.points, bands, named=number == 0, last=number == len(lines) - 1)

    title = f"KS distance of {', '.join(line.feature for line in lines)} to the 30 days before"
    return standing(svg(draw, size=(WIDTH, height), name="winter-ks", title=title))


def references_svg(pairs: Sequence[tuple[Line, Line]], bands: Sequence[Band]) -> str:
    """Rolling beside frozen, as the mean of a week's closes of a day; a dot for each close."""
    panel, top, bottom = 190.0, 54.0, 6.0
    height = top + len(pairs) * panel + bottom

    def draw(figure: Figure) -> None:
        for number, (rolling, frozen) in enumerate(pairs):
            axes = _panel(figure, height - top - (number + 1) * panel, panel - _HEAD)
            _title(axes, rolling.feature)
            for line, color, style in (
                (frozen, FROZEN, (0, (5, 2))),
                (rolling, CURRENT, "solid"),
            ):
                _dots(axes, line.points, color)
                _plot(axes, _weekly(line.points), color=color, width=2.0, style=style)
            _frame(axes, rolling.points, bands, named=number == 0, last=number == len(pairs) - 1)
        _legend(
            figure,
            height,
            WIDTH,
            {
                "rolling reference: the 30 days before": CURRENT,
                "frozen reference: 1 to 20 January": FROZEN,
            },
        )

    title = "KS distance to the rolling and to the frozen reference, means of seven days"
    return standing(svg(draw, size=(WIDTH, height), name="winter-references", title=title))


def histograms_svg(panels: Sequence[Histogram], *, window: str) -> str:
    """The window in front of its references, feature below feature."""
    width, top, heading = 620.0, 34.0, 26.0
    drawn = [
        Panel(one.feature, False, bars)
        for one in panels
        if (bars := Bars.of(one.shares, categorical=False)) is not None
    ]
    height = top + sum(panel.height(width) + heading for panel in drawn) + 6

    def draw(figure: Figure) -> None:
        colours = {window: CURRENT, "rolling reference": REFERENCE, "frozen reference": FROZEN}
        _legend(figure, height, width, colours)
        place = height - top
        for panel in drawn:
            figure.text(
                2 / width,
                (place - 14) / height,
                panel.feature,
                fontsize=12,
                fontweight="bold",
                va="center",
            )
            panel.draw(figure, top=place - heading, width=width)
            place -= heading + panel.height(width)

    names = ", ".join(panel.feature for panel in drawn)
    title = f"Shares of flights by {names}: {window}, and the reference"
    return standing(svg(draw, size=(width, height), name="winter-histogram", title=title))


def standing(element: str) -> str:
    """An element for a page as a file of its own, on white.

    >>> standing('<svg viewBox="0 0 8 6"><g/></svg>').partition(" viewBox")[0][-20:]
    'width="8" height="6"'
    """
    head, _, body = element.partition(">")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    assert size is not None
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    named = f'<svg {names} width="{size[1]}" height="{size[2]}"'
    fonts = body.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f"{head.replace('<svg', named, 1)}>{ground}{fonts}\n"


def _panel(figure: Figure, bottom: float, height: float) -> Axes:
    return box(figure, left=_LEFT, bottom=bottom + 26, width=WIDTH - _LEFT - _RIGHT, height=height)


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=11, color=INK, pad=4)


def _limits(axes: Axes, *, named: bool) -> None:
    for bound, word in ((_FLAG, "flag"), (_SEVERE, "severe")):
        axes.axhline(bound, color=SOFT_INK, linewidth=0.7, linestyle=(0, (4, 3)))
        if named:
            axes.annotate(
                f"{word} {bound:g}",
                (1, bound),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=SOFT_INK,
            )


def _plot(
    axes: Axes,
    points: Sequence[tuple[datetime, float | None]],
    *,
    color: str,
    width: float,
    style: Any = "solid",
) -> None:
    known = [(_day(at), value) for at, value in points if value is not None]
    axes.plot(*zip(*known, strict=True), color=color, linewidth=width, linestyle=style)


def _dots(axes: Axes, points: Sequence[tuple[datetime, float | None]], color: str) -> None:
    known = [(_day(at), value) for at, value in points if value is not None]
    axes.plot(
        *zip(*known, strict=True), color=color, linestyle="", marker="o", markersize=2.2, alpha=0.45
    )


def _weekly(points: Sequence[tuple[datetime, float | None]]) -> list[tuple[datetime, float | None]]:
    values = [(at, value) for at, value in points if value is not None]
    runs = [values[end - _WEEK : end] for end in range(_WEEK, len(values) + 1)]
    return [(run[-1][0], mean(value for _, value in run)) for run in runs]


def _frame(
    axes: Axes,
    points: Sequence[tuple[datetime, float | None]],
    bands: Sequence[Band],
    *,
    named: bool,
    last: bool,
) -> None:
    """Height, time and incidents of a panel; the names of incidents stand above the first one."""
    first, final = points[0][0], points[-1][0]
    for band in bands:
        axes.axvspan(_day(band.start), _day(band.end), color=SHADE, linewidth=0, zorder=0)
        if named:
            axes.annotate(
                band.name,
                (_day(band.start), 1),
                xycoords=("data", "axes fraction"),
                xytext=(0, 19),
                textcoords="offset points",
                fontsize=10,
                color=SOFT_INK,
            )
    highest = max([value for _, value in points if value is not None], default=0.0)
    axes.set_ylim(0, min(1.02, 1.08 * max(highest, _SEVERE)))
    axes.set_xlim(_day(first), _day(final))
    days = _weeks(first, final)
    axes.set_xticks([_day(at) for at in days], [f"{at.day} {at:%b}" for at in days])
    axes.tick_params(labelbottom=last)
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(_few())


def _weeks(first: datetime, final: datetime) -> list[datetime]:
    return [first + timedelta(days=day) for day in range(0, (final - first).days + 1, 7)]


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3, steps=[1, 2, 5, 10])


def _day(at: datetime) -> float:
    return at.timestamp() / 86_400


def _legend(figure: Figure, height: float, width: float, colours: Mapping[str, str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=color, linewidth=4) for color in colours.values()]
    figure.legend(
        handles,
        list(colours),
        loc="upper left",
        bbox_to_anchor=(0, 1 - 4 / height),
        ncols=len(colours),
        frameon=False,
        fontsize=10.5,
        labelcolor=SOFT_INK,
        handlelength=1.2,
        borderaxespad=0.2,
    )
