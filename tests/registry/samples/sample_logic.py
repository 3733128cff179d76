"""Feature logic whose code digest is pinned by ``hashes.json``; a change here changes that file.

It holds what Pythons cut into tokens differently (f-strings, nested quotes) and what a digest must
follow (a helper and constants of the module).
"""

from __future__ import annotations

import pandas as pd

SCALE = 100.0
CARRIERS = ["UA", "AA", "DL"]


def spread(frame: pd.DataFrame, *, window: int = 2) -> pd.Series:
    """High over low.

    More than one line of it.
    """
    high, low = frame.iloc[:, 0], frame.iloc[:, 1]  # by position

    wide = _over(high, low) * SCALE
    return wide.rolling(window, min_periods=1).mean()


def label(frame: pd.DataFrame, *, prefix: str = "c") -> pd.Series:
    """Text made with f-strings."""
    name = f"{prefix}-{len(CARRIERS):>{3}}" + f"{prefix!r} {{kept}} {'#' + 'no comment'}"
    triple = f"""
    {frame.shape[0]}   # in the text
    """
    return pd.Series([name + triple] * len(frame), index=frame.index)


def _over(above: pd.Series, below: pd.Series) -> pd.Series:
    return above / below - 1.0


def made_of_a_closure(window: int):  # type: ignore[no-untyped-def]  # what a digest cannot follow
    def inner(frame: pd.DataFrame) -> pd.Series:
        return frame.iloc[:, 0].rolling(window).mean()

    return inner


closed = made_of_a_closure(3)
anonymous = lambda frame: frame.iloc[:, 0]  # noqa: E731


def fails(frame: pd.DataFrame) -> pd.Series:
    raise ZeroDivisionError("by design")


def loses_a_row(frame: pd.DataFrame) -> pd.Series:
    return frame.iloc[1:, 0]


def as_array(frame: pd.DataFrame) -> object:
    return frame.iloc[:, 0].to_numpy() * 2
