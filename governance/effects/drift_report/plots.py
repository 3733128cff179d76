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
_BAR = 22.0  # pixels for one lying bar
_CHARACTER = 6.4  # width of one at 10 pixels, generously
WIDTH, HEIGHT = 350.0, 210.0
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


def feature_svg(bars: Bars, *, feature: str, categorical: bool, name: str) -> str:
    """The plot of one feature for a page; ``name`` must be its own in the page."""
    height = _needed(bars) if categorical else HEIGHT
    moved = max(
        (abs(after - before), label)
        for label, before, after in zip(bars.labels, bars.reference, bars.current, strict=True)
    )
    title = (
        f"{feature}: shares of rows in the reference and in the window; the largest change is "
        f"{100 * moved[0]:.0f} points at {moved[1]}"
    )

    def draw(figure: Figure) -> None:
        _panel(figure, bars, feature, categorical, top=height, height=height, width=WIDTH)

    return svg(draw, size=(WIDTH, height), name=name, title=title)


def features_png(features: Sequence[tuple[str, bool, Bars]], *, window: str) -> bytes:
    """One picture of several features below each other: (name, categorical?, bars)."""
    width, legend, heading = PICTURE_WIDTH, 34.0, 30.0
    heights = [_needed(bars) if categorical else 190.0 for _, categorical, bars in features]
    whole = legend + sum(height + heading for height in heights)

    def draw(figure: Figure) -> None:
        has_frozen = any(bars.frozen for _, _, bars in features)
        _legend(figure, whole, width, window, has_frozen)
        top = whole - legend
        for (feature, categorical, bars), height in zip(features, heights, strict=True):
            label = _short(feature) if len(feature) > 60 else clean(feature)
            figure.text(
                2 / width, (top - 16) / whole, label, fontsize=13, fontweight="bold", va="center"
            )
            _panel(figure, bars, feature, categorical, top - heading, height, width)
            top -= heading + height

    return png(draw, size=(width, whole), shown_width=SHOWN_WIDTH)


def _needed(bars: Bars) -> float:
    return 58 + _BAR * len(bars.labels)


def _panel(
    figure: Figure,
    bars: Bars,
    feature: str,
    categorical: bool,
    top: float,
    height: float,
    width: float,
) -> None:
    longest = max(len(label) for label in bars.labels)
    if categorical:
        left = 16 + _CHARACTER * longest
        axes = box(
            figure, left=left, bottom=top - height + 44, width=width - left - 20, height=height - 52
        )
        _lying(axes, bars)
        return
    room = (width - 62) / len(bars.labels)
    turned = longest * _CHARACTER > room
    below = 26 + (10 + longest * _CHARACTER * 0.64 if turned else 16)
    axes = box(
        figure, left=54, bottom=top - height + below, width=width - 62, height=height - below - 10
    )
    _upright(axes, bars, turned)
    axes.set_xlabel(f"{_short(feature)}, in groups of the reference", fontsize=10, loc="right")


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
