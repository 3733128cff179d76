"""The words and colours in which drift is told: severities, findings, rules, limits, headlines.

Page, mail and plots take them from here, so that they never say it differently. The four colours
are told apart with any colour vision, and a word and a mark always stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.errors import InvalidInputError
from governance.policy.drift.facts import Finding
from governance.values import Severity, as_utc, parse_time

DASH = "\N{EN DASH}"  # what does not exist


@dataclass(frozen=True, slots=True)
class Style:
    """
    Attributes:
        word: what people read; mark: a sign that needs no colour.
        ink: text on ``paper`` (contrast above 7:1); solid: areas and lines.
    """

    word: str
    mark: str
    ink: str
    paper: str
    solid: str


STYLES: Mapping[Severity, Style] = {
    Severity.SEVERE: Style("Severe", "▲", "#8c1d04", "#fdeee8", "#c63d0f"),
    Severity.MODERATE: Style("Moderate", "◆", "#6b4200", "#fff4dc", "#e59b00"),
    Severity.NORMAL: Style("Normal", "●", "#0b4a63", "#eaf4f8", "#2f86ad"),
    Severity.INSUFFICIENT: Style("No verdict", "?", "#463b63", "#f2f0f7", "#77699f"),
}
WORST_FIRST = (Severity.SEVERE, Severity.MODERATE, Severity.INSUFFICIENT, Severity.NORMAL)
DRIFTED = frozenset({Severity.SEVERE, Severity.MODERATE})

FINDINGS: Mapping[str, str] = {
    Finding.STABLE: "stable",
    Finding.SHIFTED: "shifted",
    Finding.MISSING_VALUES: "more values missing",
    Finding.ALL_MISSING: "all values missing",
    Finding.NEW_CATEGORIES: "values never seen before",
    Finding.CONSTANT: "one value on both sides",
    Finding.BECAME_CONSTANT: "became constant",
    Finding.INFINITE_VALUES: "infinite values",
    Finding.COLUMN_MISSING: "column is missing",
    Finding.WRONG_DTYPE: "wrong data type",
    Finding.AMBIGUOUS_COLUMN: "column stands twice",
    Finding.TOO_FEW_ROWS: "too few rows",
    Finding.NO_REFERENCE: "nothing to compare with",
    Finding.NOT_CALIBRATED: "too few days to calibrate",
}
# Findings that speak of the data's state, and not of where its values lie.
ABOUT_DATA = frozenset(FINDINGS) - {Finding.STABLE, Finding.SHIFTED, Finding.BECAME_CONSTANT}

LIMITS: Mapping[str, str] = {
    "alarms_per_month": "False alarms a model may raise in a month",
    "flagged_q": "A feature is flagged from this q-value down",
    "flagged_effect": "… and from this effect up (KS distance, total variation)",
    "days_running": "Day closes in a row with the same feature flagged that raise an alarm",
    "urgent_q": "A feature is severe from this q-value down",
    "urgent_effect": "… and from this effect up",
    "urgent_features": "Severe features at one look that raise an alarm at once",
    "breadth_p": "p-value of all features together that raises an alarm, over these closes",
    "breadth_features": "Features that must take part in it",
    "calm_days": "Day closes without a flag that close an incident",
    "min_rows": "Fewest rows of a window that are judged",
    "min_block_days": "Fewest reference days of a class",
    "lookback_days": "Days the rolling reference may reach back",
    "importance_floor": "Share of importance below which a feature is never severe",
    "missing_rise": "Rise of the missing share that is a finding",
    "missing_rise_severe": "… that is severe",
    "new_share": "Share of values never seen before that is a finding",
    "new_share_severe": "… that is severe",
    "infinite_share": "Share of infinite values above which they are a finding",
    "stray_share": "Share of rows outside their hour beyond which a look says nothing",
    "fewest_rows_share": "Share of a usual day's rows below which a look says nothing",
    "missed_looks": "Looks in a row with too little data that raise an alarm",
    "retrain_every_days": "Fewest days between two retrain requests",
}


def severity_of(value: object) -> Severity:
    """What is not known is never shown as fine.

    >>> severity_of("severe"), severity_of("splendid")
    (<Severity.SEVERE: 'severe'>, <Severity.INSUFFICIENT: 'insufficient'>)
    """
    try:
        return Severity(str(value))
    except ValueError:
        return Severity.INSUFFICIENT


def finding_word(value: object) -> str:
    return FINDINGS.get(str(value), str(value).replace("_", " "))


def when(value: object) -> str:
    """A moment as people read it; a day, and what is no time, stays as it is.

    >>> when("2013-02-08T18:00:00.000000Z"), when("2013-02-08"), when(None) == DASH
    ('2013-02-08 18:00 UTC', '2013-02-08', True)
    """
    if value is None:
        return DASH
    try:
        moment = as_utc(value) if isinstance(value, datetime) else parse_time(str(value))
    except InvalidInputError:
        return str(value)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def at_option(value: object) -> str:
    """A moment as the command line takes it, without microseconds that are zero.

    >>> at_option("2013-02-08T18:00:00.000000Z")
    '2013-02-08T18:00:00Z'
    """
    return str(value).replace(".000000Z", "Z")


def span(start: object, end: object) -> str:
    """
    >>> span("2013-02-07T18:00:00Z", "2013-02-08T18:00:00Z")
    '2013-02-07 18:00 to 2013-02-08 18:00 UTC'
    """
    return f"{when(start).removesuffix(' UTC')} to {when(end)}"


def listed(names: Sequence[str], *, most: int = 3) -> str:
    """
    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "feature"), counted(12000, "row")
    ('1 feature', '12,000 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def headline(report: Mapping[str, Any]) -> str:
    """One plain sentence that says why the report has its severity.

    >>> feature = {"feature": "visib", "severity": "severe", "finding": "shifted"}
    >>> headline({"severity": "severe", "features": [feature], "reasons": []})
    '1 of 1 feature drifted: visib.'
    """
    features = report.get("features") or ()
    reasons = [str(reason).rstrip(".") for reason in report.get("reasons") or ()]
    severity = severity_of(report.get("severity"))
    drifted = [str(f["feature"]) for f in features if severity_of(f.get("severity")) in DRIFTED]
    total = counted(len(features), "feature")
    if severity is Severity.INSUFFICIENT:
        missing = reasons[0] if reasons else "too little was seen to say anything"
        return f"No verdict: {missing}."
    if drifted:
        return f"{len(drifted)} of {total} drifted: {listed(drifted)}."
    if severity in DRIFTED:
        return f"{reasons[0] if reasons else 'The features taken together are unusual'}."
    return f"Nothing drifted: {total} looked at, none of them unusual."


def rule_sentence(rule: object, limits: Mapping[str, Any] | None = None) -> str:
    """The rule that opened an incident, with the numbers in force where they are known.

    >>> rule_sentence("urgent", {"urgent_features": 2, "urgent_q": 1e-4, "urgent_effect": 0.2})
    'two or more severe features at one look (q ≤ 0.0001, effect ≥ 0.2)'
    >>> rule_sentence("some_other_rule")
    'some other rule'
    """
    given = limits or {}
    least = _NUMERALS.get(given.get("urgent_features", 0), "")
    many = f"{least} or more" if least else "several"
    closes = _several(given.get("days_running"), "close", "of a day")
    looks = _several(given.get("missed_looks"), "look")
    bounds = ""
    if {"urgent_q", "urgent_effect"} <= given.keys():
        bounds = f" (q ≤ {given['urgent_q']:g}, effect ≥ {given['urgent_effect']:g})"
    sentences = {
        "urgent": f"{many} severe features at one look{bounds}",
        "sustained": f"the same feature flagged at {closes}",
        "breadth": f"all features together unusual over {closes}",
        "data": "a severe problem of the data",
        "missed": f"{looks} with too little data",
    }
    return sentences.get(str(rule), str(rule).replace("_", " "))


def _several(number: int | None, noun: str, of: str = "") -> str:
    """
    >>> _several(2, "look"), _several(1, "close", "of a day"), _several(None, "look")
    ('2 looks in a row', '1 close of a day', 'several looks in a row')
    """
    many = f"several {noun}s" if number is None else counted(number, noun)
    return " ".join(filter(None, [many, of, "" if number == 1 else "in a row"]))


_NUMERALS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
