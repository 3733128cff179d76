"""An alert as an e-mail: text, HTML and pictures in one MIME message.

Nothing that comes from data can become a header of its own: a subject is one printable line, and
``email.message`` refuses line ends in every header. How it reads is the renderer's; where it goes,
``smtp``'s.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime

from governance.effects.alerts import plain
from governance.effects.alerts.outgoing import (
    Failure,
    Mailer,
    Outgoing,
    Rendered,
    Renderer,
    failure,
)
from governance.effects.alerts.storm import shortened
from governance.errors import InvalidInputError

log = logging.getLogger(__name__)

_LONGEST_SUBJECT = 200
_PICTURE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def build_mail(
    message: Outgoing, rendered: Rendered, *, sender: str, recipients: Sequence[str]
) -> EmailMessage:
    """The mail, the same bytes but for MIME boundaries each time it is built."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = one_line(rendered.subject)
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = f"<{message.message_id}>"
    if len(message.incidents) == 1:  # mails of one incident stand together
        domain = message.message_id.partition("@")[2]
        mail["References"] = f"<{message.incidents[0]}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_complete(message, rendered.text))
    if rendered.html:
        mail.add_alternative(rendered.html, subtype="html")
        _attach_pictures(mail, rendered)
    return mail


def _complete(message: Outgoing, text: str) -> str:
    """Every incident is named, whatever the renderer left out: none may be lost in a message."""
    unnamed = [name for name in message.incidents if name not in text]
    named = f"\nIncident {', '.join(unnamed)}\n" if unnamed else ""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") + named


def _attach_pictures(mail: EmailMessage, rendered: Rendered) -> None:
    html = mail.get_body(("html",))
    assert isinstance(html, MIMEPart)
    for name, png in rendered.images.items():
        if _PICTURE.fullmatch(name):
            file = f"{name.removesuffix('.png')}.png"
            html.add_related(
                png, "image", "png", cid=f"<{name}>", filename=file, disposition="inline"
            )


def one_line(text: str) -> str:
    """
    >>> one_line("drift\\r\\nBcc: eve@example.com")
    'drift Bcc: eve@example.com'
    """
    return failure(text, whole_channel=False).reason[:_LONGEST_SUBJECT]


class EmailSender:
    """
    Args:
        recipients: who is told now, whatever was configured when the alert was recorded.
        mailer: None where no mail server is known; then nothing is sent and the outbox says why.
    """

    def __init__(
        self,
        recipients: Sequence[str],
        mailer: Mailer | None,
        render: Renderer,
        *,
        report_url: str,
    ) -> None:
        self._recipients = recipients
        self._mailer = mailer
        self._render = render
        self._report_url = report_url

    def __call__(self, message: Outgoing) -> Failure | None:
        if not self._recipients:
            return failure("no address under alerts.email in governance.yaml", whole_channel=True)
        if self._mailer is None:
            return failure("no mail server; set GOVERNANCE_SMTP_URL", whole_channel=True)
        recipients = self._recipients
        if message.recipients is not None:
            recipients = [one for one in recipients if one in message.recipients]
            if not recipients:
                return None  # who did not get it is told no more
        mail = build_mail(
            message,
            self._rendered(message),
            sender=self._mailer.from_address,
            recipients=self._recipients,
        )
        return self._mailer.send(mail, recipients)

    def _rendered(self, message: Outgoing) -> Rendered:
        """The full message, or a plain one where it cannot be made: an alert waits for no plot."""
        for render in (self._render, plain.render):
            try:
                return shortened(message, render, report_url=self._report_url)
            except Exception:
                log.exception("message %s could not be rendered in full", message.message_id)
        raise InvalidInputError(f"the content of message {message.message_id} cannot be rendered")
