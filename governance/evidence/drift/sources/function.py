"""Live data that a declared function gives: ``(start, end, params) -> DataFrame``.

Neighbours: ``governance.registry.functions`` finds it, ``event_times`` holds it to its interval.
Not promised: fingerprints; late data are seen only where their hour is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from governance.errors import GovernanceError, InvalidEvidenceError, LiveDataError
from governance.evidence.drift.sources.event_times import clip, outside_told
from governance.evidence.drift.sources.frame import arrow_table
from governance.evidence.drift.sources.hours import HOUR, hours_between
from governance.evidence.drift.sources.live import LiveRows, LiveStatus
from governance.registry.functions import load_function


class FunctionSource:
    """
    Args:
        function: ``module:function``; it is called once for all hours of a reading, with times in
            UTC, and returns a DataFrame or an Arrow table.
        params: its third argument, a copy at each call.
        time_column: event time, with a zone.

    Raises:
        ConfigError: there is no such function.

    >>> from datetime import UTC
    >>> source = FunctionSource("governance.training.flights:departures", {}, time_column="time")
    >>> six = datetime(2013, 2, 8, 18, tzinfo=UTC)
    >>> source.read(six, six + HOUR, ["visib"]).rows
    36
    """

    def __init__(self, function: str, params: Mapping[str, Any], *, time_column: str) -> None:
        self._function = load_function(function, what="live function")
        self._name = f"live function {function}"
        self._params = dict(params)
        self._time_column = time_column

    def read(self, start: datetime, end: datetime, columns: Sequence[str]) -> LiveRows:
        """See :class:`~governance.evidence.drift.sources.live.LiveSource`.

        Raises:
            LiveDataError: the function failed, or returned no table.
        """
        hours = hours_between(start, end)
        first, last = hours[0], hours[-1] + HOUR
        try:
            table = self._called(first, last, columns)
            if not table.num_rows:
                return LiveRows(
                    status=LiveStatus.EMPTY, problem=f"{self._name} gave no rows for then"
                )
            rows, outside = clip(
                table,
                columns,
                time_column=self._time_column,
                start=first,
                end=last,
                where=self._name,
            )
        except InvalidEvidenceError as error:
            return LiveRows(status=LiveStatus.INVALID, problem=error.message)
        told = outside_told(outside, table.num_rows, first, last, self._name) if outside else None
        if not rows.num_rows:
            return LiveRows(status=LiveStatus.INVALID, problem=told, outside=outside)
        return LiveRows(table=rows, status=LiveStatus.OK, problem=told, outside=outside)

    def fingerprints(self, start: datetime, end: datetime) -> Mapping[datetime, str]:
        """None: asking costs as much as reading."""
        hours_between(start, end)
        return {}

    def _called(self, start: datetime, end: datetime, columns: Sequence[str]) -> pa.Table:
        try:
            given = self._function(start, end, deepcopy(self._params))
        except GovernanceError:
            raise
        except Exception as error:  # a user's function may raise anything
            raise LiveDataError(
                f"{self._name} failed for {start.isoformat()} to {end.isoformat()} "
                f"({type(error).__name__}: {str(error)[:200]}); correct it, or what it reads from"
            ) from error
        if isinstance(given, pa.Table):
            return given
        if not isinstance(given, pd.DataFrame):
            raise LiveDataError(
                f"{self._name} returned a {type(given).__name__}; return a DataFrame, an empty one "
                "for hours without rows"
            )
        return arrow_table(given, self._time_column, columns)
