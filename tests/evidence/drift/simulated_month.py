"""Two months of features without drift, or with a step, looked at every hour of the second month.

AR(0.9) at five minutes with a weekend effect of half a standard deviation, 100 features: data of
which a plain test calls most features drifted on any day. Looks go through the product's own parts
(reference, comparison, findings, episodes) on profiles; only the database and the files are left
out, which change no figure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from scipy.signal import lfilter

from governance.evidence.drift.normal.calendar import HOUR, DayCalendar
from governance.evidence.drift.normal.comparison import compare
from governance.evidence.drift.normal.reference import Reference
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.edges import numeric_edges
from governance.evidence.drift.profiles.layout import Layout
from governance.policy.drift.episodes import Episode, EpisodeEvent, step
from governance.policy.drift.facts import Look
from governance.policy.drift.findings import judge
from governance.policy.drift.limits import DriftLimits

FEATURES, SHIFTED, MONTH = 100, 10, 30
_AN_HOUR, _PHI, _WEEKEND = 12, 0.9, 0.5
_START = date(2026, 3, 2)  # a Monday


@dataclass(frozen=True, slots=True)
class Raised:
    """An event and the hour, counted from the beginning of the second month, at which it came."""

    hour: int
    event: EpisodeEvent


def looks(
    seed: int, *, shift: float = 0.0, bins: int = 128, hours: int = MONTH * 24
) -> tuple[list[Raised], Episode]:
    """What the hourly looks of a month raise, and where the rules stand after the last one.

    Args:
        shift: in standard deviations, of the first ten features, from the second month on.
        hours: fewer looks than those of the whole month.
    """
    calendar, limits = DayCalendar(), DriftLimits()
    first = _START + timedelta(days=seed % 7)
    values = _values(seed, first, shift)
    layout = Layout(
        tuple(
            numeric_edges(f"f{number}", values[: MONTH * 24 * _AN_HOUR, number], bins=bins)
            for number in range(FEATURES)
        )
    )
    sums = _cumulated(values, layout)
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)

    def block(start: int, end: int) -> ProfileBlock:
        empty = ProfileBlock.empty(layout)
        counts = (sums[end] - sums[start]).astype(np.int64)
        return replace(empty, rows=(end - start) * _AN_HOUR, counts=counts)

    days = [
        (first + timedelta(days=day), calendar.day_class(first + timedelta(days=day)), day)
        for day in range(2 * MONTH)
    ]
    blocks = {number: block(24 * number, 24 * number + 24) for _, _, number in days}
    state, raised, quarantined = Episode(), [], set[int]()
    known: tuple[list[int], Reference] | None = None
    for hour in range(1, hours + 1):
        place = MONTH * 24 + hour
        at = midnight + place * HOUR
        usable = [n for n in range((place - 24) // 24) if n not in quarantined][-MONTH:]
        if known is None or known[0] != usable:
            used = [(days[n][0], days[n][1], blocks[n]) for n in usable]
            known = usable, Reference.from_days(layout, used, minimum=limits.min_block_days)
        window = block(place - 24, place)
        found = compare(window, calendar.class_of_window(at - 24 * HOUR, at), rolling=known[1])
        look = Look(
            features=found.features,
            rows=window.rows,
            breadth_p=found.breadth_p,
            day_close=calendar.is_close(at),
        )
        state, events = step(state, judge(look, limits), look, at=at, limits=limits)
        raised += [Raised(hour, event) for event in events]
        if state.alarmed:
            quarantined.add((place - 1) // 24)
    return raised, state


def opened(raised: list[Raised]) -> list[Raised]:
    return [item for item in raised if item.event.event == "opened"]


def _values(seed: int, first: date, shift: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    steps = 2 * MONTH * 24 * _AN_HOUR
    noise = rng.standard_normal((steps, FEATURES)) * np.sqrt(1 - _PHI**2)
    noise[0] /= np.sqrt(1 - _PHI**2)
    values = lfilter([1.0], [1.0, -_PHI], noise, axis=0)
    weekday = (first.weekday() + np.arange(steps) // (24 * _AN_HOUR)) % 7
    values[weekday >= 5] += _WEEKEND
    values[steps // 2 :, :SHIFTED] += shift
    return np.asarray(values)


def _cumulated(values: np.ndarray, layout: Layout) -> np.ndarray:
    """Counts of all hours before each hour, shape (hours + 1, features, bins)."""
    hours = len(values) // _AN_HOUR
    made = np.zeros((hours + 1, FEATURES, layout.width), np.int32)
    hour = np.repeat(np.arange(1, hours + 1), _AN_HOUR)
    for number, edges in enumerate(layout.edges):
        bins = np.searchsorted(edges.cuts, values[:, number])
        np.add.at(made[:, number], (hour, bins), 1)
    return np.cumsum(made, axis=0, dtype=np.int32)
