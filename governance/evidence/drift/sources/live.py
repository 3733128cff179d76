"""What every source of live data promises: the rows of whole hours, and what is wrong with them.

The rule of all sources: an answer is a finding, no answer is an error. A bad hour (missing, torn,
times without a zone) comes back as a :class:`LiveStatus` with its reason and never as an exception;
a store that does not answer raises :class:`~governance.errors.LiveDataError`, since nothing may be
recorded of hours that nobody saw. Neighbours: ``parquet``, ``sql``, ``frame``, ``function``.

Not promised: that a column that was asked for is there (the profile reports it), or that rows come
in the order of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import pyarrow as pa


class LiveStatus(StrEnum):
    """How an hour was found."""

    OK = "ok"  # rows, perhaps with a remark
    EMPTY = "empty"  # the hour is there and has no rows
    MISSING = "missing"  # nothing is there (yet)
    CORRUPT = "corrupt"  # bytes that cannot be read
    INVALID = "invalid"  # readable, and it cannot be said which rows belong to the hour


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRows:
    """What a source says of some hours.

    Attributes:
        table: rows of the hours, if and only if ``status`` is OK. It has the time column, and of
            the columns asked for those that exist. A column without any value may be of Arrow's
            null type.
        status: of one hour; of several hours CORRUPT or INVALID if one of them is.
        problem: what is wrong, one sentence each, also where rows remain; ``None`` if nothing is.
            What cannot be stored or encoded in it (NUL, half characters) is escaped.
        fingerprint: of the one hour that was read, taken before reading; ``None`` where the source
            cannot tell, or several hours were read.
        outside: rows that were dropped since their time is not in their hour, or missing.

    >>> LiveRows(status=LiveStatus.MISSING, problem="no file").rows
    0
    """

    table: pa.Table | None = None
    status: LiveStatus
    problem: str | None = None
    fingerprint: str | None = None
    outside: int = 0

    def __post_init__(self) -> None:
        if self.problem is not None:
            object.__setattr__(self, "problem", printable(self.problem))
        if (self.table is None) == (self.status is LiveStatus.OK):
            raise ValueError("there is a table exactly where the status is ok")

    @property
    def rows(self) -> int:
        return 0 if self.table is None else int(self.table.num_rows)


def printable(text: str) -> str:
    r"""``text`` as every database and encoding takes it; names in data may hold anything.

    >>> printable("part-\udcff\0.parquet")
    'part-\\udcff\\x00.parquet'
    """
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class LiveSource(Protocol):
    """A model's live data, read by whole UTC hours."""

    def read(self, start: datetime, end: datetime, columns: Sequence[str]) -> LiveRows:
        """The rows of ``start`` <= time < ``end``.

        Args:
            start, end: whole hours with a time zone, ``start`` before ``end``.
            columns: asked for; only these and the time column are read.

        Raises:
            LiveDataError: the store cannot be reached, or not be read at all.
            InvalidInputError: no whole hours.
        """
        ...

    def fingerprints(self, start: datetime, end: datetime) -> Mapping[datetime, str]:
        """By UTC hour, text that changes when the hour's data changed.

        Hours without data are left out. Empty where the source cannot tell cheaply. Of the same
        state of the data, ``read(hour).fingerprint`` is the same text.

        Raises:
            LiveDataError: as for :meth:`read`.
        """
        ...
