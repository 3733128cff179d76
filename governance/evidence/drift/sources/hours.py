"""Whole hours of UTC, and several hours' rows as one.

Pure. Neighbours: every source splits its range here; ``parquet`` joins its files and hours here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from governance.errors import InvalidEvidenceError, InvalidInputError
from governance.evidence.drift.sources.live import LiveRows, LiveStatus
from governance.values import as_utc

HOUR = timedelta(hours=1)
_SHOWN = 5


def hours_between(start: datetime, end: datetime) -> list[datetime]:
    """The UTC hours of [``start``, ``end``).

    >>> from datetime import UTC
    >>> first = datetime(2013, 2, 8, 18, tzinfo=UTC)
    >>> [hour.hour for hour in hours_between(first, first + 3 * HOUR)]
    [18, 19, 20]

    Raises:
        NaiveDatetimeError: no time zone.
        InvalidInputError: no whole UTC hours, or ``start`` is not before ``end``.
    """
    first, last = as_utc(start, what="start"), as_utc(end, what="end")
    for what, moment in (("start", first), ("end", last)):
        if moment.minute or moment.second or moment.microsecond:
            raise InvalidInputError(
                f"{what}={moment.isoformat()} is no whole hour of UTC; live data are read by whole "
                "hours"
            )
    if first >= last:
        raise InvalidInputError(
            f"start={first.isoformat()} is not before end={last.isoformat()}; exchange them"
        )
    return [first + number * HOUR for number in range((last - first) // HOUR)]


def name_of(hour: datetime) -> str:
    """
    >>> from datetime import UTC
    >>> name_of(datetime(2013, 2, 8, 18, tzinfo=UTC))
    '2013-02-08T18Z'
    """
    return hour.strftime("%Y-%m-%dT%HZ")


def joined(parts: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """One table of all rows; types are widened where no value is lost to another kind.

    Integers and floats become floats, a column without values takes the other's type; a part
    without the column has no values there.

    Args:
        parts: where each came from, for the message, and its rows.

    Raises:
        InvalidEvidenceError: a column has types that are of different kinds (text and number).

    >>> joined([("a", pa.table({"x": [1]})), ("b", pa.table({"x": [0.5]}))]).column("x").to_pylist()
    [1.0, 0.5]
    """
    tables = [table for _, table in parts]
    if len(tables) == 1:
        return tables[0]
    if any(table.schema != tables[0].schema for table in tables[1:]):
        tables = [_plain(table) for table in tables]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        names = [where for where, _ in parts]
        raise InvalidEvidenceError(_conflict(names, tables, str(error))) from error


def together(found: Sequence[tuple[datetime, LiveRows]]) -> LiveRows:
    """Several hours as one answer, which is as good as its worst hour.

    Hours without data are named and leave the others' rows OK; a corrupt or invalid one makes the
    whole so, since a sum with a hole must not pass for a sum.
    """
    if len(found) == 1:
        return found[0][1]
    outside = sum(one.outside for _, one in found)
    for bad in (LiveStatus.CORRUPT, LiveStatus.INVALID):
        if any(one.status is bad for _, one in found):
            broken = [(hour, one) for hour, one in found if one.status is bad]
            return LiveRows(status=bad, problem=_told(broken), outside=outside)
    problem = _told(found)
    parts = [(name_of(hour), one.table) for hour, one in found if one.table is not None]
    if not parts:
        there = any(one.status is LiveStatus.EMPTY for _, one in found)
        status = LiveStatus.EMPTY if there else LiveStatus.MISSING
        return LiveRows(status=status, problem=problem, outside=outside)
    try:
        table = joined(parts)
    except InvalidEvidenceError as error:
        return LiveRows(status=LiveStatus.INVALID, problem=error.message, outside=outside)
    return LiveRows(table=table, status=LiveStatus.OK, problem=problem, outside=outside)


def _told(found: Sequence[tuple[datetime, LiveRows]]) -> str | None:
    told = [f"{name_of(hour)}: {one.problem}" for hour, one in found if one.problem]
    more = f"; and {len(told) - _SHOWN} hours more" if len(told) > _SHOWN else ""
    return "; ".join(told[:_SHOWN]) + more if told else None


def _plain(table: pa.Table) -> pa.Table:
    """Dictionaries as their values: those of two files need not agree."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            values = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, field.name, values)
    return table


def _conflict(names: Sequence[str], tables: Sequence[pa.Table], error: str) -> str:
    seen: dict[str, tuple[pa.Field, str]] = {}
    for where, table in zip(names, tables, strict=True):
        for field in table.schema:
            known, first = seen.setdefault(field.name, (field, where))
            try:
                both = [pa.schema([known]), pa.schema([field])]
                wide = pa.unify_schemas(both, promote_options="permissive")
            except pa.ArrowException:
                return (
                    f"column {field.name!r} is {known.type} in {first} and {field.type} in {where};"
                    " write it with one type"
                )
            seen[field.name] = (wide.field(0), first)
    return f"the files do not fit together ({error}); write their columns with one type"
