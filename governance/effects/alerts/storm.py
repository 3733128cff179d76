"""A message of very many alerts: the worst in full, the others in a line each. Pure.

Neighbours: ``grouping`` bounds how many there can be, ``mail`` builds what is made here. Every
incident is named, in the text at least: that none is lost is promised, not that all have pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from governance.effects.alerts.outgoing import Outgoing, Payload, Rendered, Renderer
from governance.effects.alerts.plain import happened, headline
from governance.effects.drift_report.words import counted
from governance.effects.notices.told import is_notice

IN_FULL = 100
_LONGEST_LINE = 300
_RANKS = {"critical": 0, "severe": 0, "insufficient": 1, "moderate": 2, "warning": 2}


@dataclass(frozen=True, slots=True)
class Shortened:
    """What a renderer made of the worst, and the others' lines after its text."""

    subject: str
    text: str
    html: str
    images: Mapping[str, bytes]


def shortened(message: Outgoing, render: Renderer, *, report_url: str) -> Rendered:
    """The message as ``render`` makes it, with at most ``IN_FULL`` alerts in full."""
    events = message.events
    if len(events) <= IN_FULL:
        return render(events, report_url=report_url, digest=message.digest)
    full = _worst(events)
    others = [event for number, event in enumerate(events) if number not in full]
    worst = [events[number] for number in sorted(full)]
    made = render(worst, report_url=report_url, digest=True)
    models = counted(len({str(event["model"]) for event in events}), "model")
    most = str(min(worst, key=_rank)["severity"]).upper()
    noun = "alert" if any(map(is_notice, events)) else "incident"
    subject = f"[{most}] Digest: {counted(len(message.incidents), noun)} of {models}"
    lines = "\n".join(
        [f"{counted(len(others), 'alert')} more, in a line each:", *map(line, others)]
    )
    return Shortened(subject, f"{made.text}\n{lines}\n", made.html, made.images)


def line(event: Payload) -> str:
    """
    >>> line({"incident_id": "0123456789ab", "severity": "severe", "model": "m",
    ...     "version": "1.0.0", "kind": "drift", "event": "opened"})
    '0123456789ab [severe] m 1.0.0: drift opened'
    """
    what = f"{event['model']} {event['version']}: {event['kind']} {happened(event)}"
    if is_notice(event):
        what = f"{headline(event)}: {event['headline']}"
    return " ".join(f"{event['incident_id']} [{event['severity']}] {what}".split())[:_LONGEST_LINE]


def briefed(events: Sequence[Payload]) -> list[Payload]:
    """For programs: all events; beyond the worst ``IN_FULL``, without features and reasons."""
    full = _worst(events)
    return [
        event if number in full else {**event, "features": [], "reasons": []}
        for number, event in enumerate(events)
    ]


def _worst(events: Sequence[Payload]) -> set[int]:
    """Their places; of equally severe ones the first."""
    ranked = sorted(range(len(events)), key=lambda number: (_rank(events[number]), number))
    return set(ranked[:IN_FULL])


def _rank(event: Payload) -> int:
    return _RANKS.get(str(event["severity"]), 3)
