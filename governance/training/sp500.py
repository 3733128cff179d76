"""The S&P 500's daily bars 1999-2018, each known at its close, and the days that come after it.

Data: the table inside the package ``arch`` (open, high, low, close, volume; an index, so its
adjusted close is its close). A bar's ``time`` is 16:00 New York of its day, when it becomes known.
Short trading days close at 13:00; their bars count as known at 16:00 too: late, never early.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from governance.errors import ConfigError
from governance.training.data import FORWARD_RETURN, Labels
from governance.training.packaged import packaged_file

_CLOSE = pd.Timedelta(hours=16)
_ZONE = "America/New_York"


@lru_cache(maxsize=1)
def _table() -> pd.DataFrame:
    raw = pd.read_csv(
        packaged_file("arch", "data", "sp500", "sp500.csv.gz"), parse_dates=["Date"]
    ).sort_values("Date")
    close_local = (raw["Date"] + _CLOSE).dt.tz_localize(_ZONE)
    return pd.DataFrame(
        {
            "time": close_local.dt.tz_convert("UTC").astype("datetime64[us, UTC]"),
            "open": raw["Open"],
            "high": raw["High"],
            "low": raw["Low"],
            "close": raw["Close"],
            "volume": raw["Volume"].astype(np.float64),
        }
    ).reset_index(drop=True)


def bars(at: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """The bars that were known before ``at``.

    Args:
        at: the evidence cut-off.
        params: ``days`` (optional): only the latest so many bars.

    Returns:
        Columns time (UTC), open, high, low, close (index points), volume (shares).

    >>> from datetime import UTC
    >>> bars(datetime(1999, 1, 5, 20, 59, tzinfo=UTC), {})["close"].tolist()
    [1228.099976]
    """
    table = _table()
    known = table.loc[table["time"] < pd.Timestamp(at)]
    days = params.get("days")
    return (known if days is None else known.tail(int(days))).reset_index(drop=True)


def direction(frame: pd.DataFrame, *, horizon: int = 5) -> Labels:
    """1.0 where the close ``horizon`` bars later is higher, else 0.0; missing while not known.

    ``known_at`` is the time of that later bar. ``extra`` has ``forward_return``, the simple return
    from this bar's close to the next one's, which is what a position taken now earns first.

    >>> times = pd.to_datetime([1, 2, 3], utc=True)
    >>> frame = pd.DataFrame({"close": [1.0, 2.0, 1.0], "time": times})
    >>> direction(frame, horizon=1).values.tolist()
    [1.0, 0.0, nan]
    """
    if horizon < 1:
        raise ConfigError(f"label: horizon must be at least 1, not {horizon}")
    close = frame["close"]
    later = close.shift(-horizon)
    return Labels(
        values=(later > close).astype(np.float64).where(later.notna() & close.notna()),
        known_at=frame["time"].shift(-horizon),
        extra=pd.DataFrame({FORWARD_RETURN: close.shift(-1) / close - 1.0}),
    )
