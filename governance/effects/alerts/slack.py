"""An alert as Slack and what is compatible with it read it: ``text``, and ``blocks``. Pure.

Every incident is named, within the limits of the format: the first in a line each, the others by
id. Text from data is escaped, so that it can neither mention anybody nor make links.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governance.effects.alerts.outgoing import Outgoing, Payload
from governance.effects.alerts.plain import happened, headline
from governance.effects.drift_report.files import report_link
from governance.effects.drift_report.words import counted
from governance.effects.notices.told import ToldNotice, is_notice, said
from governance.values import parse_time

_SECTION = 2900  # characters; the format allows 3000
_HEADER = 150
_MOST_LINES = 40
_LONGEST_LINE = 300
_MOST_SECTIONS = 40
_REASONS = 5
_GATES = 15


def slack_message(message: Outgoing, *, report_url: str = "") -> dict[str, Any]:
    """
    Returns:
        ``text``, which notifications show, and ``blocks``.
    """
    title = _title(message)
    lines = list(_digest_lines(message) if _several(message) else _lines(message.events))
    if report_url and not all(map(is_notice, message.events)):
        lines.append(f"Report: {escaped(_link(message, report_url))}")
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:_HEADER]}}
    ]
    for section in list(_sections(lines))[:_MOST_SECTIONS]:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": section}})
    return {"text": escaped(title), "blocks": blocks}


def escaped(text: str) -> str:
    """
    >>> escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _link(message: Outgoing, report_url: str) -> str:
    """The page of what the message tells; of several incidents, where all pages are."""
    if _several(message):
        return report_url
    last = message.events[-1]
    return report_link(report_url, str(last["model"]), parse_time(str(last["at"])))


def _title(message: Outgoing) -> str:
    last = message.events[-1]
    if _several(message):
        noun = "notice" if all(map(is_notice, message.events)) else "incident"
        incidents = counted(len(message.incidents), noun)
        return f"{incidents}, {counted(len(message.events), 'alert')}"
    if is_notice(last):
        return ToldNotice(last).subject
    return f"[{last['severity']}] {headline(last)}"


def _several(message: Outgoing) -> bool:
    return len(message.incidents) > 1


def _notice_lines(notice: ToldNotice) -> Iterator[str]:
    yield f"*{escaped(notice.state)}*: {escaped(notice.headline)}"
    yield " · ".join(f"{label}: {escaped(value)}" for label, value in notice.facts)
    if notice.overridden:
        yield "The request asked less than the policy."
    yield from (f"• {escaped(reason)}" for reason in notice.reasons[:_REASONS])
    if notice.gates:
        yield f"{notice.gates_title}:"
        yield from (f"• {escaped(said(gate))}" for gate in notice.gates[:_GATES])
        if len(notice.gates) > _GATES:
            yield f"and {len(notice.gates) - _GATES} more"
    yield from (f"{label}: `{escaped(command)}`" for label, command in notice.commands)


def _lines(events: tuple[Payload, ...]) -> Iterator[str]:
    if is_notice(events[-1]):
        yield from _notice_lines(ToldNotice(events[-1]))
        return
    for event in events:
        yield f"*{escaped(headline(event))}*: {escaped(str(event['headline']))}"
        for reason in event["reasons"][:_REASONS]:
            yield f"• {escaped(str(reason))}"
        if event.get("closed_reason"):
            yield f"Closed: {escaped(str(event['closed_reason']))}"
    name = events[-1]["incident_id"]
    yield f"Incident `{name}` · acknowledge: `governance alerts ack {name}`"


def _digest_lines(message: Outgoing) -> Iterator[str]:
    for event in message.events[:_MOST_LINES]:
        what = f"{event['model']} {event['version']} {event['kind']} {happened(event)}"
        if is_notice(event):
            what = f"{headline(event)}: {event['headline']}"[:_LONGEST_LINE]
        yield f"`{event['incident_id']}` {escaped(what)} [{event['severity']}]"
    others = dict.fromkeys(str(event["incident_id"]) for event in message.events[_MOST_LINES:])
    ids = list(others)
    if ids:
        yield "And alerts of:"
    yield from (" ".join(ids[first : first + 100]) for first in range(0, len(ids), 100))


def _sections(lines: list[str]) -> Iterator[str]:
    """Lines put together into texts of the length that a section takes."""
    held = ""
    for line in lines:
        cut = line[:_SECTION]
        if held and len(held) + 1 + len(cut) > _SECTION:
            yield held
            held = ""
        held = f"{held}\n{cut}" if held else cut
    if held:
        yield held
