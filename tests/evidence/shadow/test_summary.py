"""Sessions together: laws of the union, figures against plain formulas, pairs."""

from __future__ import annotations

import math
import statistics
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import MetricConflictError
from governance.evidence.shadow.gathering import facts_of
from governance.evidence.shadow.pairing import paired_differences
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import Session, ShadowSummary

START = datetime(2013, 2, 1, 21, tzinfo=UTC)

shares = st.floats(0, 1)
stats_of_any_kind = st.builds(
    SessionStats,
    trade_count=st.integers(0, 50),
    turnover_ratio=st.none() | st.floats(0, 5),
    sharpe_ratio=st.none() | st.floats(-9, 9),
    max_drawdown=st.none() | shares,
    drift_psi=st.none() | st.floats(0, 2),
    error_rate=st.none() | shares,
    returns=st.none() | st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=5).map(tuple),
    score=st.none() | st.floats(-1, 1),
)


@st.composite
def session_lists(draw: st.DrawFn) -> list[Session]:
    stats = draw(st.lists(stats_of_any_kind, min_size=1, max_size=8))
    return [
        Session(id=f"s{n}", at=START + timedelta(hours=7 * draw(st.integers(0, 40))), stats=one)
        for n, one in enumerate(stats)
    ]


def one(n: int, *, at: datetime | None = None, **given: Any) -> Session:
    moment = START + timedelta(days=n) if at is None else at
    return Session(id=f"s{n}", at=moment, stats=SessionStats(**given))


@given(session_lists(), st.randoms(use_true_random=False), st.data())
def test_order_grouping_and_repetition_change_nothing(
    sessions: list[Session], shuffle: Any, data: st.DataObject
) -> None:
    whole = ShadowSummary.of(sessions)
    again = [*sessions, *sessions[: len(sessions) // 2]]
    shuffle.shuffle(again)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(again)), max_size=3)))
    parts = [
        ShadowSummary.of(again[low:high])
        for low, high in zip([0, *cuts], [*cuts, len(again)], strict=True)
    ]
    merged = reduce(add, parts)
    assert merged == whole == whole + whole
    assert facts_of(merged, timezone="UTC") == facts_of(whole, timezone="UTC")
    assert parts[0] + parts[-1] == parts[-1] + parts[0]


@given(session_lists())
def test_figures_are_those_of_the_plain_formulas(sessions: list[Session]) -> None:
    facts = facts_of(ShadowSummary.of(sessions), timezone="UTC")
    stats = [session.stats for session in sessions]
    assert facts.sessions == len(sessions)
    assert facts.days == len({session.at.date() for session in sessions})
    assert facts.trades == sum(s.trade_count or 0 for s in stats)
    psi = [s.drift_psi for s in stats if s.drift_psi is not None]
    assert facts.drift_psi == (max(psi) if psi else None)
    for name in ("turnover_ratio", "error_rate"):
        have = [
            (getattr(s, name), s.trade_count or 0) for s in stats if getattr(s, name) is not None
        ]
        value = getattr(facts, name)
        if not have:
            assert value is None
        else:
            values, trades = zip(*have, strict=True)
            weights = trades if sum(trades) else None
            assert value == pytest.approx(np.average(values, weights=weights), abs=1e-12)


def test_limits_are_reached_exactly() -> None:
    """Weighted means of equal figures are that figure, and a loss of 5 % is 0.05."""
    sessions = [one(n, trade_count=3 + n, turnover_ratio=1.5, returns=(0.1,)) for n in range(6)]
    sessions.append(one(9, trade_count=1, turnover_ratio=1.5, returns=(-0.05,)))
    facts = facts_of(ShadowSummary.of(sessions), timezone="UTC")
    assert (facts.turnover_ratio, facts.max_drawdown) == (1.5, 0.05)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30), st.floats(0, 10))
def test_the_mean_of_equal_figures_is_that_figure(trades: list[int], value: float) -> None:
    sessions = [
        one(n, trade_count=count, turnover_ratio=value, sharpe_ratio=value)
        for n, count in enumerate(trades)
    ]
    facts = facts_of(ShadowSummary.of(sessions), timezone="UTC")
    assert facts.turnover_ratio == facts.sharpe_ratio == value


def test_days_are_dates_of_the_models_time_zone() -> None:
    late, early = datetime(2013, 2, 2, 1, tzinfo=UTC), datetime(2013, 2, 1, 15, tzinfo=UTC)
    both = ShadowSummary.of([one(0, at=late, score=1), one(1, at=early, score=1)])
    assert (both.days("UTC"), both.days("America/New_York")) == (2, 1)


def test_pooled_returns_are_read_in_order_of_time() -> None:
    """A loss that crosses the border of two sessions is one loss; the order of arrival is not."""
    later, earlier = one(2, returns=(-0.05, 0.3)), one(1, returns=(0.1, -0.05))
    found = ShadowSummary.of([later, earlier]).performance(252)
    made = [0.1, -0.05, -0.05, 0.3]
    sharpe = statistics.mean(made) / statistics.stdev(made) * math.sqrt(252)
    assert found.sharpe_ratio == pytest.approx(sharpe)
    assert found.max_drawdown == pytest.approx(1 - 0.95**2)
    assert later.stats.returns is not None
    yearly = ShadowSummary.of([later, earlier]).performance(4).sharpe_ratio
    assert yearly == pytest.approx(sharpe / math.sqrt(63))


