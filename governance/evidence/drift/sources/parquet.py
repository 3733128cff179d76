"""Live data as Parquet files by hour: only the hour's files and the wanted columns are read.

Neighbours: ``hour_files`` (which files), ``event_times`` (which of their rows). A file that is
torn, zero bytes long or no Parquet at all makes its hour CORRUPT, since the rest of the hour is not
the hour. Not promised: subfolders of an hour, or encrypted files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import ConfigError, InvalidEvidenceError, LiveDataError
from governance.evidence.drift.sources.event_times import (
    chosen_columns,
    clip,
    outside_told,
    time_type,
)
from governance.evidence.drift.sources.hour_files import (
    SUFFIX,
    HourFile,
    HourFiles,
    open_store,
    shown,
)
from governance.evidence.drift.sources.hours import (
    HOUR,
    hours_between,
    joined,
    together,
)
from governance.evidence.drift.sources.live import LiveRows, LiveStatus

_SAMPLE = datetime(2013, 1, 31, tzinfo=UTC)


class ParquetSource:
    """
    Args:
        path: folder, absolute or an fsspec URL.
        layout: an hour's place in it, in strftime words (UTC): a folder of ``.parquet`` files, or
            one file where it ends in ``.parquet``.
        time_column: event time, with a zone.

    Raises:
        ConfigError: the layout has one place for several hours.
        LiveDataError: a URL whose protocol is not installed.
    """

    def __init__(self, path: str, *, layout: str, time_column: str) -> None:
        self._layout = layout.strip("/")
        _check_layout(self._layout)
        self._store = open_store(path)
        self._name = shown(path)
        self._time_column = time_column

    def read(self, start: datetime, end: datetime, columns: Sequence[str]) -> LiveRows:
        """See :class:`~governance.evidence.drift.sources.live.LiveSource`."""
        hours = hours_between(start, end)
        return together([(hour, self._hour(hour, columns)) for hour in hours])

    def fingerprints(self, start: datetime, end: datetime) -> Mapping[datetime, str]:
        """From the names, sizes and times of the files."""
        places = {hour.strftime(self._layout): hour for hour in hours_between(start, end)}
        found = self._store.at_all(list(places))
        if not found:
            self._check_base()
        return {
            hour: fingerprint
            for place, hour in places.items()
            if place in found and (fingerprint := found[place].fingerprint) is not None
        }

    def _hour(self, hour: datetime, columns: Sequence[str]) -> LiveRows:
        place = hour.strftime(self._layout)
        found = self._store.at(place)
        if found is None:
            self._check_base()
            return LiveRows(status=LiveStatus.MISSING, problem=f"there is no {place}")
        if not found.files:
            problem = _sentences(f"{place} has no file that ends in .parquet", *_ignored(found))
            return LiveRows(status=LiveStatus.MISSING, problem=problem)
        try:
            return self._files(found, hour, columns, place)
        except InvalidEvidenceError as error:
            status, problem = LiveStatus.INVALID, error.message
        except _TornFile as error:
            status, problem = LiveStatus.CORRUPT, str(error)
        return LiveRows(status=status, problem=problem, fingerprint=found.fingerprint)

    def _files(
        self, found: HourFiles, hour: datetime, columns: Sequence[str], place: str
    ) -> LiveRows:
        end = hour + HOUR
        parts: list[tuple[str, pa.Table]] = []
        told: list[str] = []
        outside = 0
        for file in found.files:
            where = place if place.endswith(SUFFIX) else f"{place}/{file.name}"
            table = self._content(file, columns, where)
            if not table.num_rows:
                continue
            rows, others = clip(
                table, columns, time_column=self._time_column, start=hour, end=end, where=where
            )
            if others:
                outside += others
                told.append(outside_told(others, table.num_rows, hour, end, where))
            parts.append((where, rows))
        fingerprint = found.fingerprint
        if not parts:
            problem = _sentences(f"{place} has no rows", *_ignored(found))
            return LiveRows(status=LiveStatus.EMPTY, problem=problem, fingerprint=fingerprint)
        whole = joined(parts)
        problem = _sentences(*told, *_gaps(parts), *_ignored(found))
        if not whole.num_rows:  # rows, and none of this hour: what the file is cannot be said
            return LiveRows(
                status=LiveStatus.INVALID, problem=problem, outside=outside, fingerprint=fingerprint
            )
        return LiveRows(
            table=whole,
            status=LiveStatus.OK,
            problem=problem,
            outside=outside,
            fingerprint=fingerprint,
        )

    def _content(self, file: HourFile, columns: Sequence[str], where: str) -> pa.Table:
        """The wanted columns of one file."""
        try:
            with self._store.open(file) as opened:
                parquet = pq.ParquetFile(opened, page_checksum_verification=True)
                schema = parquet.schema_arrow
                if not parquet.metadata.num_rows:
                    return schema.empty_table()
                time_type(schema, self._time_column, where)
                names = chosen_columns(schema, columns, self._time_column, where)
                table = parquet.read(columns=names)
                _check_text(table)
                return table
        except InvalidEvidenceError:
            raise
        except FileNotFoundError as error:
            raise _TornFile(
                f"{where} went away while it was read; its hour is read again when it changes"
            ) from error
        except Exception as error:  # what a parser says of arbitrary bytes, or a store of itself
            if _is_of_the_bytes(error):
                raise _TornFile(
                    f"{where} cannot be read as Parquet ({_first_line(error)}); write it again, "
                    "under another name first and renamed when it is complete"
                ) from error
            raise LiveDataError(
                f"{self._name}: {where} cannot be fetched ({type(error).__name__}); check that the "
                "store is reached from here, and read again"
            ) from None  # its text may repeat the URL

    def _check_base(self) -> None:
        """Nothing at all is no missing hour: a disk that is not there says nothing of any hour."""
        if not self._store.base_exists():
            raise LiveDataError(
                f"there is nothing at {self._name}; check drift.live.path, and that its disk or "
                "bucket is reached from here"
            )


class _TornFile(Exception):
    """Why a file cannot be read, as a sentence."""


def _check_layout(layout: str) -> None:
    moments = [_SAMPLE + HOUR * number for number in range(25)]
    moments += [_SAMPLE + timedelta(days=days) for days in (28, 59, 365)]
    if len({moment.strftime(layout) for moment in moments}) < len(moments):
        raise ConfigError(
            f"drift.live.layout {layout[:120]!r} has one place for several hours; write year, "
            "month, day and hour, for example date=%Y-%m-%d/hour=%H"
        )


def _is_of_the_bytes(error: Exception) -> bool:
    """Arrow's own errors and those of decoding; what the system says of a file has an errno."""
    if isinstance(error, OSError):
        return error.errno is None or isinstance(error, PermissionError | IsADirectoryError)
    return isinstance(error, pa.ArrowException | ValueError | LookupError | ArithmeticError)


def _check_text(table: pa.Table) -> None:
    """Damaged bytes can pass for text until somebody decodes them; numbers cannot be wrong."""
    for column in table.columns:
        if not pa.types.is_primitive(column.type):
            column.validate(full=True)


def _ignored(found: HourFiles) -> list[str]:
    return [f"not read: {', '.join(found.others[:5])}"] if found.others else []


def _gaps(parts: Sequence[tuple[str, pa.Table]]) -> list[str]:
    """Columns that some files of the hour have and others have not."""
    named = [(where, table.column_names) for where, table in parts]
    every = dict.fromkeys(name for _, names in named for name in names)
    return [
        f"{where} lacks {', '.join(lacking[:5])}, which other files of the hour have"
        for where, names in named
        if len(names) < len(every) and (lacking := [name for name in every if name not in names])
    ]


def _first_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:  # without the path
        return error.strerror or type(error).__name__
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _sentences(*told: str | None) -> str | None:
    return "; ".join(one for one in told if one) or None
