"""A window is tested whole, and nothing of it or behind it is learned from."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from governance.errors import ConfigError, DataQualityError
from governance.training.splits import make_splits
from governance.training.window_splits import over_window


@pytest.mark.parametrize("begin", [40, 61, 99])
def test_a_window_is_tested_whole_and_never_learned_from(begin: int) -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=120, tz="UTC"))
    known = times + pd.Timedelta(days=3)
    for method, params in (
        ("walk_forward", {"folds": 1, "test_size": 7, "validation_size": 10, "purge": 2}),
        ("time", {"validation_share": 0.2, "test_share": 0.3, "gap": timedelta(days=2)}),
    ):
        splits = over_window(method, params, times, known, window=(begin, 110))
        folds = splits.folds or (splits.final,)
        assert np.concatenate([fold.test for fold in folds]).tolist() == list(range(begin, 110))
        for fold in folds:
            assert len(fold.train) and len(fold.validation)
            assert known[fold.train].max() < times[fold.validation[0]]
            assert known[fold.validation].max() < times[fold.test[0]]
        assert max(splits.final.train.max(), splits.final.validation.max()) < begin


def test_a_window_over_the_last_folds_has_the_declared_folds() -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=120, tz="UTC"))
    params = {"folds": 3, "test_size": 20, "validation_size": 15, "embargo": 2}
    declared = make_splits("walk_forward", params, times, times)
    moved = over_window("walk_forward", params, times, times, window=(60, 120))
    for one, other in zip(declared.folds, moved.folds, strict=True):
        for part in ("train", "validation", "test"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


@pytest.mark.parametrize("method", ["walk_forward", "time"])
def test_too_little_before_the_window_is_said(method: str) -> None:
    times = pd.Series(pd.date_range("2013-01-01", periods=20, tz="UTC"))
    params = {"test_size": 5} if method == "walk_forward" else {}
    with pytest.raises(DataQualityError, match="too few"):
        over_window(method, params, times, times, window=(1, 20))
    with pytest.raises(ConfigError, match="unknown"):
        over_window("random", params, times, times, window=(10, 20))