def test_ratios_are_averaged_where_a_session_has_no_returns() -> None:
    sessions = [
        one(0, returns=(0.02, 0.01), sharpe_ratio=1.0, max_drawdown=0.01),
        one(1, sharpe_ratio=2.0, max_drawdown=0.03),
        one(2, trade_count=4),
        one(3, returns=(0.01, -0.02, 0.03)),
    ]
    summary = ShadowSummary.of(sessions)
    own = summary.of(sessions[3:]).performance(252)
    found = summary.performance(252)
    assert not summary.pooled and own.sharpe_ratio is not None
    assert found.sharpe_ratio == pytest.approx((1.0 + 2.0 + own.sharpe_ratio) / 3)
    assert found.max_drawdown == 0.03


def test_no_spread_and_no_figure_are_none() -> None:
    facts = facts_of(ShadowSummary.of([one(0, returns=(0.0, 0.0))]), timezone="UTC")
    assert (facts.sharpe_ratio, facts.max_drawdown, facts.trades, facts.drift_psi) == (
        *(None, 0.0),
        *(None, None),
    )
    assert facts_of(ShadowSummary(), timezone="UTC").sessions == 0


def test_means_are_plain_where_trades_are_not_counted_or_none_was_made() -> None:
    uncounted = [one(0, error_rate=0.2), one(1, error_rate=0.4, trade_count=100)]
    assert ShadowSummary.of(uncounted).mean("error_rate") == pytest.approx(0.3)
    idle = [one(0, error_rate=0.2, trade_count=0), one(1, error_rate=0.4, trade_count=0)]
    assert ShadowSummary.of(idle).mean("error_rate") == pytest.approx(0.3)


def test_two_records_of_one_session_conflict() -> None:
    with pytest.raises(MetricConflictError):
        ShadowSummary.of([one(1, score=1)]) + ShadowSummary.of([one(1, score=2)])


@given(
    st.dictionaries(st.integers(0, 12), st.floats(-5, 5)),
    st.dictionaries(st.integers(0, 12), st.floats(-5, 5)),
)
def test_pairs_are_the_sessions_of_both(mine: dict[int, float], theirs: dict[int, float]) -> None:
    found = paired_differences(
        ShadowSummary.of(one(n, returns=(value / 2, value / 2)) for n, value in mine.items()),
        ShadowSummary.of(one(n, returns=(value,)) for n, value in theirs.items()),
    )
    expected = [mine[n] - theirs[n] for n in mine.keys() & theirs.keys()]
    assert found.pairs == len(expected)
    if expected:
        assert found.mean == pytest.approx(statistics.mean(expected), abs=1e-9)
    else:
        assert found.mean is None
    if len(expected) > 1:
        assert found.sd == pytest.approx(statistics.stdev(expected), abs=1e-9)
    else:
        assert found.sd is None
    mirrored = paired_differences(
        ShadowSummary.of(one(n, returns=(value,)) for n, value in theirs.items()),
        ShadowSummary.of(one(n, returns=(value,)) for n, value in mine.items()),
    )
    assert (mirrored.mean or 0.0) == pytest.approx(-(found.mean or 0.0), abs=1e-9)


def test_what_cannot_be_compared_makes_no_pair() -> None:
    mine = ShadowSummary.of([one(0, score=1), one(1, trade_count=3), one(2, score=1, returns=(1,))])
    theirs = ShadowSummary.of([one(0, returns=(1,)), one(1, trade_count=5), one(2, score=0.25)])
    assert paired_differences(mine, theirs).pairs == 1
    assert paired_differences(mine, theirs).mean == 0.75


def test_differences_beyond_floats_have_no_mean() -> None:
    largest = 1.7976931348623157e308

    def scores(*values: float) -> ShadowSummary:
        return ShadowSummary.of(
            Session(id=f"s{n}", at=START, stats=SessionStats.recorded({"score": value}))
            for n, value in enumerate(values)  # such as were recorded before figures had limits
        )

    found = paired_differences(scores(largest, -largest), scores(-largest, largest))
    assert (found.pairs, found.mean, found.sd) == (2, None, None)


def test_a_figure_that_some_sessions_with_trades_do_not_have_is_lacking() -> None:
    whole = SessionStats(trade_count=15, sharpe_ratio=0.8, max_drawdown=0.02, drift_psi=0.1)
    bare, quiet = SessionStats(trade_count=100), SessionStats(trade_count=0)
    own = SessionStats(trade_count=3, returns=(0.01, -0.01), drift_psi=0.2)
    at = datetime(2026, 3, 2, 21, tzinfo=UTC)

    def lacking(*stats: SessionStats) -> tuple[str, ...]:
        return ShadowSummary.of(
            Session(id=f"s{number}", at=at, stats=one) for number, one in enumerate(stats)
        ).lacking

    assert lacking(whole, quiet, own) == ()
    assert lacking(whole, bare) == ("sharpe_ratio", "max_drawdown", "drift_psi")
