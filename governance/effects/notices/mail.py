"""Messages of everything: a notice alone, incidents alone, or both in one table.

Neighbours: ``told`` (a notice in words), ``governance.effects.drift_report.mail`` (incidents, and
the table of several). The text alone says everything; the HTML adds comfort. Not here: addresses,
Message-ID, sending (``governance.effects.alerts``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from governance.effects.drift_report import mail as incident_mail
from governance.effects.drift_report.mail import Message, several, subject_line
from governance.effects.drift_report.mail_text import WIDTH
from governance.effects.drift_report.templating import clean, templates
from governance.effects.drift_report.told import Told, latest_of_each
from governance.effects.notices.told import ToldNotice, is_notice, said

_INCIDENT_RANKS = {"severe": 0, "moderate": 1, "insufficient": 2, "normal": 3}


def render_message(
    events: Sequence[Mapping[str, Any]], *, report_url: str | None, digest: bool
) -> Message:
    """The message that tells of ``events``: payloads of notices and of incident events.

    Args:
        report_url, digest: as ``drift_report.mail.render_message`` takes them.

    Raises:
        InvalidInputError: no event, or an incident event without its incident or its time.
    """
    notices = [ToldNotice(event) for event in events if is_notice(event)]
    incidents = [event for event in events if not is_notice(event)]
    if not notices:
        return incident_mail.render_message(events, report_url=report_url, digest=digest)
    if len(notices) == 1 and not incidents and not digest:
        return _single(notices[0])
    told = [Told(event, report_url) for event in latest_of_each(incidents)]
    everything: list[ToldNotice | Told] = [*notices, *told]
    everything.sort(key=_rank)
    return several(everything, digest=digest, noun="alert" if told else "notice")


def _rank(one: ToldNotice | Told) -> int:
    """Sorting is stable: incidents keep their order, notices that of their record."""
    if isinstance(one, ToldNotice):
        return one.rank
    return 4 if one.event == "closed" else _INCIDENT_RANKS.get(one.severity.value, 2)


def _single(notice: ToldNotice) -> Message:
    page = templates().get_template("mail_notice.html")
    return Message(subject_line(notice.subject), _text(notice), page.render(notice=notice))


def _text(notice: ToldNotice) -> str:
    title = f"{notice.state.upper()}  {notice.model} {notice.version}"
    parts = [_wrapped(title), _wrapped(notice.headline)]
    facts = [(label, value) for label, value in notice.facts if label != "Model"]
    parts.append("\n".join(_wrapped(f"{label}: {value}", "  ") for label, value in facts))
    if notice.overridden:
        parts.append("The request asked less than the policy.")
    if notice.reasons:
        parts.append("\n".join(["Why", *(_item(reason) for reason in notice.reasons)]))
    if notice.gates:
        parts.append("\n".join([notice.gates_title, *(_item(said(gate)) for gate in notice.gates)]))
    width = max((len(label) for label, _ in notice.commands), default=0)
    parts.append(
        "\n".join(f"{label.ljust(width)}  {clean(command)}" for label, command in notice.commands)
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _item(text: str) -> str:
    return fill(clean(text), WIDTH, initial_indent="- ", subsequent_indent="  ")


def _wrapped(text: str, indent: str = "") -> str:
    return fill(clean(text), WIDTH, subsequent_indent=indent)
