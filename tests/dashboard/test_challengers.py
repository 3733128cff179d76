"""Challengers: bars say what the gates say, and the picture ends where the comparison stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from governance import Governance
from governance.dashboard.charts.paired import looks, paired_chart
from governance.dashboard.routes.challengers import criterion
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import Session
from governance.policy.promotion.paired_test import PairedTest
from governance.policy.verdict import GateResult
from governance.values import ModelVersion, Verdict
from tests.api.test_models import statements
from tests.dashboard.conftest import NAME, Browser, Shown
from tests.decisions.eligible import policy, promoted, staged

START = datetime(2013, 2, 1, 21, tzinfo=UTC)


def sessions(gov: Governance, version: ModelVersion, gains: list[float]) -> None:
    given = [
        Session(
            id=f"s{number}",
            at=START + timedelta(days=number),
            stats=SessionStats(trade_count=10, returns=(gain,), sharpe_ratio=1.0),
        )
        for number, gain in enumerate(gains)
    ]
    gov.shadow.record_sessions(version, given, by="trader")


@pytest.fixture
def pair(sqlite_gov: Governance) -> ModelVersion:
    """A challenger beside a champion, with 24 sessions of both."""
    policy(sqlite_gov)
    live = promoted(sqlite_gov, 1)
    asked = "{min_shadow_sessions: 30, max_drawdown_threshold: 0.2}"
    policy(sqlite_gov, further=f"models:\n  {NAME}:\n    promotion: {asked}\n")
    challenger = staged(sqlite_gov, 2)
    sqlite_gov.shadow.start_shadow_testing(challenger, by="ann")
    sessions(sqlite_gov, live, [0.01 * (number % 3) for number in range(24)])
    sessions(
        sqlite_gov, challenger, [0.01 * (number % 3) + 0.001 * (number % 5) for number in range(24)]
    )
    return challenger


def test_progress_is_what_the_gates_say(
    sqlite_gov: Governance, browser: Browser, pair: ModelVersion
) -> None:
    text = browser.get(f"/models/{NAME}/versions/{pair.version}/trial").text
    said = sqlite_gov.shadow.progress(pair)
    assert said.sessions_needed == 6 and "6 more sessions needed at least" in text
    assert "1 of 2" in text
    for check in said.criteria:
        assert check.reason in text
    assert 'aria-label="Sessions: 24 of 30 sessions"' in text
    assert re.search(r'<rect x="0" y="1" width="80" height="8" class="open">', text)


def test_the_picture_ends_where_the_comparison_stands(
    sqlite_gov: Governance, browser: Browser, pair: ModelVersion
) -> None:
    text = browser.get(f"/models/{NAME}/versions/{pair.version}/trial").text
    said = sqlite_gov.shadow.progress(pair).comparison
    assert said is not None and said.pairs == 24
    assert f"{said.mean:.4g} after 24 sessions, between {said.low:.4g} and {said.high:.4g}" in text
    assert "24 shared sessions" in text and "sum of returns" in text
    assert "The policy does not ask for this comparison" in text


def test_every_look_is_the_paired_tests_own() -> None:
    differences = [0.1, -0.2, 0.3, 0.05, 0.2] * 30
    found = looks(differences, candidates=3, alpha=0.05)
    assert len(found) <= 41 and found[-1].pairs == 150
    for look in (found[9], found[-1]):
        seen = differences[: look.pairs]
        mean = sum(seen) / len(seen)
        sd = (sum((one - mean) ** 2 for one in seen) / (len(seen) - 1)) ** 0.5
        interval = PairedTest(look.pairs, mean, sd, 3, 0.05).interval
        assert interval is not None
        assert (look.mean, look.low, look.high) == pytest.approx((mean, *interval))
    assert found[0].low is None  # no bound yet: not drawn as far as the picture reaches


def test_equal_sessions_have_no_interval_and_still_a_picture() -> None:
    found = looks([0.0, 0.0, 0.0], candidates=1, alpha=0.05)
    assert [look.low for look in found] == [None, None, None]
    assert 'class="band"' not in paired_chart([0.0] * 3, found, unit="score")
    one = looks([0.5], candidates=1, alpha=0.05)
    assert "after 1 sessions" in paired_chart([0.5], one, unit="score")


@pytest.mark.parametrize(
    ("gate", "observed", "asked", "result", "width"),
    [
        ("shadow.sessions", 2, 5, Verdict.INSUFFICIENT, "40"),
        ("shadow.sessions", 9, 5, Verdict.PASS, "100"),
        ("shadow.sessions", None, 5, Verdict.INSUFFICIENT, "0"),
        ("shadow.sharpe_ratio", -1.0, 0.5, Verdict.FAIL, "0"),
        ("shadow.max_drawdown", 0.04, 0.05, Verdict.PASS, "64"),
        ("shadow.max_drawdown", 0.10, 0.05, Verdict.FAIL, "80"),
        ("shadow.error_rate", 0.0, 0.0, Verdict.PASS, "0"),
        ("soak", 0.0, 0.0, Verdict.PASS, "100"),
        ("some.other", "text", "<b>", Verdict.PASS, "0"),
    ],
)
def test_a_bar_is_as_long_as_what_is_there(
    gate: str, observed: float | str | None, asked: float | str, result: Verdict, width: str
) -> None:
    made = criterion(
        GateResult(gate=gate, result=result, observed=observed, threshold=asked, reason="")
    )
    bars = re.findall(r'<rect x="0" y="1" width="([^"]+)"', made.picture)
    assert bars[1] == width
    assert ('class="limit"' in made.picture) is (made.side == "max")
    assert "<b>" not in made.picture


def test_the_list_names_every_trial(shown: Shown) -> None:
    text = shown.browser.get("/challengers").text
    assert f"/models/{NAME}/versions/1.0.1/trial" in text and "none yet" in text


def test_without_a_trial_the_list_says_how_to_begin_one(browser: Browser) -> None:
    assert "governance shadow start" in browser.get("/challengers").text


def test_statements_do_not_grow_with_sessions(
    sqlite_gov: Governance, browser: Browser, pair: ModelVersion
) -> None:
    path = f"/models/{NAME}/versions/{pair.version}/trial"
    browser.get(path)
    with statements(sqlite_gov) as before:
        browser.get(path)
    sessions(sqlite_gov, pair, [0.01 * (n % 3) + 0.001 * (n % 5) for n in range(24)] + [0.5] * 40)
    with statements(sqlite_gov) as after:
        browser.get(path)
    assert len(after) == len(before) <= 20


def test_what_fails_by_now_stands_beside_the_sessions_that_are_needed(
    sqlite_gov: Governance, browser: Browser, pair: ModelVersion
) -> None:
    path = f"/models/{NAME}/versions/{pair.version}/trial"
    assert "Failed by now" not in browser.get(path).text
    policy(sqlite_gov, further=f"models:\n  {NAME}:\n    promotion: {{min_live_sharpe: 90}}\n")
    text = browser.get(path).text
    assert "<b>Failed by now:</b> Sharpe ratio." in text
