"""Which version decided when: one bar for each activation, in order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from governance.dashboard.charts.svg import Scale, along_axis, both, element, picture
from governance.dashboard.words import clean, when

MOST = 14  # newest activations that are drawn; the table beside has all
ROW, TOP, BOTTOM, RIGHT = 22.0, 4.0, 22.0, 6.0
_LONGEST = 14


def timeline(activations: Sequence[Mapping[str, Any]], *, now: datetime) -> Markup:
    """
    Args:
        activations: oldest first: version, effective_at, operation, forced.
        now: up to which the last one decides.
    """
    given = activations[-MOST:]
    starts = [one["effective_at"] for one in given]
    ends = [*starts[1:], max(now, starts[-1])]
    live = given[-1]["version"]
    said = f"{live} decides since {when(starts[-1])}" if live else "no version decides now"
    title = f"The last {len(given)} activations; {said}"
    longest = max(len(_label(one)) for one in given)

    def draw(width: float, _: float, css: str) -> Markup:
        left = 12 + 7.2 * longest
        height = TOP + ROW * len(given) + BOTTOM
        along = Scale(starts[0].timestamp(), max(ends).timestamp(), left, width - RIGHT)
        children = []
        for row, (one, start, end) in enumerate(zip(given, starts, ends, strict=True)):
            y = TOP + ROW * row
            x = along(start.timestamp())
            wide = max(along(end.timestamp()) - x, 3.0)
            middle = y + ROW / 2
            children.append(
                element("line", x1=left, x2=width - RIGHT, y1=middle, y2=middle, class_="grid")
            )
            children.append(element("text", _label(one), x=0, y=middle + 4, class_="tick"))
            if one["version"] is not None:
                look = f"span {one['operation']}{' forced' if one['forced'] else ''}"
                look += " now" if row == len(given) - 1 else ""
                says = element("title", f"{_label(one)}: {when(start)} to {when(end)}")
                children.append(
                    element("rect", says, x=x, y=y + 4, width=wide, height=ROW - 8, class_=look)
                )
            if one["forced"]:
                inside = wide > 16
                css_of = "mark" if inside else "mark beside"
                at = x + 3 if inside else x + wide + 3
                children.append(element("text", "▲", x=at, y=middle + 4, class_=css_of))
        labels = [(left, starts[0]), (width - RIGHT, max(ends))]
        return picture(width, height, title, [*children, *along_axis(labels, height - 5)], css=css)

    return both(draw, (960, 0), (360, 0))


def _label(one: Mapping[str, Any]) -> str:
    text = clean(one["version"] or "none")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
