"""The content of one file: a Parquet table, a CSV table of text cells, or plain bytes.

Neighbours: ``table_content`` (digests of a table), ``datasets`` (many files, cache, comparison).
The suffix decides how a file is read; tables are read in batches, bytes in blocks.
Not promised: that a CSV file is well-formed. One that Arrow cannot cut into columns counts by its
bytes, which is stricter, never looser. A damaged Parquet file is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from governance.errors import DatasetUnavailableError
from governance.registry.table_content import ColumnContent, TableContent, table_content

_PARQUET = (".parquet", ".pq")
_CSV = tuple(".csv" + packed for packed in ("", ".gz", ".bz2", ".zst"))
_BATCH_ROWS = 65_536
_BLOCK_BYTES = 4 << 20
_HINT = 16  # hex digits kept for each column, to say which one differs; `digest` is what decides
_NO_VALUE = pa.array(["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"])


@dataclass(frozen=True, slots=True)
class FileContent:
    """
    Attributes:
        format: ``table`` (Parquet), ``csv`` or ``bytes``.
        digest: SHA-256 of all content.
        rows: number of rows; ``None`` for bytes.
        columns: name, data type and a short digest of each column; empty for bytes.
    """

    format: str
    digest: str
    rows: int | None = None
    columns: tuple[ColumnContent, ...] = ()

    @classmethod
    def of_table(
        cls, format: str, table: TableContent, dtypes: Iterable[str] | None = None
    ) -> Self:
        """The content of a table; ``dtypes`` replaces the types shown (guessed ones of a CSV)."""
        shown = [one.dtype for one in table.columns] if dtypes is None else list(dtypes)
        columns = tuple(
            ColumnContent(one.name, dtype, one.digest[:_HINT])
            for one, dtype in zip(table.columns, shown, strict=True)
        )
        return cls(format, table.digest, table.rows, columns)

    @property
    def schema(self) -> list[Any]:
        """What live data must share: columns and types; of plain bytes all there is, the digest."""
        if self.rows is None:
            return [self.format, self.digest]
        return [[one.name, one.dtype] for one in self.columns]

    def schema_differences(self, other: FileContent) -> list[str]:
        """Columns and data types that ``other`` has differently, in words."""
        if self.rows is None or other.rows is None:
            return [] if self.schema == other.schema else ["content differs"]
        old = {one.name: one.dtype for one in self.columns}
        new = {one.name: one.dtype for one in other.columns}
        lines = [f"column {name!r} is missing" for name in old if name not in new]
        lines += [f"column {name!r} is new" for name in new if name not in old]
        lines += [
            f"column {name!r} has dtype {new[name]}, was {dtype}"
            for name, dtype in old.items()
            if new.get(name, dtype) != dtype
        ]
        if not lines and self.schema != other.schema:
            lines.append("the columns are in another order")
        return lines

    def cell_differences(self, other: FileContent) -> list[str]:
        """Rows and columns whose values ``other`` has differently, in words."""
        if self.rows is None or other.rows is None:
            return []
        lines = [] if self.rows == other.rows else [f"rows {self.rows} → {other.rows}"]
        if self.rows == other.rows:
            new = {one.name: one for one in other.columns}
            lines += [
                f"values of column {one.name!r} differ"
                for one in self.columns
                if one.name in new
                and new[one.name].dtype == one.dtype
                and new[one.name].digest != one.digest
            ]
        if self.format != other.format:
            lines.append(f"format {self.format} → {other.format}")
        return lines

    def as_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "content": self.digest,
            "rows": self.rows,
            "columns": [one.name for one in self.columns],
            "dtypes": [one.dtype for one in self.columns],
            "column_digests": [one.digest for one in self.columns],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        triples = zip(record["columns"], record["dtypes"], record["column_digests"], strict=True)
        return cls(
            record["format"],
            record["content"],
            record["rows"],
            tuple(ColumnContent(*triple) for triple in triples),
        )


def content_of_file(path: Path) -> FileContent:
    """Read ``path`` once and say what is in it.

    Raises:
        DatasetUnavailableError: a damaged Parquet file.
        OSError: it cannot be opened or read.
    """
    name = path.name.lower()
    if name.endswith(_PARQUET):
        return _parquet(path)
    if name.endswith(_CSV):
        return _csv(path) or _bytes(path)
    return _bytes(path)


def _parquet(path: Path) -> FileContent:
    with path.open("rb") as handle:  # a missing file is an OSError here, a damaged one below
        try:
            with pq.ParquetFile(handle, pre_buffer=False) as parquet:  # else all in memory
                batches = parquet.iter_batches(batch_size=_BATCH_ROWS)
                return FileContent.of_table("table", table_content(parquet.schema_arrow, batches))
        except (pa.ArrowException, OSError) as error:
            raise DatasetUnavailableError(
                f"dataset {path} is no whole Parquet file ({error}); write it again"
            ) from error


def _bytes(path: Path) -> FileContent:
    with path.open("rb") as handle:
        return FileContent("bytes", hashlib.file_digest(handle, "sha256").hexdigest())


def _csv(path: Path) -> FileContent | None:
    """The table of a CSV file; ``None`` if Arrow cannot cut it into columns."""
    try:
        names = _open_csv(path, None).schema.names
        reader = _open_csv(path, {name: pa.binary() for name in names})
        guesses = [_Guess() for _ in names]
        table = table_content(reader.schema, _watched(reader, guesses))
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return FileContent.of_table("csv", table, [guess.dtype for guess in guesses])


def _open_csv(path: Path, types: dict[str, pa.DataType] | None) -> arrow_csv.CSVStreamingReader:
    return arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )


def _watched(batches: Iterable[pa.RecordBatch], guesses: list[_Guess]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for guess, cells in zip(guesses, batch.columns, strict=True):
            guess.update(cells)
        yield batch


class _Guess:
    """``number`` if all cells with a value read as one, or ``empty``, or ``text``."""

    def __init__(self) -> None:
        self.dtype = "empty"

    def update(self, cells: pa.Array) -> None:
        if self.dtype == "text":
            return
        try:
            words = cells.cast(pa.string())
            given = words.filter(pc.invert(pc.is_in(words, value_set=_NO_VALUE)))
            given.cast(pa.float64())
        except pa.ArrowInvalid:
            self.dtype = "text"
        else:
            if len(given):
                self.dtype = "number"
