"""Feature logic never looks ahead: for every function, found by itself, on any prefix."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import FeatureGraphError
from governance.training import feature_logic

INPUTS: dict[str, tuple[str, ...]] = {
    "log_return": ("close",),
    "distance_to_mean": ("close",),
    "volatility": ("close",),
    "rsi": ("close",),
    "relative_level": ("volume",),
    "day_range": ("high", "low"),
    "ratio": ("close", "open"),
    "category_code": ("carrier",),
    "hour_of_day": ("time",),
    "day_of_week": ("time",),
}
PARAMS: dict[str, dict[str, Any]] = {
    "log_return": {"periods": 3},
    "distance_to_mean": {"window": 5},
    "volatility": {"window": 5},
    "rsi": {"window": 5},
    "relative_level": {"window": 5},
    "category_code": {"categories": ["UA", "AA"]},
    "hour_of_day": {"timezone": "America/New_York"},
    "day_of_week": {"timezone": "America/New_York"},
}


def _functions() -> dict[str, Callable[..., pd.Series[Any]]]:
    return {
        name: function
        for name, function in inspect.getmembers(feature_logic, inspect.isfunction)
        if function.__module__ == feature_logic.__name__ and not name.startswith("_")
    }


@st.composite
def frames(draw: st.DrawFn, *columns: str) -> pd.DataFrame:
    rows = draw(st.integers(0, 25))
    number = st.floats(0, 1e6, allow_subnormal=False) | st.just(float("nan")) | st.just(7.0)
    carrier = st.sampled_from(["UA", "AA", "ZZ"])
    made: dict[str, Any] = {}
    for name in columns:
        if name == "time":
            made[name] = pd.date_range("2013-03-08", periods=rows, freq="7h", tz="UTC")
        elif name == "carrier":
            made[name] = pd.Series(
                draw(st.lists(carrier, min_size=rows, max_size=rows)), dtype="str"
            )
        else:
            values = draw(st.lists(number, min_size=rows, max_size=rows))
            made[name] = pd.Series(values, dtype="float64")
    return pd.DataFrame(made)


def test_every_function_is_known_to_these_tests() -> None:
    assert set(_functions()) == set(INPUTS)


@pytest.mark.parametrize("name", sorted(INPUTS))
@given(data=st.data())
def test_a_prefix_has_the_same_values(name: str, data: st.DataObject) -> None:
    function = _functions()[name]
    frame = data.draw(frames(*INPUTS[name]))
    length = data.draw(st.integers(0, len(frame)))
    whole = function(frame, **PARAMS.get(name, {}))
    prefix = function(frame.iloc[:length], **PARAMS.get(name, {}))
    assert whole.index.equals(frame.index)
    assert whole.dtype == np.float64
    np.testing.assert_array_equal(whole.iloc[:length].to_numpy(), prefix.to_numpy())
    assert not np.isinf(whole.to_numpy()).any()


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_wrong_dependencies_are_refused_by_name(name: str) -> None:
    frame = pd.DataFrame({"a": [1.0], "b": [1.0], "c": [1.0]})
    with pytest.raises(FeatureGraphError, match=r"takes \d dependencies, not 3 \(a, b, c\)"):
        _functions()[name](frame, **PARAMS.get(name, {}))


@given(frame=frames("close", "volume"))
def test_shares_stay_in_their_range(frame: pd.DataFrame) -> None:
    for name, top in (("rsi", 100.0), ("relative_level", 1.0)):
        made = _functions()[name](frame[list(INPUTS[name])], **PARAMS[name]).dropna()
        assert ((made >= 0) & (made <= top)).all()


def test_volatility_equals_its_definition() -> None:
    close = pd.Series(np.random.default_rng(1).lognormal(0, 0.1, 50).cumprod())
    made = feature_logic.volatility(close.to_frame(), window=10)
    returns = np.diff(np.log(close.to_numpy()))
    assert made.iloc[30] == pytest.approx(np.std(returns[20:30], ddof=1))
    assert made.iloc[:10].isna().all() and made.iloc[10:].notna().all()


def test_an_unknown_category_is_missing_and_a_double_one_refused() -> None:
    frame = pd.DataFrame({"carrier": ["UA", "??", None]})
    assert feature_logic.category_code(frame, categories=["UA"]).isna().tolist() == [
        False,
        True,
        True,
    ]
    with pytest.raises(FeatureGraphError, match="listed twice"):
        feature_logic.category_code(frame, categories=["UA", "UA"])
