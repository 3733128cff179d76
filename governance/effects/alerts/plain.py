"""An alert in plain text: what is sent where the full message cannot be made, and to chats.

Self-contained like the payload it renders; no pictures, no database. The full message is
``governance.effects.drift_report.mail``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from governance.effects.alerts.outgoing import Payload
from governance.effects.drift_report.words import counted

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
        subject = f"[{events[-1]['severity']}] {headline(events[-1])}"
    blocks = ["\n".join(_lines(event)) for event in events]
    reports = [f"Reports: {report_url}"] if report_url else []
    return PlainMessage(subject, "\n\n".join([*blocks, *reports, _HOW]) + "\n")


_HOW = (
    "Acknowledge: governance alerts ack INCIDENT\n"
    "Be silent for a while: governance alerts snooze INCIDENT --for 8h"
)


def headline(event: Payload) -> str:
    """What happened to which model, in one line."""
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
    yield f"{headline(event)} [{event['severity']}] at {event['at']}"
    yield f"Incident {event['incident_id']}: {event['headline']}"
    if event.get("closed_reason"):
        yield f"Closed: {event['closed_reason']}"
    yield from (f"- {reason}" for reason in event["reasons"])
    names = [str(feature["feature"]) for feature in event["features"]]
    if names:
        more = f" and {len(names) - _MOST_FEATURES} more" if len(names) > _MOST_FEATURES else ""
        yield f"Features: {', '.join(names[:_MOST_FEATURES])}{more}"
