"""Trading metrics equal a plain loop over the days, at every prefix."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidEvidenceError
from governance.evidence.trading import trading_metrics

returns = st.floats(-0.3, 0.3).map(lambda value: round(value, 4))
positions = st.sampled_from([-1.0, 0.0, 0.5, 1.0])
days = st.lists(st.tuples(returns, positions), min_size=1, max_size=30)


def by_hand(
    rows: Sequence[tuple[float, float]], cost_bps: float, periods: float
) -> dict[str, float | None]:
    """The definitions, one day after the other."""
    before = 0.0
    wealth = peak = 1.0
    deepest = moved = 0.0
    trades = hits = held = 0
    net = []
    for made, position in rows:
        change = abs(position - before)
        gain = position * made - cost_bps / 10_000 * change
        net.append(gain)
        wealth *= max(0.0, 1 + gain)
        peak = max(peak, wealth)
        deepest = max(deepest, 1 - wealth / peak)
        moved += change
        trades += change != 0
        held += position != 0
        hits += position * made > 0
        before = position
    spread = statistics.stdev(net) if len(set(net)) > 1 else 0.0
    return {
        "sharpe": statistics.fmean(net) / spread * math.sqrt(periods) if spread else None,
        "max_drawdown": deepest,
        "turnover": moved / len(rows),
        "trades": trades,
        "hit_rate": hits / held if held else None,
        "total_return": wealth - 1,
    }


@given(days, st.sampled_from([0.0, 1.0, 25.0]), st.sampled_from([1.0, 252.0]))
def test_each_metric_equals_the_plain_loop_at_every_prefix(
    rows: list[tuple[float, float]], cost_bps: float, periods: float
) -> None:
    for end in range(1, len(rows) + 1):
        made, held = zip(*rows[:end], strict=True)
        ours = trading_metrics(made, held, cost_bps=cost_bps, periods_per_year=periods)
        theirs = by_hand(rows[:end], cost_bps, periods)
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            expected = None if value is None else pytest.approx(value, rel=1e-6, abs=1e-9)
            assert ours[name] == expected, name
            assert (name in ours.reasons) == (value is None)


@given(days)
def test_costs_never_raise_the_return(rows: list[tuple[float, float]]) -> None:
    made, held = zip(*rows, strict=True)
    free = trading_metrics(made, held, periods_per_year=252)
    dear = trading_metrics(made, held, cost_bps=10, periods_per_year=252)
    assert dear.known["total_return"] <= free.known["total_return"] + 1e-12
    assert (dear["trades"], dear["hit_rate"]) == (free["trades"], free["hit_rate"])


def test_a_strategy_that_never_trades_has_no_sharpe_and_no_hit_rate() -> None:
    measured = trading_metrics([0.01, -0.02], [0, 0], cost_bps=5, periods_per_year=252)
    assert measured["sharpe"] is None and measured["hit_rate"] is None
    assert measured["total_return"] == 0.0 and measured["trades"] == 0.0


def test_equal_returns_have_no_sharpe_however_good() -> None:
    measured = trading_metrics([0.1] * 10, periods_per_year=252)
    assert measured["sharpe"] is None and measured.reasons["sharpe"] == "the returns have no spread"


def test_equity_that_reached_zero_stays_there() -> None:
    measured = trading_metrics([0.5, -1.0, 2.0], [1, 2, 1], periods_per_year=252)
    assert measured["total_return"] == -1.0 and measured["max_drawdown"] == 1.0


def test_own_returns_have_no_turnover() -> None:
    measured = trading_metrics([0.01, -0.02], periods_per_year=252)
    assert measured["turnover"] is None and measured["trades"] is None
    assert measured.reasons["trades"] == "no positions were given"


def test_a_loss_on_the_first_day_is_a_drawdown() -> None:
    measured = trading_metrics([-0.1, 0.2], periods_per_year=1)
    assert measured["max_drawdown"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"returns": []}, "no rows"),
        ({"returns": [0.1], "positions": [1, 1]}, "different numbers"),
        ({"returns": [float("nan")]}, "missing or not finite"),
        ({"returns": [0.1], "positions": [float("inf")]}, "not finite"),
        ({"returns": [0.1], "cost_bps": 1.0}, "costs need positions"),
        ({"returns": [0.1], "positions": [1], "cost_bps": -1.0}, "cost_bps"),
        ({"returns": [0.1], "positions": [1], "cost_bps": float("nan")}, "cost_bps"),
        ({"returns": [0.1], "periods_per_year": 0}, "periods_per_year"),
        ({"returns": [0.1], "periods_per_year": float("nan")}, "periods_per_year"),
    ],
)
def test_input_that_can_never_be_right_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidEvidenceError, match=said):
        trading_metrics(**{"periods_per_year": 252, **arguments})
