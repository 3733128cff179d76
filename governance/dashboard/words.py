"""The words in which pages say severities, verdicts, findings and units. Pure.

A mark stands beside every colour, so that none is needed to understand. The drift report's page has
its own words (``governance.effects``); a test holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from governance.errors import InvalidInputError
from governance.values import Severity, Stage, Verdict, as_utc, parse_time

DASH = "\N{EN DASH}"  # what does not exist
TIMES_BENCHMARK = "\N{MULTIPLICATION SIGN} benchmark"


@dataclass(frozen=True, slots=True)
class Tag:
    """``css``: its class; ``mark``: a sign that needs no colour."""

    word: str
    mark: str
    css: str


SEVERITIES: Mapping[str, Tag] = {
    Severity.SEVERE: Tag("Severe", "▲", "bad"),
    Severity.MODERATE: Tag("Moderate", "◆", "warn"),
    Severity.NORMAL: Tag("Normal", "●", "good"),
    Severity.INSUFFICIENT: Tag("No verdict", "?", "open"),
}
VERDICTS: Mapping[str, Tag] = {
    Verdict.PASS: Tag("Pass", "✓", "good"),
    Verdict.FAIL: Tag("Fail", "✕", "bad"),
    Verdict.INSUFFICIENT: Tag("Not enough evidence", "?", "open"),
}
STAGES: Mapping[str, Tag] = {
    Stage.PRODUCTION: Tag("Production", "★", "good"),
    Stage.STAGING: Tag("Staging", "◐", "warn"),
    Stage.VALIDATED: Tag("Validated", "✓", "plain"),
    Stage.TRAINED: Tag("Trained", "○", "plain"),
    Stage.DRAFT: Tag("Draft", "…", "plain"),
    Stage.RETIRED: Tag("Retired", DASH, "quiet"),
    Stage.FAILED: Tag("Failed", "✕", "bad"),
}
COMPARED: Mapping[str, Tag] = {
    "better": Tag("Better than the champion", "✓", "good"),
    "worse": Tag("Worse than the champion", "✕", "bad"),
    "open": Tag("Not shown yet", "?", "open"),
}

# Unit of what a gate compares, and whether more of it is asked ("min") or less ("max").
GATES: Mapping[str, tuple[str, str, str]] = {
    "shadow.sessions": ("Sessions", "sessions", "min"),
    "shadow.days": ("Days", "days", "min"),
    "shadow.trades": ("Trades", "trades", "min"),
    "shadow.turnover_ratio": ("Turnover", TIMES_BENCHMARK, "max"),
    "shadow.sharpe_ratio": ("Sharpe ratio", "annualised", "min"),
    "shadow.max_drawdown": ("Largest drawdown", "share", "max"),
    "shadow.drift_psi": ("Largest drift", "PSI", "max"),
    "shadow.avg_latency_ms": ("Latency", "ms", "max"),
    "shadow.error_rate": ("Errors", "share", "max"),
    "soak": ("Time in trial", "h", "min"),
    "champion_comparison": ("Evidence of being better", "e-value", "min"),
}

_GATE_UNITS = {"drift.psi": "PSI"}


def gate_unit(gate: str) -> str:
    """What a gate's figures are measured in; a metric's own unit is not known here.

    >>> gate_unit("soak"), gate_unit("drift.psi"), gate_unit("validation.test.mae.max")
    ('h', 'PSI', '')
    """
    return GATES[gate][1] if gate in GATES else _GATE_UNITS.get(gate, "")


_REVERSING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]+")
_HALVES = re.compile("[\ud800-\udfff]")


def clean(text: object) -> str:
    """One line of harmless text: without control characters and signs that turn text around.

    >>> clean("wind\\r\\n<b>\\u202e")
    'wind <b>'
    """
    return _HALVES.sub("?", _NO_TEXT.sub(" ", _REVERSING.sub("", str(text))))


def tag_of(tags: Mapping[str, Tag], value: object) -> Tag:
    """What is not known is never shown as fine.

    >>> tag_of(SEVERITIES, "severe").word, tag_of(SEVERITIES, "splendid").css
    ('Severe', 'open')
    """
    return tags.get(str(value)) or Tag(clean(value).replace("_", " ") or DASH, "?", "open")


def figure(value: object, digits: int = 4) -> str:
    """A figure as people read it.

    >>> figure(1234567), figure(0.123456), figure(None) == DASH, figure("a"), figure(5.0)
    ('1,234,567', '0.1235', True, 'a', '5')
    """
    if value is None or value == "":
        return DASH
    if isinstance(value, bool) or not isinstance(value, int | float):
        return clean(value)
    if isinstance(value, int):
        return f"{value:,}"
    if not isfinite(value):
        return DASH
    if value and abs(value) < 10**-digits:
        return f"{value:.1e}"
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".")


def percent(share: float | None) -> str:
    """
    >>> percent(0.0312), percent(None) == DASH
    ('3.1 %', True)
    """
    return DASH if share is None else f"{100 * share:.1f} %"


def size(count: int) -> str:
    """
    >>> size(999), size(10240)
    ('999 B', '10.0 KiB')
    """
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:,.1f} {units[0]}"


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "alert"), counted(12000, "alert")
    ('1 alert', '12,000 alerts')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def brief(details: object) -> str:
    """What an entry of the log says, in one line: its texts and figures, without hashes and times.

    >>> brief({"to": "validated", "from": "trained", "version": "1.0.0", "decision": "0f" * 16})
    'version 1.0.0, trained → validated'
    >>> brief({"metrics": {"auc": 0.6}, "forced": True, "reason": None}), brief(None)
    ('forced, metrics', 'unreadable')
    >>> brief({"generation": 0, "eligible": False})
    'generation 0'
    """
    if not isinstance(details, Mapping):
        return "unreadable"
    said = []
    for key, value in sorted(details.items(), key=lambda item: (item[0] != "version", item[0])):
        if key == "from" and "to" in details:
            said.append(f"{value} → {details['to']}")
        elif value is True or isinstance(value, Mapping | list):
            said.append(str(key))
        elif value is None or value is False or value == "" or _UNSAID.fullmatch(str(value)):
            continue
        elif key != "to" or "from" not in details:
            said.append(f"{key} {value}")
    return ", ".join(said) or "none"


_UNSAID = re.compile(r"[0-9a-f]{12,64}|\d{4}-\d\d-\d\dT.*", re.DOTALL)  # a hash, an id, a moment


def moment(value: Any) -> datetime | None:
    """A time from what a record holds; ``None`` for what is none.

    >>> moment("2013-02-08T18:00:00.000000Z").hour, moment("soon")
    (18, None)
    """
    try:
        return as_utc(value) if isinstance(value, datetime) else parse_time(str(value))
    except InvalidInputError:
        return None


def when(value: datetime) -> str:
    """
    >>> when(datetime(2013, 2, 8, 18, tzinfo=UTC))
    '2013-02-08 18:00 UTC'
    """
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
