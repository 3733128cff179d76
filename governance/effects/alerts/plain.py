"""An alert in plain text: what is sent where the full message cannot be made, and to chats.

Self-contained like the payload it renders; no pictures, no database. The full message is
``governance.effects.drift_report.mail``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from governance.effects.alerts.outgoing import Payload
from governance.effects.drift_report.words import counted
from governance.effects.notices.told import ToldNotice, is_notice

_MOST_FEATURES = 10


@dataclass(frozen=True, slots=True)
class PlainMessage:
    subject: str
    text: str
    html: str = ""
    images: Mapping[str, bytes] = field(default_factory=dict)


def render(events: Sequence[Payload], *, report_url: str, digest: bool) -> PlainMessage:
    """Every incident is named with its id.

    >>> event = {"incident_id": "0123456789ab", "model": "m", "version": "1.0.0", "event": "opened",
    ...     "kind": "drift", "severity": "severe", "headline": "m drifts", "reasons": ["ks 0.4"],
    ...     "features": [{"feature": "visib"}], "at": "2013-02-08T18:00:00.000000Z"}
    >>> render([event], report_url="", digest=False).subject
    '[severe] m 1.0.0: drift incident opened'
    """
    models = list(dict.fromkeys(str(event["model"]) for event in events))
    if digest or len({event["incident_id"] for event in events}) > 1:
        subject = f"{counted(len(events), 'alert')} of {counted(len(models), 'model')}"
    else:
        last = events[-1]
        subject = f"[{last['severity']}] {headline(last)}"
        if is_notice(last):
            subject = ToldNotice(last).subject
    blocks = ["\n".join(_lines(event)) for event in events]
    reports = [f"Reports: {report_url}"] if report_url else []
    answers = [] if all(map(is_notice, events)) else [*reports, _HOW]
    return PlainMessage(subject, "\n\n".join([*blocks, *answers]) + "\n")


_HOW = (
    "Acknowledge: governance alerts ack INCIDENT\n"
    "Be silent for a while: governance alerts snooze INCIDENT --for 8h"
)


def headline(event: Payload) -> str:
    """What happened to which model, in one line."""
    if is_notice(event):
        notice = ToldNotice(event)
        return " ".join(filter(None, (notice.model, notice.version))) + f": {notice.state.lower()}"
    return f"{event['model']} {event['version']}: {event['kind']} incident {happened(event)}"


def happened(event: Payload) -> str:
    """
    >>> happened({"event": "reminder", "number": 2})
    'still open (reminder 2)'
    """
    if event["event"] == "reminder":
        return f"still open (reminder {event.get('number', 1)})"
    return str(event["event"])


def _lines(event: Payload) -> Iterator[str]:
    if is_notice(event):
        yield f"{headline(event)} [{event['severity']}]: {event['headline']}"
        yield from ToldNotice(event).lines()
        return
    yield f"{headline(event)} [{event['severity']}] at {event['at']}"
    yield f"Incident {event['incident_id']}: {event['headline']}"
    if event.get("closed_reason"):
        yield f"Closed: {event['closed_reason']}"
    yield from (f"- {reason}" for reason in event["reasons"])
    names = [str(feature["feature"]) for feature in event["features"]]
    if names:
        more = f" and {len(names) - _MOST_FEATURES} more" if len(names) > _MOST_FEATURES else ""
        yield f"Features: {', '.join(names[:_MOST_FEATURES])}{more}"
