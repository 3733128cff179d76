"""Reference against current, as bars: one picture for each feature, or the worst ones in a mail.

A pale wide bar is the reference, a dark narrow one in front of it the window, a black line the
frozen reference. Numbers stand upright on the reference's groups, categories lie with their names.
Neighbours: ``drawing`` (how a figure becomes bytes), ``timeline`` (drift over time).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from governance.effects.drift_report.drawing import (
    CURRENT,
    FROZEN,
    INK,
    REFERENCE,
    SOFT_INK,
    box,
    png,
    svg,
)
from governance.effects.drift_report.templating import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS = 12
LONGEST_LABEL = 22
_LONGEST_HEADING = 44
_BAR = 22.0  # pixels for one lying bar
_CHARACTER = 6.4  # width of one at 10 pixels, generously
WIDTH = 350.0
_AREA = 118.0  # height of the bars' own area, upright
# A mail's picture is drawn narrow and shown wide, so that it can be read on a telephone too.
PICTURE_WIDTH, SHOWN_WIDTH = 440.0, 596.0


@dataclass(frozen=True, slots=True)
class Bars:
    """Shares (0 to 1) of rows by label; ``frozen`` may be empty."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    frozen: tuple[float, ...] = ()

    @classmethod
    def of(cls, histogram: Mapping[str, Any] | None, *, categorical: bool) -> Bars | None:
        """``None`` where there is nothing to draw: no histogram, or one without matching shares.

        Of many categories those that hold the most rows are shown, the others as one bar.

        >>> histogram = {"labels": ["a", "b"], "reference": [0.5, 0.5], "current": [0.9, 0.1]}
        >>> Bars.of(histogram, categorical=True).current
        (0.9, 0.1)
        >>> Bars.of({"labels": ["a"], "reference": [1.0]}, categorical=True) is None
        True
        """
        given = histogram or {}
        labels = tuple(_short(label) for label in given.get("labels") or ())
        shares = {key: _shares(given.get(key)) for key in ("reference", "current", "frozen")}
        if not labels or any(len(shares[key]) != len(labels) for key in ("reference", "current")):
            return None
        frozen = shares["frozen"] if len(shares["frozen"]) == len(labels) else ()
        whole = cls(labels, shares["reference"], shares["current"], frozen)
        return whole._fewer() if categorical and len(labels) > MOST_BARS else whole

    @property
    def highest(self) -> float:
        return max(0.05, *self.reference, *self.current, *self.frozen)

    def _fewer(self) -> Bars:
        weight = [max(pair) for pair in zip(self.reference, self.current, strict=True)]
        ranked = sorted(range(len(weight)), key=lambda i: (-weight[i], i))
        shown, rest = ranked[: MOST_BARS - 1], ranked[MOST_BARS - 1 :]
        kept = sorted(shown)

        def gather(values: tuple[float, ...]) -> tuple[float, ...]:
            return (*(values[i] for i in kept), sum(values[i] for i in rest)) if values else ()

        labels = (*(self.labels[i] for i in kept), f"{len(rest):,} others")
        return Bars(labels, gather(self.reference), gather(self.current), gather(self.frozen))


def _short(label: object) -> str:
    text = clean(label)
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def _shares(values: Sequence[float | None] | None) -> tuple[float, ...]:
    """No share is no bar, whatever stands for it."""
    return tuple(
        float(v) if isinstance(v, int | float) and isfinite(v) else 0.0 for v in values or ()
    )


@dataclass(frozen=True, slots=True)
class Panel:
    """The plot of one feature; as high as its labels need."""

    feature: str
    categorical: bool
    bars: Bars

    def height(self, width: float) -> float:
        if self.categorical:
            return 58 + _BAR * len(self.bars.labels)
        return 10 + _AREA + self._below(width)

    def draw(self, figure: Figure, *, top: float, width: float) -> None:
        """Into ``figure``, from ``top`` pixels down."""
        bottom = top - self.height(width)
        if self.categorical:
            left = 16 + _CHARACTER * self._longest
            area = _BAR * len(self.bars.labels) + 6
            axes = box(figure, left=left, bottom=bottom + 44, width=width - left - 20, height=area)
            _lying(axes, self.bars)
            return
        bottom += self._below(width)
        axes = box(figure, left=54, bottom=bottom, width=width - 62, height=_AREA)
        _upright(axes, self.bars, self._turned(width))
        named = f"{_short(self.feature)}, in groups of the reference"
        axes.set_xlabel(named, fontsize=10, loc="right")

    @property
    def _longest(self) -> int:
        return max(len(label) for label in self.bars.labels)

    def _turned(self, width: float) -> bool:
        """Do the labels need more room than a bar has?"""
        return self._longest * _CHARACTER > (width - 62) / len(self.bars.labels)

    def _below(self, width: float) -> float:
        return 26 + (10 + self._longest * _CHARACTER * 0.62 if self._turned(width) else 16)


