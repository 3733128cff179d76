"""What a version is watched against: its edges, the importance of its columns, its frozen days.

Made once, from the data a version was trained or first watched on, and found again by the SHA-256
of its content (a manifest names it). Neighbours: ``edges``, ``block``, ``importance``,
``baseline_store`` (which baseline a version keeps).

Not promised: the rows themselves; a baseline is counts, about 1 MB for 50 features and 60 days.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as kinds
from numpy.typing import NDArray

from governance.errors import IntegrityError, InvalidEvidenceError, NaiveDatetimeError
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.columns import IntArray, as_arrow
from governance.evidence.drift.profiles.edges import edges_of
from governance.evidence.drift.profiles.layout import Layout
from governance.evidence.drift.profiles.packed import pack, seal, unpack, unseal
from governance.evidence.drift.profiles.profiling import profile_table

DAYS = 60  # most days that a baseline keeps; they calibrate, and older ones say little of today
_HOUR = 3_600_000_000  # microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HasDays(Protocol):
    """A calendar that knows the local day of a moment."""

    def day_of(self, moment: datetime, /) -> date: ...


@dataclass(frozen=True, eq=False)
class Baseline:
    """
    Attributes:
        layout: the edges of every watched feature.
        importance: share of the model's importance by column, 0 to 1; None where not known.
        rows: rows that the edges were made of.
        first, last: time of the earliest and latest of them (UTC); None without rows.
        days: the frozen reference as local days, ascending, at most the last 60. Of a decoded
            baseline each is unpacked when it is first asked for: a scan mostly needs none.

    ``Baseline.decode(baseline.encode()) == baseline``.
    """

    layout: Layout
    importance: Mapping[str, float | None] = field(default_factory=dict)
    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    days: Sequence[tuple[date, ProfileBlock]] = ()

    @classmethod
    def of(
        cls,
        frame: pa.Table | pd.DataFrame,
        *,
        features: Sequence[str],
        categorical: Collection[str] = (),
        time_column: str,
        day_of: Callable[[datetime], date] | HasDays,
        importance: Mapping[str, float | None] | None = None,
    ) -> Baseline:
        """The baseline of a table; rows without a time make edges, but belong to no day.

        Args:
            features: columns to watch, each in the table.
            categorical: columns of numbers that are categories.
            time_column: zoned event time.
            day_of: local day of a moment, or a calendar; asked once for each hour that occurs.
            importance: shares by column; columns that it does not name have none.

        Raises:
            InvalidEvidenceError: a column is not there, or of a type that cannot be watched.
            NaiveDatetimeError: the time column has no time zone.

        >>> times = pd.date_range("2013-02-01", periods=72, freq="h", tz="UTC")
        >>> frame = pd.DataFrame({"time": times, "temp": [float(n % 7) for n in range(72)]})
        >>> baseline = Baseline.of(
        ...     frame, features=["temp"], time_column="time", day_of=lambda moment: moment.date())
        >>> [(day.isoformat(), block.rows) for day, block in baseline.days]
        [('2013-02-01', 24), ('2013-02-02', 24), ('2013-02-03', 24)]
        """
        known = list(frame.columns) if isinstance(frame, pd.DataFrame) else frame.column_names
        if absent := [name for name in [time_column, *features] if name not in known]:
            raise InvalidEvidenceError(
                f"columns {absent} are not in the reference data, which has {known[:20]}; "
                "correct drift.features or the data source"
            )
        columns = {name: as_arrow(name, frame[name]) for name in features}
        layout = Layout(
            tuple(
                edges_of(name, column, categorical=name in categorical)
                for name, column in columns.items()
            )
        )
        hours, bounds = _hours(time_column, as_arrow(time_column, frame[time_column]))
        ask = day_of if callable(day_of) else day_of.day_of
        given = importance or {}
        return cls(
            layout=layout,
            importance={name: given.get(name) for name in layout.features},
            rows=len(hours),
            first=bounds[0] if bounds else None,
            last=bounds[1] if bounds else None,
            days=_by_day(layout, pa.table(columns), hours, ask),
        )

    @cached_property
    def content(self) -> bytes:
        """The plain bytes that the digest is taken of."""
        header, arrays = self.layout.parts()
        if isinstance(self.days, _PackedDays):
            packed = self.days.contents
        else:
            packed = [(day, block.content) for day, block in self.days]
        told = {
            "layout": header,
            "importance": dict(self.importance),
            "rows": self.rows,
            "first": self.first,
            "last": self.last,
            "days": [day for day, _ in packed],
        }
        contents = {
            f"day {at}": np.frombuffer(content, np.uint8) for at, (_, content) in enumerate(packed)
        }
        return pack(told, {**arrays, **contents})

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the content: equal baselines, equal digest."""
        return hashlib.sha256(self.content).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Baseline) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def encode(self) -> bytes:
        return seal(self.content)

    @classmethod
    def decode(cls, data: bytes) -> Baseline:
        """
        Raises:
            IntegrityError: the bytes are damaged, or are no baseline.
        """
        header, arrays = unpack(unseal(data))
        try:
            layout = Layout.from_parts(header["layout"], arrays)
            days = [
                (date.fromisoformat(day), arrays[f"day {at}"].tobytes())
                for at, day in enumerate(header["days"])
            ]
            return cls(
                layout=layout,
                importance=header["importance"],
                rows=header["rows"],
                first=_moment(header["first"]),
                last=_moment(header["last"]),
                days=_PackedDays(layout, days),
            )
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise IntegrityError(
                f"these bytes are no baseline ({error!r}); restore the database from its backup"
            ) from error


