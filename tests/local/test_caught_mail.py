"""The demo's mail server catches what is sent, keeps it for later demos and relays nothing."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path

from local.caught_mail import MailCatcher, text_of


def test_a_mail_is_caught_with_its_text_and_is_there_for_the_next_demo(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Severe drift of arrival_delay \N{EM DASH} visib"
    mail["To"] = "operations-team@example.com"
    mail.set_content("Incident 0123456789ab\n.\nü")
    mail.add_alternative("<p>Incident</p>", subtype="html")
    with MailCatcher(tmp_path / "mail") as catcher:
        assert catcher.caught == [] == catcher.earlier()
        for _ in range(2):
            with smtplib.SMTP("127.0.0.1", catcher.port) as server:
                server.send_message(mail, "governance@example.com")
        first, second = catcher.caught
        assert first["Subject"] == mail["Subject"] and text_of(first) == text_of(mail)
    later = MailCatcher(tmp_path / "mail")
    assert [text_of(kept) for kept in later.earlier()] == [text_of(first), text_of(second)]
    assert later.caught == []
