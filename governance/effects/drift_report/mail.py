"""Alerts as messages: subject, text, HTML with inline styles, and one picture.

One incident is told in full; several at once (alerts of the same moment, or a digest) as a table,
the worst first. The text alone says everything; HTML and picture add comfort. Every message is made
from its payload: nothing is looked up, and the same payload gives the same bytes.

Neighbours: ``told`` (an alert in words), ``mail_text`` (the text part), ``templates/mail_*.html``.
Not here: addresses, Message-ID, sending (``governance.effects.alerts``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from governance.effects.drift_report import mail_text, words
from governance.effects.drift_report.plots import Bars, Panel, features_png
from governance.effects.drift_report.templating import clean, templates
from governance.effects.drift_report.told import Told, latest_of_each
from governance.effects.drift_report.words import Style
from governance.errors import InvalidInputError

LONGEST_SUBJECT = 180
MOST_PICTURES = 3
PICTURE = "features.png"


@dataclass(frozen=True, slots=True)
class Message:
    """
    Attributes:
        subject: one line.
        text: complete on its own.
        html: names its images as ``cid:NAME``.
        images: PNG by that name.
    """

    subject: str
    text: str
    html: str
    images: Mapping[str, bytes] = field(default_factory=dict)


def render_message(
    events: Sequence[Mapping[str, Any]], *, report_url: str | None, digest: bool
) -> Message:
    """The message that tells of ``events``.

    Args:
        events: payloads of incident events; of several of one incident the latest counts.
        report_url: where people see ``<home>/reports``: a URL or the folder; empty: messages name
            the command that shows a report instead.
        digest: is this all that waited, because there was too much for single messages?

    Raises:
        InvalidInputError: no event, or one without its incident or its time.
    """
    if not events:
        raise InvalidInputError("a message needs at least one event; nothing was due")
    told = [Told(event, report_url) for event in latest_of_each(events)]
    if len(told) == 1 and not digest:
        return _single(told[0])
    return several(told, digest=digest)


def _single(alert: Told) -> Message:
    images = {} if alert.event == "closed" else _picture(alert)
    page = templates().get_template("mail_alert.html")
    html = page.render(alert=alert, words=words, picture=PICTURE if images else "")
    return Message(subject_line(alert.subject), mail_text.single(alert), html, images)


class Line(mail_text.Line, Protocol):
    """What the table of several takes: alerts of incidents, and notices of decisions."""

    @property
    def style(self) -> Style: ...
    @property
    def moment(self) -> str: ...
    @property
    def href(self) -> str | None: ...


def several(told: Sequence[Line], *, digest: bool, noun: str = "incident") -> Message:
    """Alerts in a table, in the order they are given."""
    models = list(dict.fromkeys(alert.model for alert in told))
    worst = told[0].style.word.upper()
    many = words.counted(len(told), noun)
    subject = f"[{worst}] {many}: {words.listed(models)}"
    if digest:
        subject = f"[{worst}] Digest: {many} of {words.counted(len(models), 'model')}"
    intro = "The worst first."
    if digest:
        intro += " More alerts were due than may be sent in an hour; this is what waited."
    page = templates().get_template("mail_digest.html")
    html = page.render(
        told=told, many=many, intro=intro, style=told[0].style, words=words, title=subject
    )
    return Message(subject_line(subject), mail_text.several(told, f"{many}. {intro}"), html)


def subject_line(text: str) -> str:
    """One line of bounded length."""
    line = clean(text)
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}…"


def _picture(alert: Told) -> dict[str, bytes]:
    """The worst features that came with a histogram."""
    drawable: list[Panel] = []
    for feature in alert.given_features:
        categorical = feature.get("kind") == "categorical"
        bars = Bars.of(feature.get("histogram"), categorical=categorical)
        if bars is not None:
            drawable.append(Panel(str(feature["feature"]), categorical, bars))
    if not drawable:
        return {}
    return {PICTURE: features_png(drawable[:MOST_PICTURES], window="last day")}
