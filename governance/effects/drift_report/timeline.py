"""Drift over time: for each look the worst effect, the number of flagged features, the severity.

Severities lie in lanes of their own, so that they are told apart without colours; the time during
which an incident was open is shaded. A gap between looks stays a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby, pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from governance.effects.drift_report.drawing import CURRENT, GRID, INK, SOFT_INK, box, svg
from governance.effects.drift_report.words import STYLES, WORST_FIRST, counted, severity_of
from governance.values import Severity, parse_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADE = "#fbe1d4"
DAYS_SHOWN = 30
SIZES = {"wide": (1120.0, 330.0), "narrow": (350.0, 360.0)}


@dataclass(frozen=True, slots=True)
class LookPoint:
    """One look; ``effect`` is ``None`` where nothing could be measured."""

    at: datetime
    severity: Severity
    flagged: int
    effect: float | None
    incident: str | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> LookPoint:
        return cls(
            at=parse_time(str(given["at"])),
            severity=severity_of(given.get("severity")),
            flagged=int(given.get("flagged") or 0),
            effect=given.get("worst_effect"),
            incident=given.get("incident_id"),
        )


def look_points(history: Sequence[Mapping[str, Any]], *, until: datetime) -> list[LookPoint]:
    """The looks of the last 30 days up to ``until``, in order of time, each moment once."""
    since = until - timedelta(days=DAYS_SHOWN)
    points = {point.at: point for point in map(LookPoint.of, history)}
    return [points[at] for at in sorted(points) if since <= at <= until]


def usual_step(points: Sequence[LookPoint]) -> timedelta:
    """How far looks are apart as a rule; an hour where there are fewer than two."""
    steps = [after.at - before.at for before, after in pairwise(points)]
    return timedelta(seconds=median(step.total_seconds() for step in steps or [timedelta(hours=1)]))


def runs(points: Sequence[LookPoint], step: timedelta) -> Iterator[list[LookPoint]]:
    """Stretches without a gap of more than three usual steps."""
    run: list[LookPoint] = []
    for point in points:
        if run and point.at - run[-1].at > 3 * step:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def timeline_svg(
    points: Sequence[LookPoint], *, limits: Mapping[str, Any], shape: str = "wide"
) -> str:
    """``shape`` is a key of ``SIZES``: the same for a wide page and for a telephone."""
    across, up = SIZES[shape]
    wide = shape == "wide"
    alarmed = len({point.incident for point in points if point.incident})
    title = (
        f"{counted(len(points), 'look')} over time: worst effect, flagged features and severity; "
        f"{counted(alarmed, 'incident')}"
    )

    def draw(figure: Figure) -> None:
        left = 92.0 if wide else 78.0
        width = across - left - (92 if wide else 12)
        heights = {"effect": 0.42, "flagged": 0.2, "severity": 0.38}
        room = up - 20 - 3 * 24
        top = up
        panels: dict[str, Axes] = {}
        for key, part in heights.items():
            top -= 24 + part * room
            panels[key] = box(figure, left=left, bottom=top, width=width, height=part * room)
        step = usual_step(points)
        _effect(panels["effect"], points, step, limits, wide)
        _flagged(panels["flagged"], points, step)
        _lanes(panels["severity"], points, step)
        for key, axes in panels.items():
            _shade(axes, points, step)
            _time_axis(axes, points, step, last=key == "severity", wide=wide)

    return svg(draw, size=(across, up), name=f"time-{shape}", title=title)


def _effect(
    axes: Axes,
    points: Sequence[LookPoint],
    step: timedelta,
    limits: Mapping[str, Any],
    wide: bool,
) -> None:
    _heading(axes, "Worst effect of a feature")
    highest = max([point.effect or 0.0 for point in points], default=0.0)
    highest = min(1.05, max(0.3, 1.15 * highest))
    for key, word in (("flagged_effect", "flag"), ("urgent_effect", "severe")):
        if isinstance(bound := limits.get(key), int | float) and bound < highest:
            axes.axhline(bound, color=SOFT_INK, linewidth=0.9, linestyle=(0, (4, 3)))
            if wide:
                axes.annotate(
                    f"{word} ≥ {bound:g}",
                    (1, bound),
                    xycoords=("axes fraction", "data"),
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=10,
                    color=SOFT_INK,
                )
    for run in runs([point for point in points if point.effect is not None], step):
        axes.plot(
            [_day(point.at) for point in run],
            [point.effect or 0.0 for point in run],
            color=CURRENT,
            linewidth=1.6,
            marker="o" if len(run) == 1 else "",
            markersize=3,
        )
    if points and points[-1].effect is not None:
        axes.plot([_day(points[-1].at)], [points[-1].effect], "o", color=CURRENT, markersize=5)
    axes.set_ylim(0, highest)
    axes.grid(axis="y")


def _flagged(axes: Axes, points: Sequence[LookPoint], step: timedelta) -> None:
    from matplotlib.ticker import MaxNLocator

    _heading(axes, "Flagged features")
    for run in runs(points, step):
        changes = [next(group) for _, group in groupby(run, lambda point: point.flagged)]
        times = [_day(point.at) for point in changes] + [_day(run[-1].at + step)]
        counts = [point.flagged for point in changes] + [run[-1].flagged]
        axes.fill_between(times, counts, step="post", color=CURRENT, alpha=0.85, linewidth=0)
    axes.set_ylim(0, max(2, *(point.flagged for point in points)) * 1.1)
    axes.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    axes.grid(axis="y")


def _lanes(axes: Axes, points: Sequence[LookPoint], step: timedelta) -> None:
    _heading(axes, "Severity")
    for lane, severity in enumerate(WORST_FIRST):
        axes.axhline(lane, color=GRID, linewidth=0.8, zorder=0.5)
        style = STYLES[severity]
        bars = [
            (_day(stretch[0].at), _day(stretch[-1].at + step))
            for run in runs(points, step)
            for kind, stretch in ((k, list(g)) for k, g in groupby(run, lambda p: p.severity))
            if kind is severity
        ]
        if bars:
            starts = [start for start, _ in bars]
            axes.barh(
                [lane] * len(bars),
                [end - start for start, end in bars],
                left=starts,
                height=0.62,
                color=style.solid,
                edgecolor=style.solid,
                linewidth=0.6,
            )
    axes.set_yticks(range(len(WORST_FIRST)), [STYLES[s].word for s in WORST_FIRST])
    axes.set_ylim(len(WORST_FIRST) - 0.4, -0.6)


def _shade(axes: Axes, points: Sequence[LookPoint], step: timedelta) -> None:
    for incident, stretch in groupby(points, lambda point: point.incident):
        if incident:
            looks = list(stretch)
            start, end = _day(looks[0].at), _day(looks[-1].at + step)
            axes.axvspan(start, end, color=SHADE, linewidth=0, zorder=0)


def _day(at: datetime) -> float:
    """Where a moment lies on the axis of time, in days."""
    return at.timestamp() / 86_400


def _heading(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=11, color=INK, pad=6)


def _time_axis(
    axes: Axes, points: Sequence[LookPoint], step: timedelta, *, last: bool, wide: bool
) -> None:
    first, final = points[0].at, points[-1].at + step
    edge = 0.005 * (final - first)
    axes.set_xlim(_day(first - edge), _day(final + edge))
    ticks = time_ticks(first, final, most=11 if wide else 5)
    names = [f"{t:%H:%M}" if t.hour else f"{t.day} {t:%b}" for t in ticks]
    axes.set_xticks([_day(t) for t in ticks], names)
    axes.tick_params(labelbottom=last)


def time_ticks(first: datetime, final: datetime, *, most: int) -> list[datetime]:
    """At most ``most`` round moments: midnights (UTC), or hours where the time is short.

    >>> from datetime import UTC
    >>> [f"{t:%d %H}" for t in time_ticks(datetime(2013, 2, 7, 20, tzinfo=UTC),
    ...                                   datetime(2013, 2, 8, 18, tzinfo=UTC), most=5)]
    ['08 00', '08 06', '08 12', '08 18']
    """
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    for hours in chain((1, 3, 6, 12, 24, 48, 96), (168 << doubled for doubled in range(24))):
        step = timedelta(hours=hours)
        start = midnight + -(-(first - midnight) // step) * step
        if (final - start) // step < most:
            break
    return [start + i * step for i in range(max(0, (final - start) // step + 1))]
