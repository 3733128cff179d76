"""The files of a dataset: found below a path, read once, remembered while they do not change.

Neighbours: ``file_content`` (what is in one file), ``datasets`` (the identity they form together).
Path, size, times and inode are a key of an in-process cache and nothing more. Not promised: that a
file stays as it is after it was read; one that changes during the reading is refused.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from governance.canonical import sha256_of
from governance.errors import DatasetUnavailableError, InvalidInputError
from governance.registry.file_content import FileContent, content_of_file

_RACY_NS = 2_000_000_000  # a file this young could change again without a change of its times
_CACHE_LIMIT = 4096
_cache: dict[tuple[object, ...], FileContent] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFile:
    """One file of a dataset.

    Attributes:
        name: file name, or path below the folder that was given.
        partition: the ``key=value`` folders of ``name``, which are data.
        content: what is in it.
        path, root: where it was found, and the path that was given; not part of the identity.
            Absolute, or from the governance home on.
        size_bytes: size on disk; ``None`` for a frame in memory.
    """

    name: str
    partition: str = ""
    content: FileContent
    path: str = field(default="", compare=False)
    root: str = field(default="", compare=False)
    size_bytes: int | None = field(default=None, compare=False)

    @property
    def hash(self) -> str:
        digest = self.content.digest
        return sha256_of([self.partition, digest]) if self.partition else digest

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "partition": self.partition,
            "hash": self.hash,
            **self.content.as_json(),
            "path": self.path,
            "root": self.root,
            "size_bytes": self.size_bytes,
        }

    def relative_to(self, home: Path) -> Self:
        """The same file; its path and root from ``home`` on if they are below it."""
        return replace(self, path=_from(home, self.path), root=_from(home, self.root))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        return cls(
            name=record["name"],
            partition=record["partition"],
            content=FileContent.from_json(record),
            path=record["path"],
            root=record["root"],
            size_bytes=record["size_bytes"],
        )


def _from(home: Path, text: str) -> str:
    path = Path(text)
    pairs = [(path.resolve(), home.resolve())]
    if ".." not in path.parts:  # a link below the home that leads out of it stays a name there
        pairs.insert(0, (path, home.absolute()))
    for known, base in pairs:
        if text and known.is_relative_to(base):
            return known.relative_to(base).as_posix()
    return text


def files_of(given: Path) -> list[DatasetFile]:
    """The file ``given``, or every file below the folder ``given``.

    Raises:
        DatasetUnavailableError: missing, unreadable, empty, no regular file, damaged, or changing.
        InvalidInputError: a name that is no UTF-8 text.
    """
    try:
        if stat.S_ISDIR(given.stat().st_mode):
            return _files_below(given)
        return [_read(given, given.name, given)]
    except OSError as error:
        raise DatasetUnavailableError(
            f"dataset {error.filename or given} cannot be read ({error.strerror or error}); "
            "restore it or give the path where it is now"
        ) from error


def _files_below(given: Path) -> list[DatasetFile]:
    found = []
    for folder, below, names in os.walk(given, onerror=_refuse):
        below[:] = sorted(name for name in below if not name.startswith((".", "_")))
        inside = Path(folder)
        for name in below:
            if (inside / name).is_symlink():
                raise DatasetUnavailableError(
                    f"dataset folder {inside / name} is a link; give the folder it leads to"
                )
        found += [
            _read(inside / name, (inside / name).relative_to(given).as_posix(), given)
            for name in sorted(names)
            if not name.startswith((".", "_"))
        ]
    if not found:
        raise DatasetUnavailableError(f"dataset folder {given} holds no files; check the path")
    return [
        replace(one, partition="/".join(p for p in one.name.split("/")[:-1] if "=" in p))
        for one in found
    ]


def _refuse(error: OSError) -> None:
    """A folder that cannot be listed must not pass for an empty one."""
    raise error


def _read(path: Path, name: str, root: Path) -> DatasetFile:
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:  # no manifest could keep it
        raise InvalidInputError(
            f"dataset path {str(path)!r:.200} is no UTF-8 text; rename the file or folder"
        ) from None
    key, status = _key(path)
    content = _cache.get(key)
    if content is None:
        content = content_of_file(path)
        after, _ = _key(path)
        if after != key:
            raise DatasetUnavailableError(
                f"dataset {path} was changed while it was read; wait for its writer and repeat"
            )
        _remember(key, status, content)
    return DatasetFile(
        name=name,
        content=content,
        path=str(path.absolute()),
        root=str(root.absolute()),
        size_bytes=status.st_size,
    )


def _key(path: Path) -> tuple[tuple[object, ...], os.stat_result]:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise DatasetUnavailableError(f"dataset {path} is no regular file; give a file or a folder")
    times = (status.st_mtime_ns, status.st_ctime_ns)
    # The suffix decides how bytes are read, and two names can lead to one inode.
    return (path.resolve(), path.name, status.st_size, *times, status.st_dev, status.st_ino), status


def _remember(key: tuple[object, ...], status: os.stat_result, content: FileContent) -> None:
    if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _RACY_NS:
        if len(_cache) >= _CACHE_LIMIT:
            _cache.clear()
        _cache[key] = content
