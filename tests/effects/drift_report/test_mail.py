"""Messages: the subject is one line, the text says all, the HTML is harmless, the picture fits."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.effects.drift_report.mail import LONGEST_SUBJECT, Message, render_message
from governance.errors import InvalidInputError
from governance.history.incidents import IncidentEvent
from governance.policy.drift.facts import FeatureFigures
from governance.values import Severity, iso
from tests.effects.drift_report import samples
from tests.effects.drift_report.documents import Document

URL = "https://reports.example.com"
LATER = "2013-02-11T05:00:00.000000Z"


def message(*events: dict[str, Any], url: str | None = URL, digest: bool = False) -> Message:
    return render_message(events, report_url=url, digest=digest)


def test_an_opened_incident_is_told_in_full() -> None:
    made = message(samples.event())
    assert made.subject == (
        "[SEVERE] arrival_delay drifted: wind_speed, visib, new_feed and 2 more "
        "(since 2013-02-08 18:00 UTC)"
    )
    link = f"{URL}/drift/arrival_delay/2013-02-08T180000Z.html"
    for part in (made.text, Document(made.html).text):
        assert "5 of 12 features drifted" in part
        assert "wind_speed moved: KS 0.41" in part
        assert "several severe features at one look" in part
        assert "governance alerts ack 9c41f07a2be3" in part
        assert "governance alerts snooze 9c41f07a2be3 --for 1d" in part
    assert link in made.text and link in Document(made.html).values("href")


def test_the_text_has_a_table_of_the_features() -> None:
    lines = message(samples.event()).text.splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("Feature "))
    cells = [re.split("  +", line) for line in lines[head : head + 2]]
    assert cells[0] == ["Feature", "Finding", "KS", "PSI", "Mean shift", "Missing", "q"]
    assert cells[1] == ["wind_speed", "shifted", "0.412", "0.934", "+1.32", "0.2 %", "2.1e-7"]
    assert len({len(line) for line in lines[head : head + 6]}) == 1, "columns stand in line"
    assert all(len(line) <= 100 for line in lines)


def test_the_one_picture_is_named_in_the_html() -> None:
    made = message(samples.event())
    (name,) = made.images
    assert made.images[name].startswith(b"\x89PNG")
    assert Document(made.html).values("src") == [f"cid:{name}"]
    assert all(Document(made.html).values("alt"))


def test_without_histograms_there_is_no_picture() -> None:
    bare = [{k: v for k, v in f.items() if k != "histogram"} for f in samples.event()["features"]]
    made = message(samples.event(features=bare))
    assert made.images == {} and "img" not in Document(made.html).tags


def test_a_mail_needs_no_style_sheet_and_loads_nothing_from_outside() -> None:
    document = Document(message(samples.event()).html)
    assert not {"script", "link", "iframe", "svg"} & set(document.tags)
    assert document.tags.count("style") == 1, "what a telephone may leave out"
    assert all(value.startswith("cid:") for value in document.values("src"))
    assert "url(" not in "".join(document.values("style"))


def test_a_closed_incident_says_why_and_asks_for_nothing() -> None:
    closed = samples.event("closed", at=LATER, closed_reason="2 closes of a day were calm")
    made = message(closed)
    assert made.subject.startswith("[CLOSED] arrival_delay had drifted: wind_speed, visib")
    assert "(2013-02-08 18:00 to 2013-02-11 05:00 UTC)" in made.subject
    assert "The incident is over: 2 closes of a day were calm." in made.text
    assert "alerts ack" not in made.text + made.html and made.images == {}


def test_an_update_and_a_reminder_are_known_by_their_subject() -> None:
    assert message(samples.event("updated")).subject.startswith("[SEVERE, now worse] ")
    names = [{"feature": "wind_speed"}, {"feature": "visib"}]
    made = message(samples.event("reminder", at=LATER, features=names, reasons=[], rows=0))
    assert made.subject.startswith("[SEVERE, still open] arrival_delay drifted: wind_speed, visib")
    assert "nobody has acknowledged or snoozed it" in made.text
    assert "Features: wind_speed and visib" in made.text
    assert "No verdict" not in made.html, "names without figures are no findings"


def test_a_problem_of_the_data_is_not_called_drift() -> None:
    made = message(
        samples.event(
            kind="data", severity="insufficient", rule="missed", features=[],
            headline="6 looks in a row had too little data.", reasons=["the window has 4 rows"],
        )
    )  # fmt: skip
    assert made.subject == (
        "[NO VERDICT] arrival_delay has a problem with its data (since 2013-02-08 18:00 UTC)"
    )
    assert "drifted" not in made.text + made.html


def test_of_several_events_of_one_incident_the_latest_counts() -> None:
    updated = samples.event("updated", at=LATER)
    assert message(updated, samples.event()) == message(updated)


def test_a_digest_names_every_incident_the_worst_first() -> None:
    levels = ("moderate", "severe", "insufficient")
    events = [
        samples.event(incident_id=f"{n:012x}", model=f"model_{n}", severity=levels[n % 3])
        for n in range(30)
    ]
    made = message(*events, digest=True)
    assert made.subject == "[SEVERE] Digest: 30 incidents of 30 models"
    assert made.images == {}
    for part in (made.text, Document(made.html).text):
        for n in range(30):
            assert f"governance alerts ack {n:012x}" in part
        assert part.index("model_1 ") < part.index("model_0 ") < part.index("model_2 ")
    assert len(Document(made.html).values("href")) == 30


def test_alerts_of_the_same_moment_are_one_message() -> None:
    made = message(samples.event(), samples.event(incident_id="b" * 12, model="other"))
    assert made.subject == "[SEVERE] 2 incidents: arrival_delay and other"
    assert "More alerts were due" not in made.text


@pytest.mark.parametrize(
    ("url", "link", "clickable"),
    [
        ("https://reports.example.com/x/", "https://reports.example.com/x/drift/", True),
        ("/srv/governance/reports", "/srv/governance/reports/drift/", False),
        ("javascript:alert(1)//", "javascript:alert(1)/drift/", False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_a_link_is_clickable_only_on_the_web(
    url: str | None, link: str | None, clickable: bool
) -> None:
    made = message(samples.event(), url=url)
    hrefs = Document(made.html).values("href")
    assert bool(hrefs) is clickable
    if link is None:
        assert "Report  " not in made.text
    else:
        assert link in made.text and link in made.html
    assert "governance drift report arrival_delay --at 2013-02-08T18:00:00Z" in made.text


TRICKS = [
    "a\r\nBcc: all@example.com",
    "<img src=x onerror=alert(1)>",
    "\u202egnp.exe",
    "\ud800",
    "{{ 7 }}",
]
names = st.text(min_size=1, max_size=300) | st.sampled_from(TRICKS)


@settings(max_examples=60)
@given(names, names, st.sampled_from(["opened", "updated", "closed", "reminder"]), st.booleans())
def test_whatever_others_wrote_a_message_is_one_line_and_harmless(
    name: str, reason: str, event: str, digest: bool
) -> None:
    feature = samples.feature(name)
    made = message(
        samples.event(
            event, features=[feature], model=name, reasons=[reason], headline=reason,
            closed_reason=reason, incident_id=name, report=f"https://x/{name}",
        ),
        digest=digest,
    )  # fmt: skip
    assert re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", made.subject) is None
    assert len(made.subject) <= LONGEST_SUBJECT
    made.subject.encode(), made.text.encode(), made.html.encode()
    document = Document(made.html)
    assert not {"script", "img", "iframe"} & set(document.tags)
    assert not [key for _, key, _ in document.attributes if key.startswith("on")]
    assert all(link.startswith("https://x/") for link in document.values("href"))


def test_what_history_records_can_be_told() -> None:
    figures = FeatureFigures(feature="visib", kind="numeric", ks=0.4).as_json()
    event = IncidentEvent(
        model="arrival_delay",
        version_id="0" * 12,
        version="1.0.0",
        kind="drift",
        event="opened",
        at=samples.AT,
        opened_at=samples.AT,
        severity=Severity.MODERATE,
        rule="sustained",
        headline="visib drifted",
        reasons=("visib moved",),
        features=({**figures, "severity": "moderate", "finding": "shifted", "reason": ""},),
        report_id="0" * 32,
        rows=900,
        retrain=False,
    )
    made = message(event.payload())
    assert made.subject == "[MODERATE] arrival_delay drifted: visib (since 2013-02-08 18:00 UTC)"
    assert f"governance alerts ack {event.incident_id}" in made.text


def test_what_says_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one event"):
        message()
    with pytest.raises(InvalidInputError, match="without incident_id"):
        message({"at": iso(samples.AT), "opened_at": iso(samples.AT)})
