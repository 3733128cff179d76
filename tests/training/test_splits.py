"""No label leaks: what the splits promise, for any sizes, horizons and irregular times."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from governance.config.splits import NAMES_OF_METHOD
from governance.errors import ConfigError, DataQualityError
from governance.training.splits import (
    Fold,
    Splits,
    by_time,
    make_splits,
    walk_forward,
)

HOURS = st.lists(st.integers(0, 30), min_size=20, max_size=120)


def _times(gaps: list[int]) -> pd.Series[Any]:
    """Times that never go back, with repetitions and holes."""
    start = pd.Timestamp("2013-01-01", tz="UTC")
    return pd.Series(start + pd.to_timedelta(np.cumsum(gaps), unit="h"))


def _known(times: pd.Series[Any], delays: list[int]) -> pd.Series[Any]:
    """A label window of its own length for each row, as flights have."""
    hours = np.resize(np.array(delays), len(times))
    return times + pd.to_timedelta(hours, unit="h")


def _require_no_leak(fold: Fold, times: pd.Series[Any], known: pd.Series[Any]) -> None:
    parts = [rows for rows in (fold.train, fold.validation, fold.test) if len(rows)]
    for earlier, later in pairwise(parts):
        begins = times.iloc[later].min()
        assert times.iloc[earlier].max() <= begins
        assert known.iloc[earlier].max() < begins  # no window of one reaches a window of the other
        assert earlier.max() < later.min()


@given(
    gaps=HOURS,
    delays=st.lists(st.integers(0, 60), min_size=1, max_size=7),
    folds=st.integers(1, 4),
    test_size=st.integers(1, 12),
    validation_size=st.integers(1, 12),
    train_size=st.none() | st.integers(1, 20),
    purge=st.integers(0, 6),
    embargo=st.integers(0, 6),
)
def test_no_training_window_overlaps_a_test_window(
    *,
    gaps: list[int],
    delays: list[int],
    folds: int,
    test_size: int,
    validation_size: int,
    train_size: int | None,
    purge: int,
    embargo: int,
) -> None:
    times = _times(gaps)
    known = _known(times, delays)
    try:
        splits = walk_forward(
            times,
            known,
            folds=folds,
            test_size=test_size,
            validation_size=validation_size,
            train_size=train_size,
            purge=purge,
            embargo=embargo,
        )
    except DataQualityError:
        assume(False)
    for fold in (*splits.folds, splits.final):
        _require_no_leak(fold, times, known)
        assert len(fold.validation) == validation_size
        assert 0 < len(fold.train) <= (train_size or len(times))
        apart = purge + embargo
        assert fold.validation.min() - fold.train.max() > apart
        assert not len(fold.test) or fold.test.min() - fold.validation.max() > apart
    measured = splits.out_of_sample
    assert measured.tolist() == list(range(len(times) - folds * test_size, len(times)))


@given(horizon=st.integers(1, 30), embargo=st.integers(0, 10))
def test_a_fixed_horizon_is_purged_even_where_the_declaration_forgets_it(
    horizon: int, embargo: int
) -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=200, tz="UTC"))
    known = times + pd.Timedelta(days=horizon)
    splits = walk_forward(
        times, known, folds=3, test_size=20, validation_size=10, purge=0, embargo=embargo
    )
    for fold in splits.folds:
        # Row i's label looks at rows i+1 .. i+horizon.
        assert fold.test.min() - fold.validation.max() > max(horizon, embargo)
        assert fold.validation.min() - fold.train.max() > max(horizon, embargo)


@given(
    gaps=HOURS,
    delays=st.lists(st.integers(0, 60), min_size=1, max_size=7),
    validation_share=st.floats(0.05, 0.4),
    test_share=st.floats(0.05, 0.4),
    gap=st.none() | st.integers(0, 48).map(lambda hours: timedelta(hours=hours)),
)
def test_splits_by_time_keep_their_distance(
    gaps: list[int],
    delays: list[int],
    validation_share: float,
    test_share: float,
    gap: timedelta | None,
) -> None:
    times = _times(gaps)
    known = _known(times, delays)
    try:
        splits = by_time(
            times, known, validation_share=validation_share, test_share=test_share, gap=gap
        )
    except DataQualityError:
        assume(False)
    _require_no_leak(splits.final, times, known)
    begins = times.iloc[splits.final.validation].min()
    assert known.iloc[splits.final.train].max() < begins - (gap or timedelta(0))
    assert splits.final.test[-1] == len(times) - 1


def test_a_late_label_does_not_drop_its_neighbours() -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=10, tz="UTC"))
    known = times.copy()
    known.iloc[1] = pd.Timestamp("2013-01-09", tz="UTC")
    splits = by_time(times, known, validation_share=0.2, test_share=0.3)
    assert 1 not in splits.final.train
    assert {0, 2} <= set(splits.final.train.tolist())


@pytest.mark.parametrize("folds", [5, 10**6])
def test_too_few_rows_are_refused_with_their_number(folds: int) -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=12, tz="UTC"))
    with pytest.raises(DataQualityError, match="12 labelled rows are too few"):
        walk_forward(times, times, folds=folds, test_size=10)
    with pytest.raises(DataQualityError, match="no rows for train"):
        by_time(times[:1], times[:1])
    with pytest.raises(DataQualityError, match="no labelled row"):
        by_time(times[:0], times[:0])


def test_rows_out_of_order_are_refused() -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=30, tz="UTC"))[::-1]
    with pytest.raises(DataQualityError, match="not in time order"):
        by_time(times, times)


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("random", {}, "method 'random' is unknown"),
        ("walk_forward", {"folds": 0, "test_size": 1}, "folds must be a whole number from 1 on"),
        ("walk_forward", {"folds": 1, "test_size": 1, "purge": -1}, "purge must be a whole number"),
        ("walk_forward", {"folds": True, "test_size": 1}, "folds must be a whole number"),
        ("walk_forward", {"fold": 1, "test_size": 1}, "unexpected keyword argument 'fold'"),
        ("time", {"test_share": 0.6, "validation_share": 0.4}, "together below 1"),
        ("time", {"test_share": float("nan")}, "together below 1"),
    ],
)
def test_a_wrong_declaration_is_told(method: str, params: dict[str, Any], told: str) -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=30, tz="UTC"))
    with pytest.raises(ConfigError, match=told):
        make_splits(method, params, times, times)


@pytest.mark.parametrize(
    ("method", "params"), [("walk_forward", {"folds": 2, "test_size": 3}), ("time", {})]
)
def test_a_declaration_knows_which_splits_a_method_makes(
    method: str, params: dict[str, Any]
) -> None:
    times = _times([1] * 40)
    assert tuple(make_splits(method, params, times, times).named()) == NAMES_OF_METHOD[method]


def test_windows_name_every_split_and_fold() -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=40, tz="UTC"))
    splits: Splits = make_splits(
        "walk_forward", {"folds": 2, "test_size": 5, "validation_size": 5}, times, times
    )
    windows = splits.windows(times)
    assert set(windows) == {
        "train", "validation", "out_of_sample",
        "fold_1.train", "fold_1.test", "fold_2.train", "fold_2.test",
    }  # fmt: skip
    assert windows["out_of_sample"] == {
        "rows": 10,
        "start": "2013-01-31T00:00:00.000000Z",
        "end": "2013-02-09T00:00:00.000000Z",
    }
