"""Durable file operations: what is acknowledged survives a power cut; nothing is ever half there.

The order is always: write a temporary name, fsync the file, rename, fsync the folder. Everything
that publishes bytes (``registry.artifacts``, ``effects``) goes through here. Disk-full and quota
errors become ``StorageFullError``, every other failure ``StorageUnavailableError``.

Not promised: exclusion between two writers (callers hold a lock), and durability on a file system
whose fsync lies.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path

from governance.errors import (
    ArtifactIntegrityError,
    StorageFullError,
    StorageUnavailableError,
    UnavailableError,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_F_FULLFSYNC = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone leaves the drive's cache


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Translate ``OSError`` inside the block; ``what`` says what was tried: "write model.txt"."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in _FULL:
            raise StorageFullError(
                f"cannot {what}: {reason}; nothing was changed, free some space and try again"
            ) from error
        raise StorageUnavailableError(
            f"cannot {what}: {reason}; check that the folder exists, its rights and the disk"
        ) from error


def fsync_fd(descriptor: int) -> None:
    """Flush one open file or folder to the disk itself."""
    if _F_FULLFSYNC is not None:  # pragma: no cover  (macOS only)
        with suppress(OSError):  # not every file system knows it; fsync is the fallback
            fcntl.fcntl(descriptor, _F_FULLFSYNC)
            return
    os.fsync(descriptor)


def fsync_dir(path: Path) -> None:
    """Make the names in ``path`` durable (a rename or a new file is a change of its folder)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fsync_fd(descriptor)
    finally:
        os.close(descriptor)


def make_folders(path: Path) -> None:
    """``path`` and its missing parents, each one durable in its parent."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with suppress(FileExistsError):  # another process was quicker
            folder.mkdir()
        fsync_dir(folder.parent)


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Create ``path``, write and fsync it; an existing name is refused. Syncs no folder."""
    with _created(path, data, mode) as file:
        sync_file(file)


def _created(path: Path, data: bytes, mode: int) -> BufferedWriter:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    file = open(descriptor, "wb")  # noqa: SIM115 - the caller closes it
    try:
        file.write(data)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file


def sync_file(file: BufferedWriter) -> None:
    """Flush Python's buffer and then the file."""
    file.flush()
    fsync_fd(file.fileno())


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace the content of ``path``: the old bytes or the new, also after a power cut.

    ``path`` itself may be a symbolic link; the link is replaced, never followed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomic(Path(folder) / "manifest.json", b"{}")
    ...     (Path(folder) / "manifest.json").read_bytes()
    b'{}'
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    with storage_errors(f"write {path.name} in {path.parent}"):
        try:
            write_new(temporary, data, mode=mode)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        fsync_dir(path.parent)


def replace_together(contents: Mapping[Path, bytes], *, mode: int = 0o644) -> None:
    """Replace several files, each in one step, all of them or none of full disk.

    Every new content is on the disk before the first name changes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     replace_together({Path(name) / "a.json": b"1", Path(name) / "b.json": b"2"})
    ...     sorted(path.name for path in Path(name).iterdir())
    ['a.json', 'b.json']
    """
    if not contents:
        return
    mark = secrets.token_hex(8)
    temporary = {path: path.with_name(f".{path.name}.{mark}.tmp") for path in contents}
    folders = dict.fromkeys(path.parent for path in contents)
    names = ", ".join(path.name for path in contents)
    with storage_errors(f"write {names} in {', '.join(map(str, folders))}"):
        try:
            with ExitStack() as stack:
                written = [
                    stack.enter_context(_created(temporary[path], data, mode))
                    for path, data in contents.items()
                ]
                for file in written:  # the first flush takes most of the others along
                    sync_file(file)
            for path, written_as in temporary.items():
                os.replace(written_as, path)
        except BaseException:
            for written_as in temporary.values():
                with suppress(OSError):
                    written_as.unlink(missing_ok=True)
            raise
        for folder in folders:
            fsync_dir(folder)


def replace_link(link: Path, target: str) -> None:
    """Point the symbolic link ``link`` at ``target``; at every moment it is the old or the new."""
    temporary = link.with_name(f".{link.name}.{secrets.token_hex(8)}.tmp")
    with storage_errors(f"write the link {link.name} in {link.parent}"):
        try:
            temporary.symlink_to(target)
            os.replace(temporary, link)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        fsync_dir(link.parent)


def append_line(path: Path, line: bytes, *, mode: int = 0o644) -> None:
    """Add one line to a file, durably; what a killed writer left of its last line is cut off.

    Readers take a line without its end as not there. A link is refused, not followed.
    """
    with storage_errors(f"write {path.name} in {path.parent}"):
        is_new = not path.exists()
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if is_new else 0)
        with open(os.open(path, flags, mode), "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                file.seek(0)
                file.truncate(file.seek(file.read().rfind(b"\n") + 1))
            rest = memoryview(line + b"\n")
            while rest:
                rest = rest[file.write(rest) :]
            fsync_fd(file.fileno())
        if is_new:
            fsync_dir(path.parent)


def publish_folder(staged: Path, final: Path) -> bool:
    """Give a finished, synced folder its final name in one step; ``False`` if that name is taken.

    The two paths must be on one file system. A taken name leaves both folders as they were.
    """
    with storage_errors(f"publish {final.name} in {final.parent}"):
        fsync_dir(staged)
        make_folders(final.parent)
        try:
            os.rename(staged, final)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            if error.errno == errno.EXDEV:
                raise StorageUnavailableError(
                    f"{final.parent} is on another file system than {staged.parent}; put the "
                    "whole home on one (GOVERNANCE_HOME itself may be a link or a mount)"
                ) from error
            raise
        fsync_dir(final.parent)
        fsync_dir(staged.parent)
    return True


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a regular file; a symbolic link is refused, not followed."""
    with storage_errors(f"read {path}"), open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_regular(path: Path | str, *, dir_fd: int | None = None) -> BufferedReader:
    """Open a regular file for reading; links, folders, devices and pipes are refused.

    ``O_NONBLOCK`` keeps a named pipe from hanging the caller; it has no effect on a regular file.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ArtifactIntegrityError(
                f"{path} is a symbolic link; put the file itself there"
            ) from error
        raise
    if not _is_regular(descriptor):
        os.close(descriptor)
        raise ArtifactIntegrityError(f"{path} is no regular file; put a regular file there")
    return open(descriptor, "rb")


def _is_regular(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


@contextmanager
def file_lock(path: Path, *, exclusive: bool, timeout: float = 30.0) -> Iterator[None]:
    """Hold an advisory lock on ``path`` (``flock``): many shared holders, or one exclusive.

    A killed holder releases it. Waits ``timeout`` seconds, then ``UnavailableError``.
    """
    with storage_errors(f"open the lock {path}"):
        make_folders(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        _acquire(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, path, timeout)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, kind: int, path: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"{path} was held by another process for {timeout:g} s; "
                    "wait for the registration or clean-up that is running, then try again"
                ) from error
        time.sleep(0.01)
