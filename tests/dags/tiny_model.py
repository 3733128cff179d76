"""A model that is trained in well under a second: the sign of tomorrow's step of a noisy wave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

START = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 900


def rows(at: datetime, params: Mapping[str, Any]) -> pd.DataFrame:
    """One row a day before `at`; none at all where `params` says so."""
    time = pd.date_range(START, periods=DAYS, freq="D").astype("datetime64[us, UTC]")
    chance = np.random.default_rng(5)
    wave = np.sin(np.arange(DAYS) / 6.0)
    frame = pd.DataFrame({"time": time, "level": wave + chance.normal(scale=0.05, size=DAYS)})
    kept = frame[frame["time"] < at]
    return kept.iloc[:0] if params.get("empty") else kept


def goes_up(frame: pd.DataFrame) -> pd.Series[Any]:
    """1 where the next day's level is higher; unknown for the last day."""
    following = frame["level"].shift(-1)
    return (following > frame["level"]).astype(float).where(following.notna())


def step(frame: pd.DataFrame) -> pd.Series[Any]:
    """The change since the day before."""
    return frame["level"].diff()