def feature_svg(panel: Panel, *, name: str) -> str:
    """The plot of one feature for a page; ``name`` must be its own in the page."""
    bars, height = panel.bars, panel.height(WIDTH)
    moved = max(
        (abs(after - before), label)
        for label, before, after in zip(bars.labels, bars.reference, bars.current, strict=True)
    )
    title = (
        f"{panel.feature}: shares of rows in the reference and in the window; the largest change "
        f"is {100 * moved[0]:.0f} points at {moved[1]}"
    )

    def draw(figure: Figure) -> None:
        panel.draw(figure, top=height, width=WIDTH)

    return svg(draw, size=(WIDTH, height), name=name, title=title)


def features_png(panels: Sequence[Panel], *, window: str) -> bytes:
    """One picture of several features below each other, each under its name."""
    width, legend, heading = PICTURE_WIDTH, 34.0, 30.0
    whole = legend + sum(panel.height(width) + heading for panel in panels)

    def draw(figure: Figure) -> None:
        _legend(figure, whole, width, window, any(panel.bars.frozen for panel in panels))
        top = whole - legend
        for panel in panels:
            name = clean(panel.feature)
            label = name if len(name) <= _LONGEST_HEADING else f"{name[: _LONGEST_HEADING - 1]}…"
            figure.text(
                2 / width, (top - 16) / whole, label, fontsize=13, fontweight="bold", va="center"
            )
            panel.draw(figure, top=top - heading, width=width)
            top -= heading + panel.height(width)

    return png(draw, size=(width, whole), shown_width=SHOWN_WIDTH)


def _upright(axes: Axes, bars: Bars, turned: bool) -> None:
    places = range(len(bars.labels))
    axes.bar(places, bars.reference, width=0.86, color=REFERENCE)
    axes.bar(places, bars.current, width=0.46, color=CURRENT)
    if bars.frozen:
        ends = [(place - 0.43, place + 0.43) for place in places]
        axes.hlines(bars.frozen, *zip(*ends, strict=True), color=FROZEN, linewidth=1.8)
    axes.set_xticks(
        list(places),
        bars.labels,
        rotation=40 if turned else 0,
        ha="right" if turned else "center",
        rotation_mode="anchor",
    )
    axes.set_xlim(-0.6, len(bars.labels) - 0.4)
    axes.set_ylim(0, bars.highest * 1.06)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.yaxis.set_major_locator(_few_ticks())
    axes.yaxis.set_major_formatter(_percent())
    axes.set_ylabel("share of rows", fontsize=10)


def _lying(axes: Axes, bars: Bars) -> None:
    places = range(len(bars.labels))
    axes.barh(places, bars.reference, height=0.8, color=REFERENCE)
    axes.barh(places, bars.current, height=0.42, color=CURRENT)
    if bars.frozen:
        ends = [(place - 0.4, place + 0.4) for place in places]
        axes.vlines(bars.frozen, *zip(*ends, strict=True), color=FROZEN, linewidth=1.8)
    axes.set_yticks(list(places), bars.labels)
    axes.set_ylim(len(bars.labels) - 0.4, -0.6)
    axes.set_xlim(0, bars.highest * 1.04)
    axes.grid(axis="x")
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.set_major_locator(_few_ticks())
    axes.xaxis.set_major_formatter(_percent())
    axes.set_xlabel("share of rows", fontsize=10, loc="right")


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4, steps=[1, 2, 2.5, 5, 10])


def _percent() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{100 * value:g} %")


def _legend(figure: Figure, whole: float, width: float, window: str, has_frozen: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    entries: list[tuple[Any, str]] = [
        (Rectangle((0, 0), 1, 1, color=CURRENT), window),
        (Rectangle((0, 0), 1, 1, color=REFERENCE), "reference"),
    ]
    if has_frozen:
        entries.append((Line2D([], [], color=FROZEN, linewidth=1.8), "frozen reference"))
    handles, labels = zip(*entries, strict=True)
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(-4 / width, 1 - 2 / whole),
        ncols=len(entries),
        frameon=False,
        fontsize=11,
        labelcolor=SOFT_INK,
        handlelength=1.2,
        borderaxespad=0.4,
    )
    figure.add_artist(Line2D([0, 1], [1 - 32 / whole] * 2, color=INK, alpha=0.12, linewidth=0.8))
