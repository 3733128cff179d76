"""Touches, their labels and excursions, against a plain loop over bars; nothing looks ahead."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import ConfigError
from governance.training import pivot
from governance.training.index_bars import known_bars

END = datetime(2019, 1, 1, tzinfo=UTC)
HORIZONS = [5, 15, 60]
FEATURES = {
    "touch_side": ["high", "low"],
    "beyond_level": ["high", "low", "close"],
    "level_age": ["high", "low"],
    "true_range_share": ["high", "low", "close"],
    "approach": ["high", "low", "close"],
}


def some_bars(count: int = 400) -> pd.DataFrame:
    return pivot.bars(END, {"days": count})


def by_hand(frame: pd.DataFrame, t: int, horizon: int) -> dict[str, float] | None:
    """Labels and excursions of bar ``t`` as the module's first lines say it, without pandas."""
    high, low, close = (frame[name].tolist() for name in ("high", "low", "close"))
    if t < 20 or t + max(HORIZONS) >= len(close):
        return None
    top, bottom = max(high[t - 20 : t]), min(low[t - 20 : t])
    if (high[t] >= top) == (low[t] <= bottom):
        return None
    up = high[t] >= top
    level = top if up else bottom
    spans = [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        for i in range(t - 13, t + 1)
    ]
    room = 0.5 * sum(spans) / 14
    beyond = (close[t + horizon] - level) * (1 if up else -1)
    rise = max(0.0, max(high[t + 1 : t + horizon + 1]) / close[t] - 1) * 1e4
    fall = max(0.0, 1 - min(low[t + 1 : t + horizon + 1]) / close[t]) * 1e4
    through, away = (rise, fall) if up else (fall, rise)
    return {
        f"reject_{horizon}": float(beyond <= -room),
        f"break_{horizon}": float(beyond >= room),
        f"reject_{horizon}.mfe_bps": away,
        f"reject_{horizon}.mae_bps": through,
        f"break_{horizon}.mfe_bps": through,
        f"break_{horizon}.mae_bps": away,
    }


def test_labels_and_excursions_are_those_of_a_plain_loop() -> None:
    frame = some_bars()
    labels = pivot.touches(frame, horizons=HORIZONS)
    touched = 0
    for t in range(len(frame)):
        for horizon in HORIZONS:
            expected = by_hand(frame, t, horizon)
            columns = map(str, labels.extra.columns)
            names = [name for name in columns if name.split(".")[0].endswith(f"_{horizon}")]
            if expected is None:
                assert labels.extra.loc[t, names].isna().all()
            else:
                touched += 1
                assert set(expected) == set(names)
                for name, value in expected.items():
                    assert labels.extra.loc[t, name] == pytest.approx(value, abs=1e-9), (t, name)
    assert touched > 100
    pd.testing.assert_series_equal(labels.values, labels.extra["reject_5"], check_names=False)


def test_a_label_is_known_when_the_longest_horizon_has_ended() -> None:
    frame = some_bars()
    labels = pivot.touches(frame, horizons=HORIZONS)
    assert labels.known_at is not None
    assert labels.known_at.iloc[:-60].tolist() == frame["time"].iloc[60:].tolist()
    assert labels.extra.iloc[-60:].isna().all().all()


def test_a_touch_is_rejected_broken_or_neither_but_never_both() -> None:
    found = pivot.touches(some_bars(5000), horizons=HORIZONS).extra.dropna()
    for horizon in HORIZONS:
        both = found[f"reject_{horizon}"] + found[f"break_{horizon}"]
        assert set(both) == {0.0, 1.0}


@settings(max_examples=20, deadline=None)
@given(
    known=st.integers(100, 399),
    scale=st.floats(0.5, 2.0),
)
def test_later_bars_change_no_feature_and_no_label_that_was_known(known: int, scale: float) -> None:
    """The bars from ``known`` on are others: what was known before must not move."""
    frame = some_bars()
    other = frame.copy()
    other.loc[known:, ["open", "high", "low", "close"]] *= scale
    for name, columns in FEATURES.items():
        one, two = (getattr(pivot, name)(given_[columns]) for given_ in (frame, other))
        pd.testing.assert_series_equal(one.iloc[:known], two.iloc[:known])
    before, after = (pivot.touches(given_, horizons=HORIZONS) for given_ in (frame, other))
    assert before.known_at is not None
    settled = (before.known_at < frame["time"].iloc[known]).to_numpy()
    pd.testing.assert_frame_equal(before.extra[settled], after.extra[settled])


def test_features_say_what_their_names_say() -> None:
    frame = some_bars(200)
    side = pivot.touch_side(frame[FEATURES["touch_side"]])
    age = pivot.level_age(frame[FEATURES["level_age"]])
    beyond = pivot.beyond_level(frame[FEATURES["beyond_level"]])
    assert set(side.dropna()) == {1.0, -1.0}
    assert age.isna().equals(side.isna()) and age.dropna().between(1, 20).all()
    for t in side.dropna().index:
        earlier = frame.loc[t - 20 : t - 1]
        level = earlier["high"].max() if side[t] > 0 else earlier["low"].min()
        made = earlier["high"] if side[t] > 0 else earlier["low"]
        assert made[t - int(age[t])] == level
        assert (beyond[t] > 0) == ((frame["close"][t] - level) * side[t] > 0)
    towards = pivot.approach(frame[FEATURES["approach"]], periods=5)
    expected = np.log(frame["close"] / frame["close"].shift(5)) * side
    pd.testing.assert_series_equal(towards, expected, check_names=False)


@pytest.mark.parametrize("index", ["sp500", "nasdaq"])
def test_a_bar_is_known_at_its_close(index: str) -> None:
    whole = known_bars(index, END, {})
    assert len(whole) == 5031 and whole["time"].is_monotonic_increasing
    moment = whole["time"].iloc[100].to_pydatetime()
    assert len(known_bars(index, moment, {})) == 100
    assert known_bars(index, moment, {"days": 3})["time"].tolist() == (
        whole["time"].iloc[97:100].tolist()
    )


@pytest.mark.parametrize(
    "wrong",
    [{"horizons": []}, {"horizons": [0]}, {"horizons": [5], "window": 0}]
    + [{"horizons": [5], "distance": value} for value in (0, -1, float("nan"))],
)
def test_a_label_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        pivot.touches(some_bars(100), **wrong)
