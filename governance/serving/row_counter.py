"""How many rows a writer took and how many it wrote, in a file that outlives its process.

The file is mapped into memory: counting a row costs a store, and a killed process leaves the exact
numbers to the kernel. It is synced with every batch, so that a power cut leaves those of the last
one. A writer holds a lock on its file as long as it lives; a file without a holder is a dead
writer's, and what it took and did not write is lost.

Neighbour: ``prediction_log``. Not promised: locks on a network file system that has none.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from governance.files import fsync_dir, make_folders, storage_errors

_FORM = struct.Struct("<8sQQQ")
_MARK = b"GOVROWS1"
SUFFIX = ".rows"


class RowCounter:
    """The numbers of one living writer; its caller locks."""

    def __init__(self, folder: Path, writer: str) -> None:
        self._path = folder / f"{writer}{SUFFIX}"
        with storage_errors(f"write {self._path}"):
            make_folders(folder)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags, 0o644)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.write(self._descriptor, _FORM.pack(_MARK, 0, 0, 0))
                os.fsync(self._descriptor)
                self._map = mmap.mmap(self._descriptor, _FORM.size)
                fsync_dir(folder)
            except BaseException:  # a disk that is full: the next row tries again
                self._path.unlink(missing_ok=True)
                os.close(self._descriptor)
                raise
        self.taken = self.written = self.dropped = 0

    def count(self, *, taken: int = 0, written: int = 0, dropped: int = 0) -> None:
        self.taken += taken
        self.written += written
        self.dropped += dropped
        _FORM.pack_into(self._map, 0, _MARK, self.taken, self.written, self.dropped)

    def sync(self) -> None:
        """To the disk itself."""
        with storage_errors(f"write {self._path}"):
            self._map.flush()

    def close(self, *, clean: bool) -> None:
        """``clean``: all was written, and the file goes; else the next start tells of it."""
        self._map.close()
        if clean:
            with suppress(FileNotFoundError):
                self._path.unlink()
        os.close(self._descriptor)


def dead_writers(folder: Path) -> Iterator[tuple[str, int]]:
    """Writers that ended without closing, and how many rows each lost; told once, then forgotten.

    Of several processes that start together, one is told.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(OSError), path.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # it lives
                continue
            data = file.read(_FORM.size)
            path.unlink()
            if len(data) == _FORM.size and data.startswith(_MARK):
                _, taken, written, dropped = _FORM.unpack(data)
                yield path.stem, max(0, taken - written - dropped)
