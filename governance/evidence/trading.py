"""Metrics of a trading model from its positions and the returns that followed, after costs.

Not promised: that a position could have been filled at that price, or that the returns are those
of one period each. Give one-period returns even where the label looks further ahead: overlapping
returns would count the same day several times and inflate the Sharpe ratio.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from governance.errors import InvalidEvidenceError
from governance.evidence.measured import Measured, Vector, as_vector, require_same_rows


def trading_metrics(
    returns: Any, positions: Any = None, *, cost_bps: float = 0.0, periods_per_year: float
) -> Measured:
    """Sharpe ratio, drawdown, turnover, trades, hit rate and total return, in order of time.

    With ``positions`` p (share of capital, negative for short) the period's net return is
    ``p[t] * returns[t] - cost * |p[t] - p[t-1]|``, flat before the first period; the last position
    stays open. Without, ``returns`` are the strategy's own, and turnover and trades do not exist.

    - sharpe: mean / standard deviation (n - 1) of net returns, times sqrt(periods_per_year).
    - max_drawdown: largest loss from the highest equity so far, as a share (0.2 is 20 %).
    - turnover: mean of ``|p[t] - p[t-1]|``, in capital per period.
    - trades: periods in which the position changed.
    - hit_rate: share of periods with a position whose return before costs was positive.
    - total_return: end equity - 1; equity that reaches 0 stays there.

    Args:
        returns: simple returns (0.01 is 1 %), shape (n,).
        positions: held over the period of the same row, shape (n,).
        cost_bps: cost of trading the whole capital once, in 1/10,000.
        periods_per_year: rows in a year.

    Raises:
        InvalidEvidenceError: no rows, different lengths, values missing, costs without positions.

    >>> made, held = [0.01, -0.02, 0.03], [1, 0, 1]
    >>> measured = trading_metrics(made, held, cost_bps=10, periods_per_year=252)
    >>> {name: round(value, 6) for name, value in measured.known.items()}
    {'sharpe': 12.817176, 'max_drawdown': 0.001, 'turnover': 1.0, 'trades': 3.0, 'hit_rate': 1.0,
     'total_return': 0.037223}
    """
    made = as_vector(returns, "returns")
    if not np.isfinite(cost_bps) or cost_bps < 0:
        raise InvalidEvidenceError(f"cost_bps must be 0 or more, not {cost_bps!r}")
    if not np.isfinite(periods_per_year) or periods_per_year <= 0:
        raise InvalidEvidenceError(f"periods_per_year must be above 0, not {periods_per_year!r}")
    if positions is None:
        if cost_bps:
            raise InvalidEvidenceError("costs need positions; give them, or returns after costs")
        held, change = np.ones_like(made), None
    else:
        require_same_rows(returns=returns, positions=positions)
        held = as_vector(positions, "positions")
        with np.errstate(over="ignore"):
            change = np.abs(np.diff(held, prepend=0.0))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        gross = held * made
        net = gross if change is None else gross - cost_bps / 10_000 * change
        return _measure(gross, net, held, change, periods_per_year)


def _measure(
    gross: Vector, net: Vector, held: Vector, change: Vector | None, periods_per_year: float
) -> Measured:
    reasons: dict[str, str] = {}
    values: dict[str, float | None] = {}
    values["sharpe"] = _sharpe(net, periods_per_year)
    if values["sharpe"] is None:
        reasons["sharpe"] = "the returns have no spread"
    ruined = np.maximum.accumulate(1.0 + net <= 0)
    wealth = np.where(ruined, 0.0, np.cumprod(np.where(ruined, 1.0, 1.0 + net)))
    peak = np.maximum.accumulate(np.maximum(wealth, 1.0))
    values["max_drawdown"] = float((1.0 - wealth / peak).max())
    if change is None:
        values |= {"turnover": None, "trades": None}
        reasons |= dict.fromkeys(("turnover", "trades"), "no positions were given")
    else:
        values |= {"turnover": float(change.mean()), "trades": float((change != 0).sum())}
    invested = held != 0
    if invested.any():
        values["hit_rate"] = float((gross[invested] > 0).mean())
    else:
        values["hit_rate"], reasons["hit_rate"] = None, "no position was ever held"
    values["total_return"] = float(wealth[-1] - 1.0)
    return Measured(values, net.size, reasons)


def _sharpe(net: Vector, periods_per_year: float) -> float | None:
    if net.size < 2 or net.min() == net.max():
        return None
    spread = float(net.std(ddof=1))
    return float(net.mean()) / spread * float(np.sqrt(periods_per_year)) if spread > 0 else None
