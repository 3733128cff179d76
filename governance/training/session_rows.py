"""Which rows make a session, and whether their outcome is known: a calendar day of real data.

A session is a day in the model's time zone. It is mature when its outcome can be told: every row of
a trading model has the return that followed, or a day has passed since the session's end and at
least half of its rows have their label (what never gets one, such as a cancelled flight, is left
out). Its time is the moment at which the last outcome used was known, so that a decision whose
evidence ends earlier does not see it.

Pure: the frame, the labels and the cut-off come from the caller (``trial_sessions``). Not promised:
labels that need longer than a day after the session's end; they are not waited for once half of the
rows have theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import TrainingError
from governance.training.data import FORWARD_RETURN, Labels
from governance.values import Kind

SETTLING = timedelta(days=1)
MATURE_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """
    Attributes:
        id: the day, ``2013-03-01``; the same for every version of the model.
        start, end: its midnights, UTC.
        rows: positions in the frame, in time order.
        at: when its last outcome was known, UTC; ``None`` while it is not mature.
        waits_for: why it is not mature; empty if it is.
    """

    id: str
    start: datetime
    end: datetime
    rows: NDArray[np.int64]
    at: datetime | None
    waits_for: str = ""


def sessions(
    frame: pd.DataFrame,
    labels: Labels,
    *,
    kind: Kind,
    time_column: str,
    timezone: str,
    start: datetime,
    end: datetime,
    at: datetime,
) -> list[Session]:
    """The sessions that begin at ``start <= midnight < end`` and have rows, in order.

    Args:
        frame: rows known before ``at``, in time order, indexed 0..n-1.
        labels: as `governance.training.prepare.label_frame` gives them for the same ``at``.

    Raises:
        TrainingError: a trading model whose label gives no forward return.
    """
    if kind is Kind.TRADING and FORWARD_RETURN not in labels.extra.columns:
        raise TrainingError(
            f"a trading model's label must give Labels.extra the column {FORWARD_RETURN!r}; "
            "without it a session earns nothing"
        )
    zone = ZoneInfo(timezone)
    days = frame[time_column].dt.tz_convert(zone).dt.date.to_numpy()
    # Known to be in time order, so a day's rows stand together.
    changes = np.flatnonzero(days[1:] != days[:-1]) + 1 if len(days) else np.zeros(0, np.int64)
    return [
        _session(frame[time_column], labels, kind, day, rows, zone, at)
        for day, rows in _blocks(days, changes)
        if start <= _midnight(day, zone) < end
    ]


def _blocks(
    days: NDArray[Any], changes: NDArray[np.int64]
) -> Iterator[tuple[date, NDArray[np.int64]]]:
    for rows in np.split(np.arange(len(days), dtype=np.int64), changes):
        if rows.size:
            yield days[rows[0]], rows


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _session(
    times: pd.Series[Any],
    labels: Labels,
    kind: Kind,
    day: date,
    rows: NDArray[np.int64],
    zone: ZoneInfo,
    at: datetime,
) -> Session:
    start, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    if kind is Kind.TRADING:
        known, waits_for = _earned(times, labels, rows)
    else:
        known, waits_for = _labelled(labels, rows, end, at)
    return Session(day.isoformat(), start, end, rows, known, waits_for)


def _earned(
    times: pd.Series[Any], labels: Labels, rows: NDArray[np.int64]
) -> tuple[datetime | None, str]:
    """A position's first return is known with the next row, so that row's time counts."""
    made = labels.extra[FORWARD_RETURN].to_numpy(dtype=float)[rows]
    if not np.isfinite(made).all() or rows[-1] + 1 >= len(times):
        return None, "the return that follows its last row is not known yet"
    return times.iloc[int(rows[-1]) + 1].to_pydatetime(), ""


def _labelled(
    labels: Labels, rows: NDArray[np.int64], end: datetime, at: datetime
) -> tuple[datetime | None, str]:
    has = labels.values.iloc[rows].notna().to_numpy()
    if not has.all() and at < end + SETTLING:
        return None, "a day has not passed since its end, so labels may still come"
    if has.mean() < MATURE_SHARE:
        return None, f"only {has.sum()} of its {len(rows)} rows have a label"
    assert labels.known_at is not None  # label_frame fills it in
    return labels.known_at.iloc[rows[has]].max().to_pydatetime(), ""
