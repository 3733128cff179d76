"""Daily bars of an index that come inside the package ``arch``, each known at its close.

Tables: open, high, low, close, volume of 1999-2018; of an index, so its adjusted close is its
close. A bar's ``time`` is 16:00 New York of its day, when it becomes known. Short trading days
close at 13:00; their bars count as known at 16:00 too: late, never early.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from governance.training.packaged import packaged_file

_CLOSE = pd.Timedelta(hours=16)
_ZONE = "America/New_York"


@cache
def _table(index: str) -> pd.DataFrame:
    raw = pd.read_csv(
        packaged_file("arch", "data", index, f"{index}.csv.gz"), parse_dates=["Date"]
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


def known_bars(index: str, at: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """The bars of ``index`` (sp500, nasdaq) that were known before ``at``.

    ``params``: ``days`` (optional): only the latest so many bars.
    """
    table = _table(index)
    known = table.loc[table["time"] < pd.Timestamp(at)]
    days = params.get("days")
    return (known if days is None else known.tail(int(days))).reset_index(drop=True)
