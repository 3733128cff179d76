"""The page of a report: complete, harmless, self-contained, and honest about what is missing."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta, timezone
from typing import Any

import pytest

from governance.effects.drift_report.html import MOST_PLOTS, MOST_REASONS, report_html
from governance.effects.drift_report.rows import TIMES
from governance.effects.drift_report.words import DASH, FINDINGS
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.policy.drift.facts import FeatureFigures, Finding, Look
from governance.policy.drift.findings import judge
from governance.policy.drift.limits import DriftLimits
from governance.values import Severity, iso
from tests.effects.drift_report import samples
from tests.effects.drift_report.documents import Document

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SHOWN = re.compile(r"(?:src|href|url|import|@import|action)\s*[=(]\s*[\"']?\s*(?!#)(\w+:|//)", re.I)


def page(report: dict[str, Any], **given: Any) -> str:
    arguments: dict[str, Any] = {
        "history": [],
        "histograms": samples.histograms(),
        "limits": samples.LIMITS,
        "incident": None,
    }
    return report_html(report, **{**arguments, **given})


def test_a_page_of_a_look_whose_figures_went_says_so() -> None:
    old = {**samples.calm(), "features": []}
    assert "no longer kept" in page(old) and "No feature was looked at" not in page(old)
    never = page(
        {**old, "severity": "insufficient", "reference": {**old["reference"], "rolling": None}}
    )
    assert "No feature was looked at" in never and "no longer kept" not in never


def storm(**given: Any) -> str:
    return page(samples.storm(), history=samples.history(3), incident=samples.incident(), **given)


def test_a_page_asks_nobody_for_anything() -> None:
    html = storm()
    assert "http:" not in html and "https:" not in html
    assert SHOWN.search(html) is None
    document = Document(html)
    assert not {"script", "link", "iframe", "img", "object", "base", "form"} & set(document.tags)
    assert not [name for _, name, _ in document.attributes if name.startswith("on")]
    assert all(value.startswith("#") for value in document.values("xlink:href"))
    assert any("default-src 'none'" in value for value in document.values("content"))


def test_every_feature_is_named_with_its_finding_and_figures() -> None:
    text = Document(storm()).text
    for feature in samples.storm()["features"]:
        assert feature["feature"] in text
    row = text[text.index("wind_speed ▲ shifted") :]
    assert row.startswith(
        f"wind_speed ▲ shifted 0.412 at most 0.414 0.934 null 0.019 +1.32 {TIMES}1.84 2.1e-7 "
        "0.440 1.020 0.2 % was 0.3 % 11.4 %"
    )


def test_the_top_says_what_how_bad_when_and_why() -> None:
    text = Document(storm()).text
    assert "arrival_delay 1.2.0 ▲ Severe 2013-02-08 18:00 UTC" in text
    assert "5 of 12 features drifted: wind_speed, visib, new_feed and 2 more." in text
    assert "wind_speed moved: KS 0.41" in text


def test_what_was_compared_is_said() -> None:
    text = Document(storm()).text
    assert "873 rows 2013-02-07 18:00 to 2013-02-08 18:00 UTC Held against weekdays" in text
    assert "30 days 2013-01-06 to 2013-02-06 2 days in quarantine left out: 2013-01-30" in text
    assert "31 days 2013-01-01 to 2013-01-31" in text


def test_an_open_incident_says_since_when_which_rule_and_how_to_acknowledge() -> None:
    text = Document(storm()).text
    assert "Open incident 9c41f07a2be3 Since 2013-02-08 18:00 UTC" in text
    assert "two or more severe features at one look (q ≤ 0.0001, effect ≥ 0.2)" in text
    assert "governance alerts ack 9c41f07a2be3" in text


def test_an_incident_that_somebody_has_taken_names_them() -> None:
    taken = samples.incident(acknowledged_by="eve", acknowledged_at=iso(samples.AT))
    text = Document(page(samples.storm(), incident=taken)).text
    assert "Acknowledged by eve, 2013-02-08 18:00 UTC" in text and "alerts ack" not in text


def test_an_incident_may_come_with_its_times_as_times() -> None:
    new_york = timezone(-5 * HOUR)
    row = samples.incident(opened_at=samples.AT.astimezone(new_york), severity=Severity.SEVERE)
    text = Document(page(samples.storm(), incident=row)).text
    assert "Since 2013-02-08 18:00 UTC Worst so far Severe" in text


def test_a_closed_incident_says_why() -> None:
    closed = samples.incident(
        state="closed", closed_at=iso(samples.AT), closed_reason="2 closes of a day were calm"
    )
    text = Document(page(samples.calm(), incident=closed)).text
    assert "Incident closed" in text and "18:00 UTC: 2 closes of a day were calm" in text


def test_a_calm_page_is_calm_and_says_what_was_looked_at() -> None:
    html = page(samples.calm(), history=samples.history(3, incident=None))
    document = Document(html)
    assert '<body class="normal">' in html
    assert "Nothing drifted: 8 features looked at" in document.text
    assert "Problems of the data" not in document.text
    assert "No incident was open" in document.text and "ncident closed" not in document.text
    assert "figure" not in document.tags, "nothing moved, so nothing is drawn"
    assert document.tags.count("details") == 1, "the features stand open, the policy folded"


def test_insufficient_is_not_shown_as_normal() -> None:
    html = page(samples.insufficient())
    text = Document(html).text
    assert '<body class="insufficient">' in html
    assert "? No verdict" in text and "Nothing drifted" not in text and "● Normal" not in text
    assert "No verdict: the window has 4 rows, fewer than 30; wait for data." in text
    assert "What is missing 20 hours without data, 2013-02-07 22:00 to 2013-02-08 18:00" in text
    assert "wind_speed, visib, origin and precip: the window has 4 rows" in text
    assert text.count("none") == 2, "neither reference"


def test_a_severity_nobody_knows_is_no_good_news() -> None:
    assert '<body class="insufficient">' in page({**samples.calm(), "severity": "splendid"})


def test_what_others_wrote_stays_text() -> None:
    evil = samples.EVIL
    feature = samples.feature(evil, Severity.SEVERE, Finding.SHIFTED, reason=evil)
    report = samples.report(Severity.SEVERE, [feature], reasons=[evil], id=evil, version=evil)
    labels = {**samples.lying(), "labels": [evil, "$a$", "b\x00", "\u202ec"]}
    taken = samples.incident(acknowledged_by=evil, rule=evil)
    html = page(report, histograms={evil: labels}, incident=taken)
    document = Document(html)
    assert "script" not in document.tags
    assert document.text.count(evil) >= 5, "as text, everywhere it was said"
    assert "\u202e" not in html and "\x00" not in html
    assert "$a$" in html, "a dollar sign is no formula"


def test_a_name_in_another_script_is_drawn_without_a_warning() -> None:
    report = samples.report(
        Severity.SEVERE, [samples.feature("視程 \U0001f32a", Severity.SEVERE, Finding.SHIFTED)]
    )
    assert "視程" in page(report, histograms={"視程 \U0001f32a": samples.upright()})


def test_the_same_report_gives_the_same_bytes() -> None:
    assert storm() == storm()


def test_bytes_do_not_depend_on_the_process() -> None:
    code = (
        "import hashlib;from tests.effects.drift_report.test_page import storm;"
        "print(hashlib.sha256(storm().encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "America/New_York"))
    ]
    assert runs[0] == runs[1] != ""


def test_ids_are_unique_in_the_page_and_references_have_a_target() -> None:
    document = Document(storm())
    ids = document.values("id")
    assert len(set(ids)) == len(ids)
    clips = [re.findall(r"url\(#([^)]+)\)", value) for value in document.values("clip-path")]
    used = {found for names in clips for found in names}
    used |= {value.removeprefix("#") for value in document.values("xlink:href")}
    assert used and used <= set(ids)


def test_every_picture_says_in_words_what_it_shows() -> None:
    document = Document(storm())
    labels = document.values("aria-label")
    assert document.tags.count("svg") == 6, "four features, and the time twice: wide and narrow"
    assert any(label.startswith("wind_speed: shares of rows") for label in labels)
    assert any("72 looks over time" in label for label in labels)


def test_features_that_moved_are_drawn_the_worst_first_and_not_without_end() -> None:
    many = [
        samples.feature(f"f{n:02}", Severity.MODERATE, Finding.SHIFTED, reason=f"f{n:02} moved")
        for n in range(MOST_PLOTS + 2)
    ]
    shares = {feature["feature"]: samples.upright() for feature in many}
    html = page(samples.report(Severity.MODERATE, many), histograms=shares)
    document = Document(html)
    assert document.tags.count("figure") == MOST_PLOTS
    assert f"The {MOST_PLOTS} worst features are drawn" in document.text
    assert f"and {len(many) - MOST_REASONS} more, in the table" in document.text


def test_the_first_look_has_no_history_and_says_so() -> None:
    assert "This is the first look at this version" in Document(page(samples.calm())).text


def test_history_may_come_in_any_order_and_hold_the_report_itself() -> None:
    looks = samples.history(3)
    assert page(samples.storm(), history=looks) == page(samples.storm(), history=looks[::-1])
    earlier = [look for look in looks if look["at"] != iso(samples.AT)]
    assert "72 looks" in page(samples.storm(), history=earlier)


def test_the_policy_in_force_is_shown_with_every_limit() -> None:
    text = Document(storm()).text
    assert "Fewest rows of a window that are judged 30" in text
    for name in samples.LIMITS:
        assert name not in text, f"{name} has no words yet"


@pytest.mark.parametrize("finding", Finding)
@pytest.mark.parametrize("severity", Severity)
def test_every_finding_has_words_and_a_feature_without_figures_is_all_dashes(
    severity: Severity, finding: Finding
) -> None:
    figures = FeatureFigures(feature="visib", kind="numeric").as_json()
    feature = {**figures, "severity": severity.value, "finding": finding.value, "reason": ""}
    text = Document(page(samples.report(severity, [feature]))).text
    assert FINDINGS[finding] in text
    assert re.search(r"\b(None|nan|inf)\b", text) is None
    assert text.count(DASH) == 9, "eight figures and the importance"


def test_a_report_as_the_policy_judges_it_has_a_page() -> None:
    measured = [
        FeatureFigures(
            feature="visib", kind="numeric", rows=900, reference_rows=27_000, ks=0.4, effect=0.4,
            q_value=1e-6, p_value=1e-7, z=6.0, missing_share=0.0, reference_missing_share=0.0,
        ),
        FeatureFigures(feature="gone", kind="numeric", problem=Finding.COLUMN_MISSING),
    ]  # fmt: skip
    gone = {iso(samples.AT - hours * HOUR): "no file" for hours in (2, 3)}
    look = Look(
        features=tuple(measured),
        rows=900,
        problems=("7 rows lay outside their hour",),
        missing_hours=gone,
    )
    judged = judge(look, DriftLimits())
    report = DriftReport(
        id="0" * 32,
        model="arrival_delay",
        version_id="0" * 12,
        version="1.0.0",
        at=samples.AT,
        severity=judged.severity,
        rows=900,
        features=tuple(map(FeatureReport.of, judged.verdicts)),
        reference={
            "window": {
                "start": iso(samples.AT - DAY),
                "end": iso(samples.AT),
                "missing_hours": gone,
            },
            "frozen": {
                "days": 30,
                "first": "2013-01-01",
                "last": "2013-01-30",
                "origin": "first_reference",
            },
        },
        reasons=judged.reasons,
        policy={},
        evidence_digest="",
        episode={},
        revision=2,
    )
    text = Document(page(report.as_json())).text
    assert "2 of 2 features drifted: visib and gone." in text
    assert (
        "Problems of the data 7 rows lay outside their hour 2 hours without data, "
        "2013-02-08 15:00 to 2013-02-08 17:00 UTC: no file gone: the column is not" in text
    )
    assert "no usable data" not in text, "the hours are said once"
    assert "2013-01-01 to 2013-01-30 The first days it was watched" in text
    assert "visib moved: KS 0.40" in text and "revision 2" in text