class _PackedDays(Sequence[tuple[date, ProfileBlock]]):
    """Day blocks that are unpacked one by one, when they are asked for."""

    def __init__(self, layout: Layout, contents: list[tuple[date, bytes]]) -> None:
        self.layout, self.contents = layout, contents
        self._blocks: dict[int, ProfileBlock] = {}

    def __len__(self) -> int:
        return len(self.contents)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return tuple(self[one] for one in range(*at.indices(len(self))))
        place = range(len(self))[at]
        day, content = self.contents[place]
        if place not in self._blocks:
            self._blocks[place] = ProfileBlock.from_content(content, self.layout)
        return day, self._blocks[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _hours(
    name: str, times: pa.Array | pa.ChunkedArray
) -> tuple[IntArray, tuple[datetime, datetime] | None]:
    """The UTC hour of each row, as hours since 1970 (-1 without a time), and first and last."""
    if not kinds.is_timestamp(times.type):
        raise InvalidEvidenceError(
            f"time column {name!r} has type {times.type}; give zoned timestamps"
        )
    if times.type.tz is None:
        raise NaiveDatetimeError(
            f"time column {name!r} has no time zone; localize it, for example with "
            "frame[column].dt.tz_localize('UTC')"
        )
    there = times.is_valid().to_numpy(zero_copy_only=False) if times.null_count else None
    micros: NDArray[Any] = (
        times.cast(pa.timestamp("us", "UTC"), safe=False)
        .cast(pa.int64())
        .fill_null(0)
        .to_numpy(zero_copy_only=False)
    )
    hours = micros // _HOUR
    if there is not None:
        hours, micros = np.where(there, hours, _NONE), micros[there]
    if not len(micros):
        return hours, None
    first, last = (_EPOCH + timedelta(microseconds=int(m)) for m in (micros.min(), micros.max()))
    return hours, (first, last)


_NONE = np.iinfo(np.int64).min  # an hour that no row with a time can have


def _by_day(
    layout: Layout, table: pa.Table, hours: IntArray, day_of: Callable[[datetime], date]
) -> tuple[tuple[date, ProfileBlock], ...]:
    occurring, place = np.unique(hours, return_inverse=True)
    ordinals = np.array(
        [
            0 if hour == _NONE else day_of(_EPOCH + timedelta(hours=hour)).toordinal()
            for hour in occurring.tolist()
        ],
        np.int64,
    )
    of_row = ordinals[place] if len(occurring) else np.zeros(0, np.int64)
    kept = np.unique(of_row[of_row > 0])[-DAYS:].tolist()
    ascending = bool(np.all(of_row[1:] >= of_row[:-1]))
    days = []
    for ordinal in kept:
        if ascending:  # as data mostly come: a day is a slice, nothing is copied
            start, end = of_row.searchsorted([ordinal, ordinal + 1]).tolist()
            rows = table.slice(start, end - start)
        else:
            rows = table.take(pa.array(np.flatnonzero(of_row == ordinal)))
        days.append((date.fromordinal(ordinal), profile_table(layout, rows)))
    return tuple(days)
