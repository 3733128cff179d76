"""What a session may say, and what is refused."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.canonical import canonical_json
from governance.errors import InvalidEvidenceError
from governance.evidence.shadow.gathering import facts_of
from governance.evidence.shadow.pairing import paired_differences
from governance.evidence.shadow.session_stats import (
    _RANGES,
    NAMES,
    SessionStats,
    check_session_id,
)
from governance.evidence.shadow.summary import Session, ShadowSummary

DOCUMENT_000 = {
    "trade_count": 15,
    "turnover_ratio": 1.2,
    "sharpe_ratio": 0.8,
    "max_drawdown": 0.02,
    "drift_psi": 0.15,
    "avg_latency_ms": 45.0,
    "error_rate": 0.001,
}
NOT_FINITE: tuple[Any, ...] = (
    float("nan"),
    float("inf"),
    float("-inf"),
    np.float64("nan"),
    "1.0",
    True,
    b"1",
    [],
)


def test_document_000s_session_is_taken_and_given_back() -> None:
    stats = SessionStats.of(DOCUMENT_000)
    assert stats.as_json() == DOCUMENT_000
    assert SessionStats.of(stats.as_json()) == stats
    assert SessionStats.of(stats) is stats


@pytest.mark.parametrize("name", [name for name in NAMES if name != "returns"])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_what_is_no_finite_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidEvidenceError):
        SessionStats.of({**DOCUMENT_000, name: value})


@pytest.mark.parametrize("value", [*NOT_FINITE[:4], None, "x"])
def test_returns_are_all_finite(value: Any) -> None:
    with pytest.raises(InvalidEvidenceError):
        SessionStats.of({"returns": [0.01, value]})


@pytest.mark.parametrize(
    "given",
    [
        *({}, {"trade_count": None}, {"trades": 5}, {1: 2}, {"returns": []}, {"returns": "0.1"}),
        *({"returns": {"a": 1}}, {"returns": 0.5}, {"trade_count": 1.5}, {"trade_count": -1}),
        *({"trade_count": 1e300}, {"max_drawdown": 1.01}, {"max_drawdown": -0.1}),
        *({"error_rate": 1.5}, {"drift_psi": -0.01}, {"turnover_ratio": -1}, [], "x", None, 5),
    ],
)
def test_what_means_nothing_is_refused(given: Any) -> None:
    with pytest.raises(InvalidEvidenceError) as caught:
        SessionStats.of(given)
    assert caught.value.code == "invalid_evidence"


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("trade_count", 10**12),
        ("turnover_ratio", 1e9),
        ("sharpe_ratio", 1e6),
        ("drift_psi", 1e6),
        ("avg_latency_ms", 1e9),
        ("score", 1e15),
    ],
)
def test_a_figure_that_nobody_reaches_is_refused_with_the_limit(name: str, limit: float) -> None:
    assert getattr(SessionStats.of({name: limit}), name) == limit
    for beyond in (limit * 1.1, 1e308):
        with pytest.raises(InvalidEvidenceError, match=name) as caught:
            SessionStats.of({name: beyond})
        assert f"{limit:g}" in str(caught.value) or f"{limit:,}" in str(caught.value)


@pytest.mark.parametrize("value", [1e308, -1e308, 10_001])
def test_a_return_that_nobody_makes_is_refused_with_the_limit(value: float) -> None:
    with pytest.raises(InvalidEvidenceError, match="beyond 10,000"):
        SessionStats.of({"returns": [0.01, value]})
    assert SessionStats.of({"returns": [-10_000, 10_000]}).gain == 0


def test_the_largest_figures_have_finite_sums_and_means() -> None:
    largest = SessionStats(
        **{name: high for name, (_, high) in _RANGES.items()},
        trade_count=10**12,
        returns=(10_000.0, 9_999.0),
    )
    lowest = SessionStats(**{name: low for name, (low, _) in _RANGES.items()})  # type: ignore[arg-type]
    at = datetime(2013, 2, 1, tzinfo=UTC)

    def of(stats: SessionStats) -> ShadowSummary:
        return ShadowSummary.of(Session(id=f"s{n}", at=at, stats=stats) for n in range(999))

    for found in (of(largest), of(lowest)):
        facts = facts_of(found, timezone="UTC").as_json()
        assert all(math.isfinite(value) for value in facts.values() if type(value) is float)
        assert canonical_json(facts)
    scores = of(SessionStats(score=-1e15))
    pairs = paired_differences(of(SessionStats(score=1e15)), scores)
    assert (pairs.pairs, pairs.mean, pairs.sd) == (999, 2e15, 0.0)


def test_numbers_of_numpy_are_numbers() -> None:
    stats = SessionStats(trade_count=np.int64(3), score=np.float32(0.5), returns=np.array([0.1]))  # type: ignore[arg-type]
    assert stats == SessionStats(trade_count=3, score=0.5, returns=(0.1,))


@given(st.lists(st.floats(-1, 1), min_size=1), st.none() | st.floats(-9, 9))
def test_the_gain_is_the_sum_of_returns_else_the_score(
    returns: list[float], score: float | None
) -> None:
    stats = SessionStats(returns=tuple(returns), score=score)
    assert stats.gain == pytest.approx(sum(returns), abs=1e-9)
    if score is not None:
        assert SessionStats(score=score).gain == score


@pytest.mark.parametrize("wrong", ["", " ", "a b", "../x", "x" * 129, "é", 5, None, "a\n", "-a"])
def test_an_id_that_no_record_can_have_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidEvidenceError):
        check_session_id(wrong)
