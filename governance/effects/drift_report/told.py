"""An alert in words: what a message says of one event, whatever the message looks like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from governance.effects.drift_report.files import report_link
from governance.effects.drift_report.rows import FeatureRow, feature_rows
from governance.effects.drift_report.templating import web_link
from governance.effects.drift_report.words import (
    STYLES,
    WORST_FIRST,
    Style,
    at_option,
    counted,
    rule_sentence,
    severity_of,
    span,
    when,
)
from governance.errors import InvalidInputError
from governance.values import iso, parse_time

MOST_ROWS = 10


class Told:
    """One event (``IncidentEvent.payload()``) and the sentences about it.

    Attributes:
        event: ``opened``, ``updated``, ``closed`` or ``reminder``.
        rows: features with figures, the worst first; a reminder may have names only.
        link: of the report's page, or empty; href: the link if it may be clicked.
    """

    def __init__(self, payload: Mapping[str, Any], report_url: str | None) -> None:
        self._given = payload
        self.id = str(payload["incident_id"])
        self.model = str(payload.get("model", ""))
        self.version = str(payload.get("version", ""))
        self.event = str(payload.get("event", "opened"))
        self.kind = str(payload.get("kind", "drift"))
        self.at = parse_time(str(payload["at"]))
        self.opened_at = parse_time(str(payload["opened_at"]))
        self.severity = severity_of(payload.get("severity"))
        self.given_features: Sequence[Mapping[str, Any]] = payload.get("features") or ()
        figured = [feature for feature in self.given_features if feature.get("finding")]
        self.rows: list[FeatureRow] = feature_rows(figured[:MOST_ROWS])
        self.names = [str(feature["feature"]) for feature in self.given_features]
        self.link = str(payload.get("report") or "")
        if not self.link and report_url:
            self.link = report_link(report_url, self.model, self.at)
        self.href = web_link(self.link)

    @property
    def style(self) -> Style:
        return STYLES[self.severity]

    @property
    def state(self) -> str:
        """One word or two for the top of a message."""
        word = self.style.word
        return {"closed": "Closed", "reminder": f"Still open: {word}"}.get(self.event, word)

    @property
    def subject(self) -> str:
        since = f"since {when(self.opened_at)}"
        tag, names = self.style.word.upper(), _short_list(self.names) or "the model as a whole"
        if self.event == "closed":
            lasted = span(self.opened_at, self.at)
            return f"[CLOSED] {self.model} {self.past}: {names} ({lasted})"
        if self.kind == "data":
            about = f": {names}" if self.names else ""
            text = f"{self.model} has a problem with its data{about} ({since})"
        else:
            text = f"{self.model} drifted: {names} ({since})"
        more = {"updated": ", now worse", "reminder": ", still open"}.get(self.event, "")
        return f"[{tag}{more}] {text}"

    @property
    def past(self) -> str:
        return "had a problem with its data" if self.kind == "data" else "had drifted"

    @property
    def headline(self) -> str:
        if self.event == "closed":
            return f"The incident is over{_why(self.closed_reason)}."
        if self.event == "reminder":
            return "It is still open, and nobody has acknowledged or snoozed it."
        return str(self._given.get("headline") or self.subject)

    @property
    def closed_reason(self) -> str:
        return str(self._given.get("closed_reason") or "")

    @property
    def reasons(self) -> list[str]:
        return [str(reason) for reason in self._given.get("reasons") or ()][:MOST_ROWS]

    @property
    def rule(self) -> str:
        return rule_sentence(self._given.get("rule", ""))

    @property
    def identity(self) -> str:
        """Since when, and under which name it is answered."""
        return f"Since {when(self.opened_at)}, incident {self.id}"

    @property
    def moment(self) -> str:
        since = "Still open, since" if self.event == "reminder" else "Since"
        return f"{since} {when(self.opened_at)}"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What stands beside the headline."""
        found = [("Model", f"{self.model} {self.version}"), ("Since", when(self.opened_at))]
        if self.at != self.opened_at:
            ended = "Closed" if self.event == "closed" else "Last looked at"
            found.append((ended, when(self.at)))
        if self._given.get("rows"):
            found.append(("Window", f"{counted(int(self._given['rows']), 'row')} of one day"))
        if self._given.get("rule"):
            found.append(("Opened by the rule", self.rule))
        if self._given.get("retrain"):
            found.append(("Retraining", "requested"))
        return found

    @property
    def commands(self) -> list[tuple[str, str]]:
        """What to type, and what for; nothing needs an answer once it is closed."""
        look = f"governance drift report {self.model} --at {at_option(iso(self.at))}"
        shown = [("Show the report", look)]
        if self.event == "closed":
            return shown
        return [
            ("Acknowledge", f"governance alerts ack {self.id}"),
            ("Snooze for a day", f"governance alerts snooze {self.id} --for 1d"),
            *shown,
        ]

    @property
    def left_out(self) -> int:
        """Features beyond those in ``rows``."""
        return max(0, len(self.names) - len(self.rows)) if self.rows else 0


def _short_list(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _why(reason: str) -> str:
    return f": {reason.rstrip('.')}" if reason else ""


def latest_of_each(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One event for each incident, the latest; open ones first, then the worst, then the oldest.

    >>> common = {"incident_id": "a", "severity": "severe", "opened_at": "2013-02-08T18:00:00Z"}
    >>> [event["event"] for event in latest_of_each([
    ...     {**common, "event": "opened", "at": "2013-02-08T18:00:00Z"},
    ...     {**common, "event": "updated", "at": "2013-02-08T20:00:00Z"}])]
    ['updated']
    """
    latest: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if missing := {"incident_id", "at", "opened_at"} - event.keys():
            raise InvalidInputError(f"an event without {', '.join(sorted(missing))} says nothing")
        before = latest.get(str(event["incident_id"]))
        if before is None or parse_time(str(event["at"])) >= parse_time(str(before["at"])):
            latest[str(event["incident_id"])] = event
    return sorted(latest.values(), key=_worst_first)


def _worst_first(event: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    rank = WORST_FIRST.index(severity_of(event.get("severity")))
    closed = event.get("event") == "closed"
    return closed, rank, str(event["opened_at"]), str(event["incident_id"])
