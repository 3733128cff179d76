"""Days of real data as sessions: where they are cut, and when their outcome is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import TrainingError
from governance.training.data import FORWARD_RETURN, Labels
from governance.training.session_rows import Session, sessions
from governance.values import Kind

ZONE = "America/New_York"
HOUR = timedelta(hours=1)
DAY = datetime(2013, 3, 8, 5, tzinfo=UTC)  # midnight in New York


def frame_of(times: list[datetime]) -> pd.DataFrame:
    return pd.DataFrame({"time": pd.Series(times).astype("datetime64[us, UTC]")})


def labelled(frame: pd.DataFrame, values: list[float], delay: timedelta = 2 * HOUR) -> Labels:
    known = frame["time"] + delay
    label = pd.Series(values, index=frame.index, dtype=float)
    return Labels(values=label, known_at=known.where(label.notna()))


def earning(frame: pd.DataFrame, returns: list[float]) -> Labels:
    return Labels(
        values=pd.Series(1.0, index=frame.index),
        known_at=frame["time"],
        extra=pd.DataFrame({FORWARD_RETURN: returns}, index=frame.index),
    )


def cut(frame: pd.DataFrame, labels: Labels, **given: Any) -> list[Session]:
    asked: dict[str, Any] = {
        "kind": Kind.CLASSIFIER,
        "time_column": "time",
        "timezone": ZONE,
        "start": DAY,
        "end": DAY + timedelta(days=9),
        "at": DAY + timedelta(days=9),
    }
    return sessions(frame, labels, **{**asked, **given})


def test_a_day_is_a_day_of_the_models_time_zone_also_when_the_clocks_change() -> None:
    frame = frame_of([DAY + hours * HOUR for hours in (0, 23, 24, 47, 48, 70, 71)])
    found = cut(frame, labelled(frame, [1.0] * 7))
    assert [one.id for one in found] == ["2013-03-08", "2013-03-09", "2013-03-10", "2013-03-11"]
    assert [one.rows.tolist() for one in found] == [[0, 1], [2, 3], [4, 5], [6]]
    assert found[2].end - found[2].start == 23 * HOUR  # the night without two o'clock


def test_only_days_whose_midnight_is_asked_for_are_sessions() -> None:
    frame = frame_of([DAY + days * timedelta(days=1) for days in range(5)])
    labels = labelled(frame, [1.0] * 5)
    found = cut(frame, labels, start=DAY + HOUR, end=DAY + timedelta(days=3) - HOUR)
    assert [one.id for one in found] == ["2013-03-09", "2013-03-10"], "the end is not included"


def test_labels_are_waited_for_a_day_and_what_never_gets_one_is_left_out() -> None:
    frame = frame_of([DAY, DAY + HOUR, DAY + 23 * HOUR])
    labels = labelled(frame, [1.0, np.nan, 0.0], delay=3 * HOUR)
    over = DAY + timedelta(days=1)
    (early,) = cut(frame, labels, at=over + 23 * HOUR)
    assert early.at is None and "may still come" in early.waits_for
    (mature,) = cut(frame, labels, at=over + timedelta(days=1))
    assert mature.at == DAY + 26 * HOUR, "when the last label was known, after midnight"


def test_a_day_with_every_label_waits_for_nothing() -> None:
    frame = frame_of([DAY, DAY + HOUR])
    (found,) = cut(frame, labelled(frame, [1.0, 0.0]), at=DAY + 4 * HOUR)
    assert found.at == DAY + 3 * HOUR


def test_a_day_of_which_most_has_no_outcome_is_no_session() -> None:
    frame = frame_of([DAY, DAY + HOUR, DAY + 2 * HOUR])
    (found,) = cut(frame, labelled(frame, [1.0, np.nan, np.nan]))
    assert found.at is None and found.waits_for == "only 1 of its 3 rows have a label"


def test_a_trading_day_is_known_with_the_row_that_follows_it() -> None:
    closes = [DAY + timedelta(days=days, hours=16) for days in (0, 3)]
    frame = frame_of(closes)
    first, last = cut(frame, earning(frame, [0.01, np.nan]), kind=Kind.TRADING)
    assert first.at == closes[1]
    assert last.at is None and "not known yet" in last.waits_for


def test_a_trading_model_without_forward_returns_is_refused() -> None:
    frame = frame_of([DAY])
    with pytest.raises(TrainingError, match="forward_return"):
        cut(frame, labelled(frame, [1.0]), kind=Kind.TRADING)


@given(st.lists(st.integers(0, 20 * 24), max_size=60), st.integers(0, 10), st.integers(11, 22))
def test_every_row_of_the_days_asked_for_is_in_one_session(
    hours: list[int], first: int, last: int
) -> None:
    frame = frame_of([DAY + hour * HOUR for hour in sorted(hours)])
    start, end = DAY + timedelta(days=first), DAY + timedelta(days=last)
    found = cut(frame, labelled(frame, [1.0] * len(frame)), start=start, end=end)
    rows = [row for one in found for row in one.rows.tolist()]
    assert rows == sorted(set(rows))
    assert len({one.id for one in found}) == len(found)
    for one in found:
        assert start <= one.start < end
        inside = frame["time"].between(one.start, one.end, inclusive="left")
        assert inside.to_numpy().nonzero()[0].tolist() == one.rows.tolist()
