"""The S&P 500's daily bars 1999-2018, each known at its close, and the days that come after it.

The bars are those of ``index_bars``; the label is the direction of the coming days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from governance.errors import ConfigError
from governance.training.data import FORWARD_RETURN, Labels
from governance.training.index_bars import known_bars


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
    return known_bars("sp500", at, params)


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
