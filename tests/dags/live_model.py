"""Live data of the models in the drift tests: forty rows an hour, of which some shift at a moment.

Rows follow from the hour alone, so reading one again gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

ROWS = 40
FEATURES = ("level", "speed", "depth")
HOUR = timedelta(hours=1)
EPOCH = datetime(2022, 1, 1, tzinfo=UTC)


def hours(start: datetime, end: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of start <= time < end.

    Args:
        params: ``shift_from``: ISO time from which all features are three standard deviations
            higher; ``unreachable``: there is no such source; ``empty``: no rows yet.
    """
    if params.get("unreachable"):
        raise OSError("no route to the feature store")
    if params.get("empty"):
        return pd.DataFrame(columns=[*FEATURES, "time"])
    shift_from = params.get("shift_from")
    looked_at = [start + number * HOUR for number in range(-((start - end) // HOUR))]
    if not looked_at:
        return pd.DataFrame(columns=[*FEATURES, "time"])
    values = np.concatenate([_drawn(int((hour - EPOCH) / HOUR)) for hour in looked_at])
    if shift_from is not None:
        moment = datetime.fromisoformat(shift_from)
        values[ROWS * sum(hour < moment for hour in looked_at) :] += 3.0
    hour_of = pd.Series(looked_at).repeat(ROWS).reset_index(drop=True)
    minutes = pd.to_timedelta(np.tile(np.arange(ROWS), len(looked_at)), unit="min")
    frame = pd.DataFrame(dict(zip(FEATURES, values.T, strict=True)))
    return frame.assign(time=(hour_of + minutes).astype("datetime64[us, UTC]"))


@cache
def _drawn(hour: int) -> np.ndarray:
    """The rows of one hour; days are read again by every look."""
    return np.random.default_rng(hour + 10_000).normal(size=(ROWS, len(FEATURES)))
