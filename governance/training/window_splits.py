"""The splits of a back-test: a declared evaluation, moved onto a window of the past.

The same rules against leaks as in `governance.training.splits`, whose folds these are. Pure.
Neighbour: ``backtest``. Not promised: that the window has enough rows to say anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from governance.errors import ConfigError, DataQualityError
from governance.training.splits import Fold, Splits, clocks, walk


def over_window(
    method: str,
    params: Mapping[str, Any],
    times: pd.Series[Any],
    known_at: pd.Series[Any],
    *,
    window: tuple[int, int],
) -> Splits:
    """The declared evaluation, moved so that its test rows are exactly those of ``window``.

    ``walk_forward``: as many folds as the window needs, the last one shorter; its ``final`` fit
    ends where the window begins. ``time``: one fit, whose test rows are the window; the span before
    it is divided as declared, the shares of train and validation keeping their proportion.

    Args:
        method, params: as for `make_splits`.
        window: first row number, and the one behind the last.

    Raises:
        ConfigError: another method. DataQualityError: too few rows before the window.

    >>> times = pd.Series(pd.date_range("2013-01-01", periods=12, tz="UTC"))
    >>> known = times + pd.Timedelta(days=1)
    >>> asked = {"folds": 9, "test_size": 2, "validation_size": 2}
    >>> splits = over_window("walk_forward", asked, times, known, window=(7, 10))
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in splits.folds]
    [([0, 1, 2], [7, 8]), ([0, 1, 2, 3, 4], [9])]
    """
    begin, end = window
    if method == "walk_forward":
        given = {"validation_size": params["test_size"], "train_size": None, "purge": 0}
        given |= {"embargo": 0, **params}
        given.pop("folds", None)
        return walk(times, known_at, window=window, final=begin, **given)
    if method != "time":
        raise ConfigError(f"splits: method {method!r} is unknown; use walk_forward or time")
    clock, known = clocks(times, known_at)
    share = params.get("validation_share", 0.15) / (1.0 - params.get("test_share", 0.15))
    apart = pd.Timedelta(params.get("gap") or timedelta(0)).to_timedelta64()
    before = np.arange(begin)
    split = clock[begin] - (clock[begin] - clock[0]) * share
    final = Fold(
        name="final",
        train=before[(clock[before] < split) & (known[before] < split - apart)],
        validation=before[(clock[before] >= split) & (known[before] < clock[begin] - apart)],
        test=np.arange(begin, end),
    )
    if not (len(final.train) and len(final.validation)):
        raise DataQualityError(
            f"the {begin} labelled rows before the window are too few to train and validate on; "
            "choose a later window"
        )
    return Splits(method="time", final=final)
