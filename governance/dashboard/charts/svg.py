"""SVG in the smallest words: elements whose texts are escaped, a linear scale, round ticks. Pure.

No styles stand in a picture, which a strict Content-Security-Policy would refuse: shapes have
classes of the style sheet, positions are attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor, isfinite, log10

from markupsafe import Markup, escape

from governance.dashboard.words import clean, figure


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """
    >>> print(element("text", "a < b", x=1.50, class_="tick"))
    <text x="1.5" class="tick">a &lt; b</text>
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(
        child if isinstance(child, Markup) else escape(clean(child)) for child in children
    )
    return Markup(f"<{name}{given}>{inside}</{name}>")  # noqa: S704 - every part is escaped above


def _text(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else clean(value)


def picture(
    width: float,
    height: float,
    title: str,
    children: Iterable[object],
    *,
    css: str,
    natural: bool = False,
    links: bool = False,
) -> Markup:
    """A whole picture; ``title`` is what people hear who do not see it.

    Args:
        natural: as large as it is drawn, to be scrolled; else as wide as its place.
        links: has it links inside? Then it is a group of things, and no image.
    """
    return element(
        "svg",
        element("title", title),
        *children,
        width=width if natural else None,
        height=height if natural else None,
        viewBox=f"0 0 {width:g} {height:g}",
        class_=css,
        role="group" if links else "img",
        aria_label=title,
    )


def both(draw: object, wide: tuple[float, float], narrow: tuple[float, float]) -> Markup:
    """The picture twice, for wide and for narrow windows: text that is scaled cannot be read.

    Args:
        draw: called with width, height and the class that shows it.
    """
    assert callable(draw)
    return Markup("").join([draw(*wide, "chart wide"), draw(*narrow, "chart narrow")])


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from ``low`` to ``high`` on pixels from ``start`` to ``end``.

    >>> Scale(0, 10, 100, 200)(5)
    150.0
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        share = 0.5 if span <= 0 else (value - self.low) / span
        return self.start + share * (self.end - self.start)


def spread(values: Iterable[float | None], *, zero: bool = False) -> tuple[float, float]:
    """The range that shows all of them, with a little air.

    >>> spread([1.0, None, 3.0])
    (0.88, 3.12)
    >>> spread([]), spread([2.0], zero=True)
    ((0.0, 1.0), (0.0, 2.12))
    """
    found = [value for value in values if value is not None and isfinite(value)]
    if zero:
        found.append(0.0)
    if not found:
        return 0.0, 1.0
    low, high = min(found), max(found)
    air = 0.06 * ((high - low) or abs(high) or 1.0)
    return (low if zero and low == 0 else low - air), (high if zero and high == 0 else high + air)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within the range.

    >>> ticks(0, 10), ticks(-0.12, 0.31)
    ([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [-0.1, 0.0, 0.1, 0.2, 0.3])
    """
    span = high - low
    if not (span > 0 and isfinite(span)):
        return [low]
    rough = span / most
    power = 10.0 ** floor(log10(rough))
    step = next(power * by for by in (1, 2, 2.5, 5, 10) if power * by >= rough * 0.999)
    first = ceil(low / step - 1e-9)
    return [round(step * number, 12) for number in range(first, floor(high / step + 1e-9) + 1)]


def up_axis(scale: Scale, left: float, right: float, *, unit: str) -> list[Markup]:
    """Lines across with their values to the left, and the unit above them."""
    made = [element("text", unit, x=0, y=11, class_="unit")]
    for value in ticks(scale.low, scale.high):
        y = scale(value)
        css = "zero" if value == 0 else "grid"
        made.append(element("line", x1=left, x2=right, y1=y, y2=y, class_=css))
        made.append(element("text", figure(value), x=left - 6, y=y + 4, class_="tick end"))
    return made


def along_axis(labels: Sequence[tuple[float, str | datetime]], y: float) -> list[Markup]:
    """Labels below; the first begins and the last ends at its place, so that none is cut. A moment
    is told as a day in UTC, and by the script in the reader's zone.
    """
    last = len(labels) - 1
    made = []
    for number, (x, label) in enumerate(labels):
        css = "tick" if number == 0 else "tick end" if number == last else "tick middle"
        stamp = label.isoformat(timespec="seconds") if isinstance(label, datetime) else None
        said = f"{label.astimezone(UTC):%Y-%m-%d} UTC" if isinstance(label, datetime) else label
        made.append(element("text", said, x=x, y=y, class_=css, data_time=stamp))
    return made


def path(points: Iterable[tuple[float, float]]) -> str:
    """
    >>> path([(0, 1), (2.5, 3)])
    'M0 1L2.5 3'
    """
    return "".join(
        f"{'L' if number else 'M'}{_text(float(x))} {_text(float(y))}"
        for number, (x, y) in enumerate(points)
    )


def bar(share: float, *, css: str, title: str, limit: float | None = None) -> Markup:
    """One lying bar as wide as its place; ``limit`` is a line across it. Shares are 0 to 1."""
    children = [
        element("rect", x=0, y=1, width=100.0, height=8, class_="track"),
        element("rect", x=0, y=1, width=100 * min(max(share, 0.0), 1.0), height=8, class_=css),
    ]
    if limit is not None:
        at = 100 * min(max(limit, 0.0), 1.0)
        children.append(element("rect", x=min(at, 99.2), y=0, width=0.8, height=10, class_="limit"))
    return element(
        "svg",
        element("title", title),
        *children,
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        class_="bar",
        role="img",
        aria_label=title,
    )
