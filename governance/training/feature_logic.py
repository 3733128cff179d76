"""Functions that feature definitions name: columns in, one feature out, never looking ahead.

Each has the signature ``(frame, **params) -> Series``, where ``frame`` holds the feature's
dependencies, in their declared order. Law, held by a test for every function here: the values on
the first n rows do not change when later rows are added. A window that is not full yet gives a
missing value. The price features need rows in time order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from governance.errors import FeatureGraphError


def _only(frame: pd.DataFrame, logic: str) -> pd.Series[Any]:
    return _exactly(frame, 1, logic)[0]


def _exactly(frame: pd.DataFrame, number: int, logic: str) -> list[pd.Series[Any]]:
    if frame.shape[1] != number:
        raise FeatureGraphError(
            f"feature logic {logic} takes {number} dependencies, not {frame.shape[1]} "
            f"({', '.join(map(str, frame.columns))}); correct the definition"
        )
    return [frame.iloc[:, position] for position in range(number)]


def _finite(values: pd.Series[Any]) -> pd.Series[Any]:
    """Missing in place of infinite: training and serving see the same, and trees know missing."""
    return values.where(np.isfinite(values))


def _log_ratio(above: pd.Series[Any], below: pd.Series[Any]) -> pd.Series[Any]:
    """Log of a ratio of prices; missing where one of them is no price (zero or negative)."""
    quotient = above.where(above > 0) / below.where(below > 0)
    logarithm: pd.Series[Any] = np.log(_finite(quotient).where(quotient > 0))
    return logarithm


def log_return(frame: pd.DataFrame, *, periods: int = 1) -> pd.Series[Any]:
    """Natural logarithm of a price over the price ``periods`` rows before.

    >>> log_return(pd.DataFrame({"close": [1.0, 1.0, np.e]})).tolist()
    [nan, 0.0, 1.0]
    """
    price = _only(frame, "log_return")
    return _log_ratio(price, price.shift(periods))


def distance_to_mean(frame: pd.DataFrame, *, window: int = 20) -> pd.Series[Any]:
    """A price over its mean of the last ``window`` rows, minus one.

    >>> distance_to_mean(pd.DataFrame({"close": [1.0, 3.0]}), window=2).tolist()
    [nan, 0.5]
    """
    price = _only(frame, "distance_to_mean")
    return _finite(price / price.rolling(window).mean() - 1.0)


def volatility(frame: pd.DataFrame, *, window: int = 20) -> pd.Series[Any]:
    """Sample standard deviation of one-row log returns of a price over ``window`` returns."""
    return log_return(frame).rolling(window).std()


def rsi(frame: pd.DataFrame, *, window: int = 14) -> pd.Series[Any]:
    """Relative strength index, 0 to 100, with plain means over ``window`` changes (Cutler's form).

    Wilder's form smooths over the whole past, so its value would depend on where the data begin.
    A price that did not move gives 50.

    >>> rsi(pd.DataFrame({"close": [1.0, 2.0, 3.0, 2.0]}), window=2).tolist()
    [nan, nan, 100.0, 50.0]
    """
    change = _only(frame, "rsi").diff()
    gain = change.clip(lower=0.0).rolling(window).sum()
    loss = (-change).clip(lower=0.0).rolling(window).sum()
    moved = gain + loss
    # A rolling sum may leave a residue near zero; shares are clipped back into their range.
    share = (gain / moved.where(moved > 0)).clip(0.0, 1.0).fillna(0.5)
    return (100.0 * share).where(moved.notna())


def relative_level(frame: pd.DataFrame, *, window: int = 20) -> pd.Series[Any]:
    """Where a value stands between the lowest (0) and highest (1) of its last ``window`` rows.

    >>> relative_level(pd.DataFrame({"volume": [1.0, 3.0, 2.0]}), window=3).tolist()
    [nan, nan, 0.5]
    """
    value = _only(frame, "relative_level")
    low, high = value.rolling(window).min(), value.rolling(window).max()
    return (value - low) / (high - low).where(high > low)


def day_range(frame: pd.DataFrame) -> pd.Series[Any]:
    """Log of high over low; dependencies: high, low.

    >>> day_range(pd.DataFrame({"high": [np.e], "low": [1.0]})).tolist()
    [1.0]
    """
    high, low = _exactly(frame, 2, "day_range")
    return _log_ratio(high, low)


def ratio(frame: pd.DataFrame) -> pd.Series[Any]:
    """The first dependency over the second; missing where the second is zero.

    >>> ratio(pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 0.0]})).tolist()
    [0.5, nan]
    """
    above, below = _exactly(frame, 2, "ratio")
    return _finite(above / below.where(below != 0))


def category_code(frame: pd.DataFrame, *, categories: Sequence[str]) -> pd.Series[Any]:
    """Position of a text in the list ``categories``; missing for any other.

    The list is part of the definition, so nothing is fitted: serving gives the same codes.

    >>> category_code(pd.DataFrame({"origin": ["LGA", "XXX"]}), categories=["EWR", "LGA"]).tolist()
    [1.0, nan]
    """
    if len(set(categories)) != len(categories):
        raise FeatureGraphError("category_code: a category is listed twice; list each once")
    codes = {category: float(code) for code, category in enumerate(categories)}
    return _only(frame, "category_code").map(codes).astype(np.float64)


def hour_of_day(frame: pd.DataFrame, *, timezone: str = "UTC") -> pd.Series[Any]:
    """Hour with its fraction, 0 to 24, of a time in ``timezone``.

    >>> times = pd.to_datetime(["2013-02-01T12:30:00Z"])
    >>> hour_of_day(pd.DataFrame({"time": times}), timezone="America/New_York").tolist()
    [7.5]
    """
    local = _only(frame, "hour_of_day").dt.tz_convert(timezone).dt
    hours: pd.Series[Any] = local.hour + local.minute / 60.0
    return hours


def day_of_week(frame: pd.DataFrame, *, timezone: str = "UTC") -> pd.Series[Any]:
    """Day of the week in ``timezone``, Monday = 0.

    >>> times = pd.to_datetime(["2013-02-01T02:00:00Z"])  # a Friday in London
    >>> day_of_week(pd.DataFrame({"time": times}), timezone="America/New_York").tolist()
    [3.0]
    """
    local = _only(frame, "day_of_week").dt.tz_convert(timezone).dt
    days: pd.Series[Any] = local.day_of_week.astype(np.float64)
    return days
