"""Figures without state: settings for one drawing, and what a figure becomes (inline SVG, PNG).

matplotlib is used through its objects, never through pyplot, and only imported when something is
drawn. The bytes depend on what is drawn alone: no dates, no random ids. One pixel of the page is
one point of a figure (72 dpi).

Not promised: that two threads may draw at once; matplotlib's settings are the process's.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from governance.effects.drift_report.templating import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT_INK, GRID = "#1c2733", "#4d5b69", "#dfe4e9"
REFERENCE, CURRENT, FROZEN = "#c3ccd6", "#1f5fa8", "#111820"

Draw = Callable[["Figure"], None]


@contextmanager
def _settings(salt: str) -> Iterator[None]:
    from matplotlib import rc_context

    chosen: dict[Any, Any] = {
        "svg.hashsalt": salt,
        "svg.fonttype": "none",  # text stays text: selectable, searchable, in the page's font
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "axes.unicode_minus": False,
        "font.family": ["DejaVu Sans"],  # comes with matplotlib, so widths are the same anywhere
        "font.size": 11,
        "text.color": INK,
        "axes.labelcolor": SOFT_INK,
        "axes.edgecolor": "#9aa6b2",
        "axes.linewidth": 0.8,
        "xtick.color": SOFT_INK,
        "ytick.color": SOFT_INK,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "path.simplify": True,
    }
    with rc_context(chosen), warnings.catch_warnings():
        # A name in a script that the font lacks: the browser has it, and the text beside says it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def svg(draw: Draw, *, size: tuple[float, float], name: str, title: str) -> str:
    """An ``<svg>`` element to stand inline in a page; ids begin with ``name``, so that several
    stand in one page. ``size`` is in pixels, ``title`` is read to those who do not see it.
    """
    from matplotlib.figure import Figure

    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with _settings(name):
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72, facecolor="none")
        draw(figure)
        target = BytesIO()
        figure.savefig(target, format="svg", metadata=nothing)
    text = target.getvalue().decode()
    body = text[text.index(">", text.index("<svg")) + 1 :]
    body = re.sub(r"<(style|metadata).*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", body)
    return (
        f'<svg role="img" aria-label="{escape(clean(title))}" viewBox="0 0 {size[0]:g} {size[1]:g}"'
        f' style="max-width:{size[0]:g}px">{body.strip()}'
    )


def png(draw: Draw, *, size: tuple[float, float], shown_width: float) -> bytes:
    """The same as a PNG picture, with two dots for each pixel of the width it is shown in."""
    from matplotlib.figure import Figure

    with _settings("png"):
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72, facecolor="white")
        draw(figure)
        target = BytesIO()
        figure.savefig(
            target, format="png", dpi=144 * shown_width / size[0], metadata={"Software": None}
        )
    return target.getvalue()


def box(figure: Figure, *, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place given in pixels from the lower left corner, without a frame on two sides."""
    across, up = (72 * length for length in figure.get_size_inches())
    axes = figure.add_axes((left / across, bottom / up, width / across, height / up))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, labelsize=10)
    axes.set_axisbelow(True)
    return axes
