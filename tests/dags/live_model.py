"""Live data of the models in the drift tests: forty rows an hour, of which some shift at a moment.

Rows follow from the hour alone, so reading one again gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
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
    frames = []
    hour = start
    while hour < end:
        chance = np.random.default_rng(int((hour - EPOCH) / HOUR) + 10_000)
        values = chance.normal(size=(ROWS, len(FEATURES)))
        if shift_from is not None and hour >= datetime.fromisoformat(shift_from):
            values += 3.0
        time = [hour + timedelta(minutes=minute) for minute in range(ROWS)]
        frame = pd.DataFrame(dict(zip(FEATURES, values.T, strict=True)))
        frames.append(frame.assign(time=pd.Series(time).astype("datetime64[us, UTC]")))
        hour += HOUR
    columns = [*FEATURES, "time"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
