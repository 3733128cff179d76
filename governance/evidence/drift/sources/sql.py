"""Live data in an SQL database: the hour's rows and the wanted columns of a table or a query.

The time filter is part of the statement, with bound values. Neighbours: ``sql_connection`` reads
without writing, ``sql_values`` turns rows into Arrow.

SQLite has no times but text. Texts are compared with ``2013-02-08T18:00:00``, and with a space for
the ``T``; so they must be ISO 8601 in UTC. A row of a table whose time is written in another way,
in another zone, or not there has no hour: it is told (and counted in ``outside``, if its hour can
be found), never left out in silence.

Not promised: a query that cannot be a subquery; a changed row that leaves an hour's number of rows
as it was (fingerprints count); that rows without an hour which come after the first reading of a
source are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from governance.errors import InvalidEvidenceError
from governance.evidence.drift.sources.event_times import clip, outside_told
from governance.evidence.drift.sources.hours import HOUR, hours_between, joined
from governance.evidence.drift.sources.live import LiveRows, LiveStatus
from governance.evidence.drift.sources.sql_connection import LiveDatabase, is_refusal, refusal
from governance.evidence.drift.sources.sql_values import in_utc, time_array, value_array

_BATCH = 20_000  # rows that are Python objects at the same time
Bounds = tuple[Any, Any]
_COUNTED = ("postgresql", "sqlite")  # databases that count rows by the hour
_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9]*"


class _Found(NamedTuple):
    """Rows, how many were left out since their text is not in UTC, and those of the interval."""

    table: pa.Table | None
    foreign: int
    foreign_here: int


class SqlSource:
    """
    Args:
        url: SQLAlchemy URL; empty if its variable is not set.
        url_from: the name of that variable, for messages.
        table: ``table`` or ``schema.table``, or
        query: a SELECT with ``:start`` and ``:end``, bound to times in UTC (SQLite: to text).
        time_column: event time.

    Raises:
        LiveDataError: no URL, or one that cannot be used.
    """

    def __init__(
        self, url: str, *, url_from: str, table: str | None, query: str | None, time_column: str
    ) -> None:
        self._database = LiveDatabase(url, url_from=url_from)
        self._table = table
        self._query = (query or "").strip().rstrip(";")
        self._time_column = time_column
        self._name = table if table else "the query"
        self._nowhere: int | None = None

    def read(self, start: datetime, end: datetime, columns: Sequence[str]) -> LiveRows:
        """See :class:`~governance.evidence.drift.sources.live.LiveSource`."""
        hours = hours_between(start, end)
        first, last = hours[0], hours[-1] + HOUR
        try:
            with self._database.read() as connection:
                names = self._names(connection, columns, (first, last))
                found = self._rows(connection, names, first, last)
                table = found.table
                if table is None and not found.foreign:
                    self._check_sample(connection)
                nowhere = self._without_hour(connection)
            # Rows without a time belong to no hour: every hour tells of them, none counts them.
            lost, told = found.foreign, self._told(found.foreign, nowhere)
            if table is None:
                status = LiveStatus.INVALID if found.foreign else LiveStatus.EMPTY
                empty = f"{self._name} has no rows then"
                return LiveRows(status=status, problem="; ".join([empty, *told]), outside=lost)
            rows, others = clip(
                table,
                names,
                time_column=self._time_column,
                start=first,
                end=last,
                where=self._name,
            )
        except InvalidEvidenceError as error:
            told_of = f"{self._name}: {error.message}"
            return LiveRows(status=LiveStatus.INVALID, problem=told_of)
        if others:
            told.insert(0, outside_told(others, table.num_rows, first, last, self._name))
        problem: str | None = "; ".join(told) or None
        outside = others + lost
        if not rows.num_rows:
            return LiveRows(status=LiveStatus.INVALID, problem=problem, outside=outside)
        counted = len(hours) == 1 and self._database.backend in _COUNTED
        return LiveRows(
            table=rows,
            status=LiveStatus.OK,
            problem=problem,
            fingerprint=f"rows={rows.num_rows + found.foreign_here}" if counted else None,
            outside=outside,
        )

    def fingerprints(self, start: datetime, end: datetime) -> Mapping[datetime, str]:
        """The number of rows of each hour, counted by the database where it is a known one."""
        hours = hours_between(start, end)
        first, last = hours[0], hours[-1] + HOUR
        if self._database.backend not in _COUNTED:
            return {}
        with self._database.read() as connection:
            self._names(connection, (), (first, last))  # says what is wrong with the table
            try:
                counted = self._counts(connection, first, last)
            except SQLAlchemyError as error:
                if is_refusal(error):
                    return {}  # times that do not compare; reading says so
                raise
        return {hour: f"rows={counted[hour]}" for hour in hours if hour in counted}

    def _from(self, names: Sequence[str], bounds: Bounds) -> tuple[sa.FromClause, bool]:
        """What is selected from, and whether the time filter is in it already."""
        listed: list[sa.ColumnClause[Any]] = [
            sa.column(name) for name in dict.fromkeys([self._time_column, *names])
        ]
        if self._table:
            schema, _, table = self._table.rpartition(".")
            return sa.table(table, *listed, schema=schema or None), False
        start, end = bounds
        given = sa.text(f"\n{self._query}\n").bindparams(_bound(start, "start"), _bound(end, "end"))
        return given.columns(*listed).subquery("live"), True

    def _select(self, names: Sequence[str], bounds: Bounds, *what: Any) -> sa.Select[Any]:
        source, filtered = self._from(names, bounds)
        statement = sa.select(*(what or [source.c[name] for name in names])).select_from(source)
        if filtered:
            return statement
        time = source.c[self._time_column]
        statement = statement.where(time >= _bound(bounds[0]), time < _bound(bounds[1]))
        if isinstance(bounds[0], str):  # beyond midnight, texts with the other mark lie between
            statement = statement.where(sa.func.substr(time, 11, 1) == bounds[0][10])
        return statement

    def _names(
        self, connection: sa.Connection, columns: Sequence[str], hours: tuple[datetime, datetime]
    ) -> list[str]:
        """The time column first, then those of ``columns`` that are there."""
        source, _ = self._from((), self._bounds(*hours)[0])
        star: sa.ColumnElement[Any] = sa.literal_column("*")
        statement = sa.select(star).select_from(source).where(sa.false())
        with connection.execute(statement) as found:
            there = list(found.keys())
        if self._time_column not in there:
            raise InvalidEvidenceError(
                f"there is no column {self._time_column!r}; set drift.time_column to one of "
                f"{', '.join(there[:20])}"
            )
        return list(dict.fromkeys([self._time_column, *(one for one in columns if one in there)]))

    def _rows(
        self, connection: sa.Connection, names: list[str], start: datetime, end: datetime
    ) -> _Found:
        parts: list[pa.Table] = []
        foreign = foreign_here = 0
        for bounds in self._bounds(start, end):
            try:
                statement = self._select(names, bounds)
                batches = {"yield_per": _BATCH}
                with connection.execute(statement, execution_options=batches) as result:
                    for rows in result.partitions():
                        part, left_out = self._arrow(names, rows, bounds)
                        parts += [part] if part is not None else []
                        foreign += len(left_out)
                        foreign_here += sum(bounds[0] <= one < bounds[1] for one in left_out)
            except SQLAlchemyError as error:
                if self._table and is_refusal(error):  # its columns are there: it is the times
                    raise InvalidEvidenceError(
                        f"column {self._time_column!r} does not compare with times "
                        f"({refusal(error)}); make it a timestamptz, or cast it in drift.live.query"
                    ) from error
                raise
        table = joined([(f"batch {n}", part) for n, part in enumerate(parts)]) if parts else None
        return _Found(table, foreign, foreign_here)

    def _arrow(
        self, names: Sequence[str], rows: Sequence[Any], bounds: Bounds
    ) -> tuple[pa.Table | None, list[str]]:
        """Of one batch what is written as the bounds are, and the texts that are not in UTC.

        A query may give the same rows for both ways of writing; each is taken with its own.
        """
        if isinstance(bounds[0], str):
            spaced = bounds[0][10] == " "
            rows = [row for row in rows if _is_spaced(row[0]) == spaced]
        if not rows:
            return None, []
        times = [row[0] for row in rows]
        array = time_array(times, self._time_column)
        left_out: list[str] = []
        if isinstance(bounds[0], str) and not all(here := in_utc(times)):
            left_out = [time for time, good in zip(times, here, strict=True) if not good]
            rows = [row for row, good in zip(rows, here, strict=True) if good]
            array = array.filter(pa.array(here))
            if not rows:
                return None, left_out
        _, *others = zip(*rows, strict=True)
        arrays = [array, *(value_array(values) for values in others)]
        return pa.table(dict(zip(names, arrays, strict=True))), left_out

    def _without_hour(self, connection: sa.Connection) -> int:
        """Rows of the table that no hour finds, counted once for all readings: it is the whole
        table that is looked through. Of a query's rows :func:`clip` counts them.
        """
        if not self._table:
            return 0
        if self._nowhere is None:
            source, _ = self._from((), ("", ""))
            time = source.c[self._time_column]
            nowhere: sa.ColumnElement[bool] = time.is_(None)
            if self._database.backend == "sqlite":
                strange = time.op("NOT GLOB", is_comparison=True)(_bound(_DATE))
                nowhere = sa.or_(nowhere, sa.func.typeof(time) != "text", strange)
            count = sa.select(sa.func.count()).select_from(source).where(nowhere)
            self._nowhere = int(connection.execute(count).scalar() or 0)
        return self._nowhere

    def _told(self, foreign: int, nowhere: int) -> list[str]:
        told = []
        if foreign:
            told.append(
                f"{self._name}: {foreign} rows are not counted, since column "
                f"{self._time_column!r} has texts that are not in UTC, so that their order is not "
                "that of time; store them in UTC (2013-02-08T18:00:00Z)"
            )
        if nowhere:
            told.append(
                f"{self._name}: {nowhere} rows of the whole table are in no hour, since their "
                f"{self._time_column!r} is missing or no time such as 2013-02-08T18:00:00Z; "
                "correct it"
            )
        return told

    def _check_sample(self, connection: sa.Connection) -> None:
        """No rows may mean times that compare with nothing: one of them tells."""
        if not self._table:
            return
        source, _ = self._from((), ("", ""))
        time = source.c[self._time_column]
        value = connection.execute(sa.select(time).where(time.is_not(None)).limit(1)).scalar()
        if value is not None:
            time_array([value], self._time_column)

    def _counts(
        self, connection: sa.Connection, start: datetime, end: datetime
    ) -> dict[datetime, int]:
        time: Any = sa.column(self._time_column)
        sqlite = self._database.backend == "sqlite"
        hour = sa.func.substr(time, 1, 13) if sqlite else sa.func.date_trunc("hour", time)
        counted: dict[datetime, int] = {}
        for bounds in self._bounds(start, end):
            grouped = self._select((), bounds, hour, sa.func.count()).group_by(hour)
            for found, count in connection.execute(grouped):
                if sqlite:
                    if str(found)[10:11] != bounds[0][10]:
                        continue
                    with suppress(ValueError):  # no time; reading says so
                        at = datetime.fromisoformat(f"{found}:00:00").replace(tzinfo=UTC)
                        counted[at] = counted.get(at, 0) + count
                elif isinstance(found, datetime) and found.tzinfo is not None:
                    counted[found.astimezone(UTC)] = count
        return counted

    def _bounds(self, start: datetime, end: datetime) -> list[Bounds]:
        """What times are compared with, for each way that they are written."""
        if self._database.backend != "sqlite":
            return [(start, end)]
        return [
            (start.strftime(pattern), end.strftime(pattern))
            for pattern in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
        ]


def _is_spaced(time: object) -> bool:
    return isinstance(time, str) and time[10:11] == " "


def _bound(value: Any, name: str | None = None) -> sa.BindParameter[Any]:
    kind = sa.String() if isinstance(value, str) else sa.DateTime(timezone=True)
    return sa.bindparam(name, value, kind)
