"""What a database driver gives, as Arrow. Pure.

Neighbour: ``sql``. Times must have a zone: as the driver's own times, or as ISO text, which is all
that SQLite has.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.sources.frame import arrow_array

_REMEDY = "store it with one, or add it in drift.live.query: SELECT {name} || 'Z' AS {name}, ..."


def time_array(values: Sequence[Any], time_column: str) -> pa.Array:
    """Times or ISO texts with a zone as Arrow times in UTC.

    Raises:
        InvalidEvidenceError: no zone, or no times.

    >>> time_array(["2013-02-08T18:00:00Z", "2013-02-08 18:30:00+00:00"], "time").type
    TimestampType(timestamp[us, tz=UTC])
    >>> time_array(["2013-02-08 18:00:00"], "time")
    Traceback (most recent call last):
        ...
    governance.errors.InvalidEvidenceError: column 'time' has '2013-02-08 18:00:00', ...
    """
    given = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in given):
        return _from_text(values, time_column)
    wrong = next((one for one in given if not isinstance(one, datetime)), None)
    if wrong is not None:
        raise InvalidEvidenceError(
            f"column {time_column!r} has {type(wrong).__name__} values such as {str(wrong)[:40]}, "
            "not times; select it as a time with a zone, or as ISO text: in SQLite "
            f"strftime('%Y-%m-%dT%H:%M:%SZ', {time_column}, 'unixepoch') AS {time_column}"
        )
    if any(value.tzinfo is None for value in given):
        raise InvalidEvidenceError(
            f"column {time_column!r} has no time zone, and it is not guessed; store it with one "
            f"(timestamptz), or say it in drift.live.query: {time_column} AT TIME ZONE 'UTC' AS "
            f"{time_column}"
        )
    return pa.array(values, pa.timestamp("us", "UTC"))


def in_utc(times: Sequence[str | None]) -> list[bool]:
    """Which texts give UTC as their zone? Only then is the order of texts that of times.

    >>> in_utc(["2013-02-08T18:00:00Z", "2013-02-08T18:00:00+01:00", None])
    [True, False, True]
    """
    found = pc.match_substring_regex(pa.array(times, pa.string()), r"(Z|[+-]00(:?00)?)$")
    return list(found.fill_null(True).to_pylist())


def value_array(values: Sequence[Any]) -> pa.Array | pa.ChunkedArray:
    """A column; decimals as floats, since counting needs no more, and mixed values as text.

    >>> value_array([Decimal("1.5"), None]).to_pylist(), value_array([1, "a"]).to_pylist()
    ([1.5, None], ['1', 'a'])
    """
    if Decimal in set(map(type, values)):
        values = [float(value) if isinstance(value, Decimal) else value for value in values]
    return arrow_array(pd.Series(values, dtype=object))


def _from_text(values: Sequence[str | None], time_column: str) -> pa.Array:
    texts = pa.array(values, pa.string())
    for unit in ("us", "ns"):
        try:
            return texts.cast(pa.timestamp(unit, "UTC"))
        except pa.ArrowException:
            continue
    wrong = next(value for value in values if not _is_time(value))
    raise InvalidEvidenceError(
        f"column {time_column!r} has {str(wrong)[:40]!r}, no time with a zone such as "
        f"2013-02-08T18:00:00Z; {_REMEDY.format(name=time_column)}"
    )


def _is_time(value: str | None) -> bool:
    try:
        pa.array([value], pa.string()).cast(pa.timestamp("ns", "UTC"))
    except pa.ArrowException:
        return False
    return True
