"""What a dataset is: its content, whatever its path, compression, or time of writing.

Parquet is hashed as a table (``table_content`` says what counts). CSV (``.csv``, also ``.gz``,
``.bz2``, ``.zst``) is hashed as a table of text cells, so that no version of a type-guessing parser
can change the hash; for the schema a column is ``number``, ``text`` or ``empty`` (a tabular file
that is no valid CSV counts by its bytes). Every other file counts by its bytes.

Files are taken in the order of their names; names and paths are not hashed, except the partition
folders ``key=value`` below a folder that was given, which hold data. Inside a folder, names that
begin with ``.`` or ``_`` are markers and are left out. Row order and column order count: a
model that was trained by position must not meet another order silently.

Neighbours: ``dataset_files`` (finding and reading them), ``file_content`` (one file). Not promised:
that a file stays as it is after it was hashed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd
import pyarrow as pa

from governance.canonical import sha256_of
from governance.errors import DatasetMismatchError, InvalidInputError
from governance.registry.dataset_files import DatasetFile, files_of
from governance.registry.file_content import FileContent
from governance.registry.table_content import table_content

Mode = Literal["schema"] | bool


@dataclass(frozen=True, slots=True)
class DatasetIdentity:
    """The identity of one dataset: its files, sorted by name.

    ``hash`` covers all content; ``schema_hash`` covers the columns and data types alone (each
    distinct schema once, so that one day of live data has the schema of a year of training files).
    """

    files: tuple[DatasetFile, ...]

    @property
    def hash(self) -> str:
        return sha256_of(["dataset-1", [one.hash for one in self.files]])

    @property
    def schema_hash(self) -> str:
        schemas = {sha256_of(one.content.schema) for one in self.files}
        return sha256_of(["schema-1", sorted(schemas)])

    @property
    def rows(self) -> int | None:
        """Rows of all files; ``None`` where one of them is no table."""
        counts = [one.content.rows for one in self.files]
        return None if None in counts else sum(count or 0 for count in counts)

    def as_json(self) -> list[dict[str, Any]]:
        """The records that a manifest keeps under ``datasets``."""
        return [one.as_json() for one in self.files]

    def relative_to(self, home: Path) -> Self:
        """The same identity; paths below ``home`` are told from there, so that it may move."""
        return replace(self, files=tuple(one.relative_to(home) for one in self.files))

    @classmethod
    def from_json(cls, records: Iterable[Mapping[str, Any]]) -> Self:
        """The identity of such records; ``from_json(i.as_json()) == i``.

        Raises:
            InvalidInputError: the records are not what ``as_json`` writes.
        """
        try:
            return cls(tuple(DatasetFile.from_json(record) for record in records))
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(
                f"the dataset records of the manifest cannot be read ({error!r}); "
                "register the version again"
            ) from error


def dataset_identity(paths: Iterable[str | os.PathLike[str]]) -> DatasetIdentity:
    """The identity of the files and folders in ``paths``, which must be at least one.

    Raises:
        DatasetUnavailableError: a path is missing, unreadable, an empty folder, no regular file,
            a damaged Parquet file, or was changed while it was read.
        InvalidInputError: no path at all, or a column type without a canonical form.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise InvalidInputError("no dataset path was given; give at least one file or folder")
    files = [one for path in given for one in files_of(Path(path))]
    return DatasetIdentity(tuple(sorted(files, key=lambda one: (one.name, one.hash))))


def frame_identity(frame: pd.DataFrame) -> DatasetIdentity:
    """The identity that ``frame.to_parquet(path)`` has as a file.

    As in Parquet, an index that is not the plain row number is a column of the table.

    >>> frame_identity(pd.DataFrame({"close": [1.5, 2.5]})).rows
    2

    Raises:
        InvalidInputError: the frame has no form as a table (duplicate columns, mixed cells).
    """
    try:
        table = pa.Table.from_pandas(frame)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise InvalidInputError(
            f"the DataFrame has no form as a table: {error}; give each column one name and one type"
        ) from error
    content = FileContent.of_table("table", table_content(table.schema, table.to_batches()))
    return DatasetIdentity((DatasetFile(name="frame", content=content),))


