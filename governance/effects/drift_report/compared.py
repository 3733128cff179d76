"""What a report compared, and what was wrong with the data, in words.

Reads ``DriftReport.reference``; a part that is not there is said to be missing, not left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from governance.effects.drift_report.rows import FeatureRow
from governance.effects.drift_report.words import counted, listed, severity_of, span
from governance.errors import InvalidInputError
from governance.values import Severity, parse_time

_CLASSES = {
    "weekday": "Held against weekdays",
    "weekend": "Held against weekends and holidays",
    "session": "Held against days of trading",
    "closed": "Held against days without trading",
    "day": "Every day is like every other",
}

_ORIGINS = {
    "manifest": "What the version was trained on",
    "reference_data": "Given as its reference data",
    "first_reference": "The first days it was watched",
}
_GAPS = "no usable data"  # the policy's sentence on hours, which are listed by themselves


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison; ``absent`` where there is no such side."""

    title: str
    figure: str
    lines: tuple[str, ...]
    absent: bool = False


def comparison(report: Mapping[str, Any]) -> list[Side]:
    """The window, the rolling reference and the frozen one.

    >>> [side.figure for side in comparison({"rows": 24, "reference": {}})]
    ['24 rows', 'none', 'none']
    """
    reference = report.get("reference") or {}
    return [
        _window(reference.get("window") or {}, int(report.get("rows") or 0)),
        _rolling(reference.get("rolling")),
        _frozen(reference.get("frozen")),
    ]


def _window(window: Mapping[str, Any], rows: int) -> Side:
    lines = [span(window["start"], window["end"])] if window.get("start") else []
    if sentence := _CLASSES.get(str(window.get("class"))):
        lines.append(sentence)
    return Side("Window", counted(rows, "row"), tuple(lines))


def _rolling(rolling: Mapping[str, Any] | None) -> Side:
    title = "Rolling reference"
    if not rolling or not _many(rolling.get("days")):
        return Side(title, "none", ("There are not enough whole days before the window yet",), True)
    lines = [span(rolling.get("first"), rolling.get("last"))]
    left_out = rolling.get("quarantined") or ()
    if isinstance(left_out, int):
        lines.append(f"{counted(left_out, 'day')} in quarantine left out")
    elif left_out:
        names = listed([str(day) for day in left_out], most=4)
        lines.append(f"{counted(len(left_out), 'day')} in quarantine left out: {names}")
    else:
        lines.append("No day in quarantine")
    return Side(title, counted(_many(rolling.get("days")), "day"), tuple(lines))


def _frozen(frozen: Mapping[str, Any] | None) -> Side:
    title = "Frozen reference"
    if not frozen or not _many(frozen.get("days")):
        return Side(title, "none", ("The version has no days that it was trained on",), True)
    origin = _ORIGINS.get(str(frozen.get("origin")), _ORIGINS["manifest"])
    lines = (span(frozen.get("first"), frozen.get("last")), origin)
    return Side(title, counted(_many(frozen.get("days")), "day"), lines)


def _many(days: object) -> int:
    """A report says how many days, or which."""
    if isinstance(days, Sequence) and not isinstance(days, str):
        return len(days)
    return days if isinstance(days, int) else 0


def data_problems(report: Mapping[str, Any], rows: Sequence[FeatureRow]) -> list[str]:
    """One sentence each: of the data as a whole, of hours without data, of single features.

    The reasons of a report are those of its features and, beside them, what was wrong with the
    data as a whole.
    """
    window = (report.get("reference") or {}).get("window") or {}
    said = {str(feature.get("reason")) for feature in report.get("features") or ()}
    calm = severity_of(report.get("severity")) is Severity.NORMAL
    hours = window.get("missing_hours") or {}
    whole = [] if calm else [str(why) for why in report.get("reasons") or () if why not in said]
    if hours:
        whole = [why for why in whole if _GAPS not in why]
    features: dict[str, list[str]] = {}
    for row in rows:
        if row.data_problem:
            features.setdefault(row.reason or row.finding, []).append(row.name)
    return [
        *whole,
        *missing_hours(hours),
        *(f"{listed(names, most=8)}: {reason}" for reason, names in features.items()),
    ]


def missing_hours(hours: Mapping[str, str]) -> list[str]:
    """Hours next to each other that are missing for the same reason, as one sentence.

    >>> missing_hours({"2013-02-08T03:00:00Z": "no file", "2013-02-08T04:00:00Z": "no file"})
    ['2 hours without data, 2013-02-08 03:00 to 2013-02-08 05:00 UTC: no file']
    """
    one = timedelta(hours=1)
    stretches: list[tuple[datetime, datetime, str]] = []
    sentences = []
    for text, reason in sorted(hours.items()):
        try:
            hour = parse_time(text)
        except InvalidInputError:
            sentences.append(f"No data at {text}: {reason}")
            continue
        if stretches and stretches[-1][1] == hour and stretches[-1][2] == reason:
            stretches[-1] = (stretches[-1][0], hour + one, reason)
        else:
            stretches.append((hour, hour + one, reason))
    for start, end, reason in stretches:
        many = counted((end - start) // one, "hour")
        sentences.append(f"{many} without data, {span(start, end)}: {reason}")
    return sentences
