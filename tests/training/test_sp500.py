from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import ConfigError
from governance.training.sp500 import bars, direction

END = datetime(2019, 1, 1, tzinfo=UTC)


@given(at=st.datetimes(datetime(1999, 1, 6), END.replace(tzinfo=None), timezones=st.just(UTC)))
def test_a_later_time_only_adds_rows(at: datetime) -> None:
    known, whole = bars(at, {}), bars(END, {})
    assert (known["time"] < at).all()
    pd.testing.assert_frame_equal(known, whole.iloc[: len(known)])
    assert len(known) == len(whole) or whole["time"].iloc[len(known)] >= at


def test_a_bar_is_known_at_the_close_in_new_york_in_winter_and_summer() -> None:
    winter = datetime(1999, 1, 4, 21, tzinfo=UTC)
    assert len(bars(winter + timedelta(microseconds=1), {})) == 1
    assert bars(winter, {}).empty
    summer = datetime(1999, 7, 1, 20, tzinfo=UTC)
    after = bars(summer + timedelta(microseconds=1), {})
    assert len(after) == len(bars(summer, {})) + 1


def test_there_are_5031_bars_and_days_takes_the_latest() -> None:
    whole = bars(END, {})
    assert len(whole) == 5031
    assert whole["time"].is_monotonic_increasing and whole["time"].is_unique
    pd.testing.assert_frame_equal(bars(END, {"days": 10}), whole.tail(10).reset_index(drop=True))


@given(horizon=st.integers(1, 30))
def test_the_label_is_known_when_its_last_bar_is(horizon: int) -> None:
    frame = bars(datetime(2000, 1, 1, tzinfo=UTC), {})
    labels = direction(frame, horizon=horizon)
    close = frame["close"].to_numpy()
    known = len(frame) - horizon
    expected = (close[horizon:] > close[:known]).astype(float)
    np.testing.assert_array_equal(labels.values.iloc[:known].to_numpy(), expected)
    assert labels.values.iloc[known:].isna().all()
    assert labels.known_at is not None
    assert labels.known_at.iloc[:known].tolist() == frame["time"].iloc[horizon:].tolist()
    np.testing.assert_allclose(
        labels.extra["forward_return"].iloc[:-1], close[1:] / close[:-1] - 1.0
    )


def test_a_horizon_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="horizon must be at least 1"):
        direction(bars(END, {}), horizon=0)
