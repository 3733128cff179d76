"""Candidate minus champion: each session, and the mean with its interval after each of them.

The interval holds at every look (``governance.policy.promotion.paired_test``), so that looking at
the picture every day is no way to be fooled. Drawn is what the gate itself would say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isfinite, sqrt

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
from governance.policy.promotion.paired_test import PairedTest

MOST_LOOKS = 40  # that are computed: an interval takes a tenth of a millisecond or more
LEFT, RIGHT, TOP, BOTTOM = 58.0, 8.0, 20.0, 24.0


@dataclass(frozen=True, slots=True)
class Look:
    """After ``pairs`` sessions; ``low`` and ``high`` are ``None`` before there is a spread."""

    pairs: int
    mean: float
    low: float | None
    high: float | None


def looks(differences: Sequence[float], *, candidates: int, alpha: float) -> list[Look]:
    """The mean and its interval as sessions came in; always with the last one.

    >>> [look.pairs for look in looks([0.1, 0.3, 0.2], candidates=1, alpha=0.05)]
    [1, 2, 3]
    """
    total = len(differences)
    step = max(1, -(-total // MOST_LOOKS))
    wanted = sorted({*range(step, total + 1, step), total} - {0})
    found = []
    for pairs in wanted:
        seen = differences[:pairs]
        mean = fsum(seen) / pairs
        sd = sqrt(fsum((one - mean) ** 2 for one in seen) / (pairs - 1)) if pairs > 1 else None
        said = PairedTest(pairs, mean, sd, candidates, alpha).interval or (None, None)
        low, high = (None if end is None or not isfinite(end) else end for end in said)
        found.append(Look(pairs, mean, low, high))
    return found


def paired_chart(differences: Sequence[float], found: Sequence[Look], *, unit: str) -> Markup:
    """Points are sessions, the line is the mean, the band its interval."""
    bounded = [look for look in found if look.low is not None and look.high is not None]
    # Of the few first sessions the interval is so wide that it would flatten all the rest.
    shown = [look for look in bounded if look.pairs >= 5] or bounded
    last = found[-1]
    said = f"mean difference {last.mean:.4g} after {last.pairs} sessions"
    if last.low is not None and last.high is not None:
        said += f", between {last.low:.4g} and {last.high:.4g} at every look"
    title = f"Candidate minus champion, {said}"

    def draw(width: float, height: float, css: str) -> Markup:
        ends = [end for look in shown for end in (look.low, look.high)]
        low, high = spread([*differences, *ends, 0.0])
        up = Scale(low, high, height - BOTTOM, TOP)
        along = Scale(1, max(len(differences), 2), LEFT + 6, width - RIGHT - 6)
        children = up_axis(up, LEFT, width - RIGHT, unit=unit)
        if shown:
            upper = [(along(look.pairs), up(look.high or 0.0)) for look in shown]
            lower = [(along(look.pairs), up(look.low or 0.0)) for look in reversed(shown)]
            children.append(element("path", d=path([*upper, *lower]) + "Z", class_="band"))
        children += [
            element("circle", cx=along(n), cy=up(one), r=2.5, class_="dot")
            for n, one in enumerate(differences, 1)
        ]
        line = [(along(look.pairs), up(look.mean)) for look in found]
        children.append(element("path", d=path(line), class_="line"))
        labels = [(along(1), "session 1"), (along(len(differences)), str(len(differences)))]
        children += along_axis(labels if len(differences) > 1 else labels[:1], height - 6)
        return picture(width, height, title, children, css=css)

    return both(draw, (960, 280), (360, 230))
