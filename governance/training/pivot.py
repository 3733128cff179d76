"""Does a level hold? Touches of the NASDAQ's 20-bar high or low, and what became of them.

The level of a bar is the highest high (resistance) or the lowest low (support) of the 20 completed
bars before it. A touch is a bar that reaches its level; a bar that reaches both tells nothing and
is left out. The decision falls at the touching bar's close, and everything used for it is known
then. ``reject``: the close h bars later stands on the side the price came from, at least half an
average true range away from the level. ``break``: at least as far beyond it. In between lies
neither. All labels of a touch count as known when its longest horizon has ended, so one purge is
right for every member, at the price of the last bars. Not promised: that levels mean anything;
that is what the models are asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from governance.errors import ConfigError
from governance.training.data import Labels
from governance.training.index_bars import known_bars

_BPS = 10_000.0


def bars(at: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """The NASDAQ's daily bars that were known before ``at``; see ``index_bars``.

    >>> from datetime import UTC
    >>> bars(datetime(1999, 1, 5, 20, 59, tzinfo=UTC), {})["close"].tolist()
    [2208.050049]
    """
    return known_bars("nasdaq", at, params)


def touches(
    frame: pd.DataFrame,
    *,
    horizons: Sequence[int],
    window: int = 20,
    atr_window: int = 14,
    distance: float = 0.5,
) -> Labels:
    """The labels ``reject_<h>`` and ``break_<h>`` of each touch, and how far the price went.

    ``extra`` has them as 0.0 and 1.0, and for each the excursions until its horizon in basis points
    of the touching bar's close, both 0 or more: ``<label>.mfe_bps`` in the direction that acting
    on it takes (away from the level for a reject, through it for a break), ``<label>.mae_bps``
    against it. ``values`` is the first of them, missing where nothing was touched or the longest
    horizon has not ended.

    Args:
        frame: time, high, low, close, in time order.
        horizons: in bars, at least one.
        window: bars that make the level. atr_window: bars of the average true range.
        distance: from the level, in average true ranges.

    Raises:
        ConfigError: a horizon or window below 1, or a distance that is not above 0.
    """
    if not horizons or min(*horizons, window, atr_window) < 1 or not distance > 0:
        raise ConfigError("label: horizons and windows must be 1 or more, distance above 0")
    close = frame["close"]
    side, level = _touch(frame["high"], frame["low"], window)
    room = distance * _true_range(frame["high"], frame["low"], close, atr_window)
    ended = frame["time"].shift(-max(horizons))
    known = side.notna() & room.notna() & ended.notna()
    extra: dict[str, pd.Series[Any]] = {}
    for horizon in horizons:
        beyond = side * (close.shift(-horizon) - level)
        up = (_ahead(frame["high"], horizon).max() / close - 1.0).clip(lower=0.0) * _BPS
        down = (1.0 - _ahead(frame["low"], horizon).min() / close).clip(lower=0.0) * _BPS
        through, away = up.where(side > 0, down), down.where(side > 0, up)
        for target, hit, favourable, adverse in (
            ("reject", beyond <= -room, away, through),
            ("break", beyond >= room, through, away),
        ):
            name = f"{target}_{horizon}"
            extra[name] = hit.astype(np.float64).where(known)
            extra[f"{name}.mfe_bps"] = favourable.where(known)
            extra[f"{name}.mae_bps"] = adverse.where(known)
    made = pd.DataFrame(extra)
    return Labels(values=made[f"reject_{horizons[0]}"], known_at=ended, extra=made)


def touch_side(frame: pd.DataFrame, *, window: int = 20) -> pd.Series[Any]:
    """+1.0 where resistance is touched, -1.0 for support, else missing; dependencies: high, low."""
    return _touch(frame["high"], frame["low"], window)[0]


def beyond_level(frame: pd.DataFrame, *, window: int = 20, atr_window: int = 14) -> pd.Series[Any]:
    """How far the bar closed beyond the level it touched (below 0: back from it), in average true
    ranges; dependencies: high, low, close.
    """
    side, level = _touch(frame["high"], frame["low"], window)
    span = _true_range(frame["high"], frame["low"], frame["close"], atr_window)
    return side * (frame["close"] - level) / span.where(span > 0)


def level_age(frame: pd.DataFrame, *, window: int = 20) -> pd.Series[Any]:
    """Bars since the touched level was made, 1 to ``window``; dependencies: high, low."""
    side, _ = _touch(frame["high"], frame["low"], window)
    highest = frame["high"].shift(1).rolling(window).apply(_bars_since_highest, raw=True)
    lowest = (-frame["low"]).shift(1).rolling(window).apply(_bars_since_highest, raw=True)
    return highest.where(side > 0, lowest).where(side.notna())


def true_range_share(frame: pd.DataFrame, *, window: int = 14) -> pd.Series[Any]:
    """Average true range over the close; dependencies: high, low, close."""
    span = _true_range(frame["high"], frame["low"], frame["close"], window)
    return span / frame["close"].where(frame["close"] > 0)


def approach(frame: pd.DataFrame, *, window: int = 20, periods: int = 5) -> pd.Series[Any]:
    """Log return of ``periods`` bars, positive towards the touched level; dependencies: high, low,
    close.
    """
    side, _ = _touch(frame["high"], frame["low"], window)
    close = frame["close"].where(frame["close"] > 0)
    ratio = close / close.shift(periods)
    return side * ratio.map(np.log)


def _touch(
    high: pd.Series[Any], low: pd.Series[Any], window: int
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Side and level of each touch, missing where there is none; of earlier bars and this one."""
    resistance, support = high.shift(1).rolling(window).max(), low.shift(1).rolling(window).min()
    above, below = high >= resistance, low <= support
    side = pd.Series(np.where(above, 1.0, -1.0), index=high.index).where(above ^ below)
    return side, resistance.where(side > 0, support).where(side.notna())


def _true_range(
    high: pd.Series[Any], low: pd.Series[Any], close: pd.Series[Any], window: int
) -> pd.Series[Any]:
    before = close.shift(1)
    spans = pd.concat([high - low, (high - before).abs(), (low - before).abs()], axis=1)
    return spans.max(axis=1).where(before.notna()).rolling(window).mean()


def _ahead(prices: pd.Series[Any], horizon: int) -> Any:
    """Windows over the ``horizon`` bars after each bar, without it."""
    window = pd.api.indexers.FixedForwardWindowIndexer(window_size=horizon)
    return prices.shift(-1).rolling(window, min_periods=horizon)


def _bars_since_highest(window: np.ndarray[Any, Any]) -> float:
    return float(len(window) - np.argmax(window))
