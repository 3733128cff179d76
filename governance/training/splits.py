"""Which rows a model learns from, stops on and is measured on, so that no label leaks.

A row's label has a window: from the row's time until the label is known. Rules, for every fold:

1. train comes before validation, validation before test, in time;
2. no training window reaches the first validation (or test) row: such rows are purged;
3. nor does a validation window reach the first test row;
4. ``purge`` and ``embargo`` (rows) or ``gap`` (time) widen the distance further;
5. test rows of different folds are disjoint.

Pure: numbers in, row numbers out. Not promised: protection from features that look ahead; see
`governance.training.feature_logic`. Source of purge and embargo: M. Lopez de Prado, Advances in
Financial Machine Learning (2018), chapter 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import ConfigError, DataQualityError
from governance.values import iso

Rows = NDArray[np.int64]
_NONE: Rows = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fold:
    """Row numbers of one fit. ``test`` is empty where nothing is left to be measured on."""

    name: str
    train: Rows
    validation: Rows
    test: Rows


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Splits:
    """``final`` is the fit that is registered; ``folds`` are fits made only to be measured."""

    method: str
    final: Fold
    folds: tuple[Fold, ...] = ()

    @property
    def out_of_sample(self) -> Rows:
        """The test rows of all folds, in time order; the fit that scores a row has not seen it."""
        return np.concatenate([fold.test for fold in self.folds]) if self.folds else _NONE

    def named(self) -> dict[str, Rows]:
        """Every split that has rows: train, validation, test (of the final fit), out_of_sample."""
        splits = {
            "train": self.final.train,
            "validation": self.final.validation,
            "test": self.final.test,
            "out_of_sample": self.out_of_sample,
        }
        return {name: rows for name, rows in splits.items() if len(rows)}

    def windows(self, times: pd.Series[Any]) -> dict[str, dict[str, Any]]:
        """For the provenance record: rows, first and last time of every split and fold."""
        spans = self.named()
        for fold in self.folds:
            spans |= {f"{fold.name}.train": fold.train, f"{fold.name}.test": fold.test}
        return {
            name: {
                "rows": len(rows),
                "start": iso(times.iloc[int(rows[0])].to_pydatetime()),
                "end": iso(times.iloc[int(rows[-1])].to_pydatetime()),
            }
            for name, rows in spans.items()
        }


def walk_forward(
    times: pd.Series[Any],
    known_at: pd.Series[Any],
    *,
    folds: int,
    test_size: int,
    validation_size: int | None = None,
    train_size: int | None = None,
    purge: int = 0,
    embargo: int = 0,
) -> Splits:
    """``folds`` test blocks of ``test_size`` rows at the end, each scored by a fit on earlier rows.

    A training window has at most ``train_size`` rows. The final fit goes up to the last row; its
    last ``validation_size`` rows (default: ``test_size``) are for early stopping. It has no test
    rows of its own, since its procedure is measured on the folds.

    Raises:
        ConfigError: a size below its minimum.
        DataQualityError: too few rows; the message says how many there are.

    >>> times = pd.Series(pd.date_range("2013-01-01", periods=12, tz="UTC"))
    >>> known = times + pd.Timedelta(days=1)
    >>> splits = walk_forward(times, known, folds=2, test_size=3, validation_size=2)
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in splits.folds]
    [([0, 1], [6, 7, 8]), ([0, 1, 2, 3, 4], [9, 10, 11])]
    """
    _at_least(1, folds=folds, test_size=test_size)
    rows = len(times)
    return walk(
        times,
        known_at,
        window=(max(0, rows - folds * test_size), rows),
        final=rows,
        test_size=test_size,
        validation_size=test_size if validation_size is None else validation_size,
        train_size=train_size,
        purge=purge,
        embargo=embargo,
    )


def walk(
    times: pd.Series[Any],
    known_at: pd.Series[Any],
    *,
    window: tuple[int, int],
    final: int,
    test_size: int,
    validation_size: int,
    train_size: int | None,
    purge: int,
    embargo: int,
) -> Splits:
    """Folds over the rows of ``window``; the final fit is made of the rows before ``final``.

    Sizes, purge and embargo as for `walk_forward`, which says the errors, too.
    """
    longest = len(times) if train_size is None else train_size
    _at_least(1, validation_size=validation_size, train_size=longest or 1)
    _at_least(0, purge=purge, embargo=embargo)
    clock, known = clocks(times, known_at)
    first, last = window

    def fit(name: str, begin: int, end: int) -> Fold:
        """A fold whose test rows are ``begin`` (inclusive) to ``end``."""
        usable = _before(begin, clock, known, purge + embargo if begin < end else 0)
        validation = usable[-validation_size:]
        stop = int(validation[0]) if len(validation) else 0
        train = _before(stop, clock, known, purge + embargo)[-longest:]
        if len(validation) < validation_size or not len(train):
            raise DataQualityError(
                f"{len(clock)} labelled rows are too few for walk-forward splits ({len(begins)} "
                f"folds of {test_size} rows, {validation_size} rows to stop on, purge {purge}, "
                f"embargo {embargo}); give more data or smaller splits"
            )
        return Fold(name=name, train=train, validation=validation, test=np.arange(begin, end))

    begins = range(first, last, test_size)
    return Splits(
        method="walk_forward",
        folds=tuple(
            fit(f"fold_{k}", begin, min(begin + test_size, last))
            for k, begin in enumerate(begins, start=1)
        ),
        final=fit("final", final, final),
    )


def by_time(
    times: pd.Series[Any],
    known_at: pd.Series[Any],
    *,
    validation_share: float = 0.15,
    test_share: float = 0.15,
    gap: timedelta | None = None,
) -> Splits:
    """The last ``test_share`` of the time span is for the test, the share before it for validation.

    Labels of an earlier split must be known at least ``gap`` before the next split begins.

    Raises:
        ConfigError: shares that leave nothing to train on.
        DataQualityError: a split without rows.

    >>> times = pd.Series(pd.date_range("2013-01-01", periods=11, tz="UTC"))
    >>> splits = by_time(times, times, validation_share=0.2, test_share=0.3)
    >>> {name: rows.tolist() for name, rows in splits.named().items()}
    {'train': [0, 1, 2, 3, 4], 'validation': [5, 6], 'test': [7, 8, 9, 10]}
    """
    if not (validation_share > 0 and test_share > 0 and validation_share + test_share < 1):
        raise ConfigError("splits: the two shares must be above 0 and together below 1")
    clock, known = clocks(times, known_at)
    if not len(clock):
        raise DataQualityError("there is no labelled row to split; give more data")
    apart = pd.Timedelta(gap or timedelta(0)).to_timedelta64()
    second, span = np.timedelta64(1, "s"), clock[-1] - clock[0]
    test_from = clock[-1] - int(span / second * test_share) * second
    validation_from = test_from - int(span / second * validation_share) * second
    between = (clock >= validation_from) & (clock < test_from)
    final = Fold(
        name="final",
        train=np.flatnonzero((clock < validation_from) & (known < validation_from - apart)),
        validation=np.flatnonzero(between & (known < test_from - apart)),
        test=np.flatnonzero(clock >= test_from),
    )
    empty = [name for name in ("train", "validation", "test") if not len(getattr(final, name))]
    if empty:
        raise DataQualityError(
            f"no rows for {' and '.join(empty)} among {len(clock)} labelled rows from {clock[0]} "
            f"to {clock[-1]} with validation_share={validation_share}, test_share={test_share}, "
            f"gap={gap}; give more data or change the splits"
        )
    return Splits(method="time", final=final)


def make_splits(
    method: str,
    params: Mapping[str, Any],
    times: pd.Series[Any],
    known_at: pd.Series[Any],
) -> Splits:
    """The splits that a declaration asks for: ``walk_forward`` or ``time``.

    Raises:
        ConfigError: another method or unknown parameters.
    """
    try:
        if method == "walk_forward":
            return walk_forward(times, known_at, **params)
        if method == "time":
            return by_time(times, known_at, **params)
    except TypeError as error:
        raise ConfigError(f"splits, method {method}: {error}; correct the parameters") from error
    raise ConfigError(f"splits: method {method!r} is unknown; use walk_forward or time")


def _before(start: int, clock: NDArray[Any], known: NDArray[Any], apart: int) -> Rows:
    """Rows at least ``apart`` before row ``start``, their labels known before its time."""
    rows = np.arange(max(0, start - apart))
    return rows if start >= len(clock) else np.flatnonzero(known[rows] < clock[start])


def clocks(times: pd.Series[Any], known_at: pd.Series[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as plain UTC; ``DataQualityError`` unless rows stand in time order."""
    clock = times.dt.tz_convert(None).to_numpy()
    if not (clock[1:] >= clock[:-1]).all():
        raise DataQualityError("rows are not in time order; sort them by their time column")
    return clock, known_at.dt.tz_convert(None).to_numpy()


def _at_least(minimum: int, **sizes: int) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < minimum:
            raise ConfigError(
                f"splits: {name} must be a whole number from {minimum} on, not {size!r}"
            )