def compare(
    expected: DatasetIdentity | Iterable[Mapping[str, Any]],
    paths: Iterable[str | os.PathLike[str]] | None = None,
    mode: Mode = True,
    *,
    home: Path | None = None,
) -> DatasetIdentity | None:
    """The identity of the data at hand, if it is what was ``expected``.

    Args:
        expected: an identity, or the records of a manifest's ``datasets``.
        paths: the data at hand; ``None`` reads the registered paths again.
        mode: ``True`` compares content, ``"schema"`` columns and data types (live data; a file that
            is no table has no schema, so its content is compared), ``False`` nothing (``None``).
        home: where registered paths that are not absolute begin.

    Raises:
        DatasetUnavailableError: a file is missing or cannot be read.
        DatasetMismatchError: the text begins with "Dataset hash mismatch" and says what differs.
    """
    if check_mode(mode) is False:
        return None
    wanted = (
        expected if isinstance(expected, DatasetIdentity) else DatasetIdentity.from_json(expected)
    )
    if paths is None:
        roots = dict.fromkeys(one.root for one in wanted.files if one.root)
        paths = [root if home is None else home / root for root in roots]
    found = dataset_identity(paths)
    if changes := differences(wanted, found, mode):
        raise DatasetMismatchError(
            f"Dataset hash mismatch ({'schema' if mode == 'schema' else 'content'}): "
            + "; ".join(changes)
            + ". Use the registered data, or register a version trained on this data"
        )
    return found


def check_mode(mode: object) -> Mode:
    """``mode`` itself, if it is one that ``compare`` knows."""
    if isinstance(mode, bool) or mode == "schema":
        return mode
    raise InvalidInputError(
        f'verify_dataset_hash={mode!r:.60} is not known; use True, "schema" or False'
    )


def differences(
    expected: DatasetIdentity, found: DatasetIdentity, mode: Mode = True
) -> tuple[str, ...]:
    """What differs, in short sentences; empty when the identities agree in this mode."""
    if mode == "schema":
        if expected.schema_hash == found.schema_hash:
            return ()
        return tuple(_schema_set_lines(expected, found))
    if expected.hash == found.hash:
        return ()
    lines = []
    if len(expected.files) != len(found.files):
        lines.append(f"files {len(expected.files)} → {len(found.files)}")
        old_names, new_names = ({one.name for one in side.files} for side in (expected, found))
        lines += [f"file {name!r} is missing" for name in sorted(old_names - new_names)]
        lines += [f"file {name!r} is new" for name in sorted(new_names - old_names)]
        by_name = {one.name: one for one in found.files}
        matched = [(one, by_name[one.name]) for one in expected.files if one.name in by_name]
    else:
        matched = list(zip(expected.files, found.files, strict=True))
    for old, new in matched:
        if old.hash != new.hash:
            lines += _schema_lines(old, new) + _cell_lines(old, new)
    return tuple(lines) or ("the files are in another order",)


def _schema_set_lines(expected: DatasetIdentity, found: DatasetIdentity) -> list[str]:
    old = {sha256_of(one.content.schema): one for one in expected.files}
    new = {sha256_of(one.content.schema): one for one in found.files}
    gone = [one for schema, one in old.items() if schema not in new]
    by_name = {one.name: one for one in expected.files}
    lines = []
    for schema, one in new.items():
        if schema not in old:
            lines += _schema_lines(by_name.get(one.name) or [*gone, *expected.files][0], one)
    return lines or [f"no file has the columns of {one.name!r}" for one in gone]


def _schema_lines(old: DatasetFile, new: DatasetFile) -> list[str]:
    return [f"file {new.name!r}: {line}" for line in old.content.schema_differences(new.content)]


def _cell_lines(old: DatasetFile, new: DatasetFile) -> list[str]:
    lines = [f"file {new.name!r}: {line}" for line in old.content.cell_differences(new.content)]
    if old.partition != new.partition:
        lines.append(f"file {new.name!r}: partition {old.partition!r} → {new.partition!r}")
    return lines
