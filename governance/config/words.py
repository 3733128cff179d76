"""Checked texts that a configuration file may contain: functions, durations, cron lines, zones,
names.

Each is a type for a pydantic field. Pure but for the time-zone database; imports no declared
function.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from governance.policy.people import visible
from governance.values import check_model_name

_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_DURATION = re.compile(r"([1-9][0-9]{0,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PRESETS = frozenset({"@hourly", "@daily", "@weekly", "@monthly", "@yearly"})
_CRON_RANGES = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CRON_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/([1-9][0-9]?))?", re.ASCII)


def check_function(text: str) -> str:
    """
    >>> check_function("governance.training.sp500:bars")
    'governance.training.sp500:bars'
    """
    if _FUNCTION.fullmatch(text) and len(text) <= 255:
        return text
    raise ValueError(f"{text[:80]!r} names no function; write module:function")


def parse_duration(value: Any) -> timedelta:
    """
    >>> parse_duration("36h")
    datetime.timedelta(days=1, seconds=43200)
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            "a duration is a whole number and one of s, m, h, d, w, for example 36h or 7d"
        )
    try:
        return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    except OverflowError:
        raise ValueError("this duration is longer than time is counted here") from None


def format_duration(value: timedelta) -> str:
    """The shortest text that :func:`parse_duration` reads back as ``value``.

    >>> format_duration(timedelta(days=14))
    '2w'
    """
    seconds = value // timedelta(seconds=1)
    unit = next(unit for unit in "wdhms" if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def check_cron(text: str) -> str:
    """A cron line of five fields, or one of Airflow's presets. Sunday is 0 or 7.

    >>> check_cron("0 6 * * 1-5")
    '0 6 * * 1-5'
    """
    if text in _PRESETS:
        return text
    fields = text.split()
    if len(fields) != len(_CRON_RANGES):
        raise ValueError(
            f"{text[:60]!r} is no schedule; write five cron fields such as '0 6 * * 1-5', or "
            + ", ".join(sorted(_PRESETS))
        )
    values = []
    for part, (name, low, high) in zip(fields, _CRON_RANGES, strict=True):
        found = [_cron_values(item, name, low, high) for item in part.split(",")]
        if not all(found):
            raise ValueError(
                f"{part[:40]!r} is no {name} of a cron line; give {low} to {high}, *, a-b or */n"
            )
        values.append({value for item in found for value in item})
    _, _, days, months, _ = values
    # With a day of the week as well, either of the two is enough.
    if fields[4] == "*" and min(days) > max(_LONGEST_MONTH[month - 1] for month in months):
        raise ValueError(f"{text[:60]!r} never comes: no such month has a day {min(days)}")
    return text


def _cron_values(item: str, name: str, low: int, high: int) -> range:
    """The values that one item of a field stands for; none where it is no such item."""
    match = _CRON_PART.fullmatch(item.lower())
    if match is None or (match[1] == "*" and match[2]):
        return range(0)
    step = int(match[3] or 1)
    if step > high:
        return range(0)
    if match[1] == "*":
        return range(low, high + 1, step)
    words = {"month": dict(zip(_MONTHS, range(1, 13), strict=True))}
    words["day of week"] = dict(zip(_DAYS, range(7), strict=True))
    first, last = (
        words.get(name, {}).get(end, int(end) if end.isdecimal() else -1)
        for end in (match[1], match[2] or match[1])
    )
    if match[3] and not match[2]:  # from the value on
        last = high
    return range(first, last + 1, step) if low <= first and last <= high else range(0)


def check_owner(text: str) -> str:
    """Who is written into records: one line of at most 255 printable characters.

    >>> check_owner("quant-team")
    'quant-team'
    """
    if visible(text) and len(text) <= 255 and text.isprintable():
        return text
    raise ValueError("a name of people is one line of 1-255 printable characters")


def check_timezone(text: str) -> str:
    """
    >>> check_timezone("America/New_York")
    'America/New_York'
    """
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{text[:60]!r} is no IANA time zone; write UTC or, for example, America/New_York"
        ) from None
    return text


FunctionName = Annotated[str, AfterValidator(check_function)]
Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]
Schedule = Annotated[str, AfterValidator(check_cron)]
Owner = Annotated[str, AfterValidator(check_owner)]
TimeZone = Annotated[str, AfterValidator(check_timezone)]
ModelName = Annotated[str, AfterValidator(check_model_name)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Column = Annotated[str, Field(min_length=1, max_length=255)]
Params = dict[str, Any]
