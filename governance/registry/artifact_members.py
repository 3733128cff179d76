"""The files that make up an artifact: their names, common digest, how they are copied and read.

A member is a regular file, reached through real folders: links are not followed, neither when it is
read nor when its folder is published. Only ``home`` and ``home/models`` themselves may be links.
Neighbour: ``registry.artifacts`` (the folders' life). Not promised: anything about the meaning of
the bytes, or that a folder stays as it is after it was read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath

from governance.errors import ArtifactIntegrityError, ArtifactMissingError, InvalidInputError
from governance.files import open_regular, storage_errors, sync_file

_PART = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_MEMBER = re.compile(rf"model\.(?:({_PART})\.)?({_PART})")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an artifact: its size in bytes and the hex SHA-256 of its content."""

    name: str
    size: int
    sha256: str


def artifact_digest(members: Iterable[Member]) -> str:
    """SHA-256 over the lines ``name\\nsize\\nsha256\\n``, sorted by name: any order gives the same.

    >>> artifact_digest([Member("model.txt", 4, "ab" * 32)])[:12]
    'ea77ab2db7d4'
    """
    lines = (f"{m.name}\n{m.size}\n{m.sha256}\n" for m in sorted(members, key=lambda m: m.name))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def check_member_name(name: object) -> str:
    """``name`` itself if it is ``model.<suffix>`` or ``model.<part>.<suffix>``.

    >>> check_member_name("model.reject-5.txt")
    'model.reject-5.txt'
    >>> check_member_name("model.txt/../../x")
    Traceback (most recent call last):
        ...
    governance.errors.InvalidInputError: artifact member 'model.txt/../../x' is not allowed; ...
    """
    if isinstance(name, str) and _MEMBER.fullmatch(name):
        return name
    raise InvalidInputError(
        f"artifact member {str(name)[:80]!r} is not allowed; "
        "call it model.<suffix> or model.<part>.<suffix>, of letters, digits, '_' and '-'"
    )


def member_part(name: str) -> str:
    """The part a member stands for, empty for a model of one member.

    >>> member_part("model.reject-5.txt"), member_part("model.txt")
    ('reject-5', '')
    """
    match = _MEMBER.fullmatch(check_member_name(name))
    return (match[1] or "") if match else ""


def write_member(path: Path, source: bytes | Path) -> Member:
    """Write ``source`` to the new file ``path``, fsync it, and hash what was written."""
    digest, size = hashlib.sha256(), 0
    with ExitStack() as stack:
        if isinstance(source, Path):
            stack.enter_context(storage_errors(f"copy {source}"))
            chunks: Iterable[bytes] = _chunks(stack.enter_context(open_regular(source)))
        else:
            stack.enter_context(storage_errors(f"write {path.name}"))
            chunks = (source,)
        file = stack.enter_context(open(path, "xb"))
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        sync_file(file)
    return Member(path.name, size, digest.hexdigest())


def open_members(home: Path, relative_path: str) -> Iterator[tuple[str, BufferedReader]]:
    """Name and open file of every member of the folder ``relative_path`` below ``home``, sorted."""
    with ExitStack() as stack:
        try:
            folder = _open_folder(home, relative_path, stack)
            names = sorted(name for name in os.listdir(folder) if name.startswith("model."))
        except FileNotFoundError as error:
            raise ArtifactMissingError(
                f"there is no artifact {relative_path}; restore it from a backup"
            ) from error
        if not names:
            raise ArtifactMissingError(
                f"{relative_path} holds no model.* file; restore it from a backup"
            )
        for name in names:
            with storage_errors(f"read {relative_path}/{name}"):
                file = open_regular(name, dir_fd=folder)
            with file:
                yield name, file


def check_real_folders(home: Path, relative_path: str) -> None:
    """Refuse to put a folder behind a link or file, from where it could not be read again.

    Raises:
        ArtifactIntegrityError: something between ``home/models`` and it is no real folder.
    """
    first, *below = PurePosixPath(relative_path).parts
    path = home / first
    for part in below:
        path /= part
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise _not_real(relative_path)


def _not_real(relative_path: str) -> ArtifactIntegrityError:
    return ArtifactIntegrityError(
        f"{relative_path} is not made of real folders (a link or file is in the way); "
        "put the folder itself there, or restore it from a backup"
    )


def _open_folder(home: Path, relative_path: str, stack: ExitStack) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        descriptor = os.open(home, flags)
        stack.callback(os.close, descriptor)
        for depth, part in enumerate(PurePosixPath(relative_path).parts):
            links = 0 if depth == 0 else os.O_NOFOLLOW
            descriptor = os.open(part, flags | links, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise _not_real(relative_path) from error
        if error.errno == errno.ENOENT:
            raise
        with storage_errors(f"read {relative_path}"):
            raise
    return descriptor


def _chunks(file: BufferedReader) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
