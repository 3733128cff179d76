"""Files that a caller names: only below a root that the settings allow, and never through a link.

The path is walked from the root by descriptors, each step refusing links, so that nothing can be
exchanged between the look and the copy. What is registered is the copy.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from governance.errors import InvalidInputError, NotFoundError, SettingsError
from governance.files import storage_errors

MAX_FILES = 1000
_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def roots_of(text: str) -> Mapping[str, Path]:
    """
    >>> dict(roots_of("exports=/srv/exports"))
    {'exports': PosixPath('/srv/exports')}
    """
    found: dict[str, Path] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, sign, folder = part.partition("=")
        if not sign or not _NAME.fullmatch(name) or not Path(folder).is_absolute():
            raise SettingsError(
                "GOVERNANCE_API_ARTIFACT_ROOTS: write name=/folder, separated by commas"
            )
        found[name] = Path(folder)
    return found


def steps_of(path: str) -> tuple[str, ...]:
    """The names that a relative path goes through.

    Raises:
        InvalidInputError: absolute, upwards, or with an empty name or a backslash in it.
    """
    parts = tuple(path.split("/"))
    if (
        PurePosixPath(path).is_absolute()
        or "\\" in path
        or any(part in ("", ".", "..") or not part.isprintable() for part in parts)
    ):
        raise InvalidInputError("a reference is a relative path with /, without .. and links")
    return parts


def fetch(roots: Mapping[str, Path], root: str, path: str, into: Path) -> Path:
    """Copy what a reference names into the folder ``into``; the copy.

    Raises:
        InvalidInputError: no such root, no relative path, neither a file nor a folder of files.
        NotFoundError: nothing there, or a link on the way.
    """
    with _opened(roots, root, path) as found:
        target = into / steps_of(path)[-1]
        _copy(found, target)
    return target


def locate(roots: Mapping[str, Path], root: str, path: str) -> Path:
    """Where it lies, if there is no link on the way; for data that are hashed and stay there.

    Raises: as ``fetch``.
    """
    with _opened(roots, root, path):
        return roots[root].joinpath(*steps_of(path))


@contextmanager
def _opened(roots: Mapping[str, Path], root: str, path: str) -> Iterator[int]:
    steps = steps_of(path)
    if root not in roots:
        raise InvalidInputError(
            f"there is no root {root[:64]!r} here; an admin names roots in "
            "GOVERNANCE_API_ARTIFACT_ROOTS, or upload the artifact"
        )
    with storage_errors(f"read below the root {root}"):
        here = os.open(roots[root], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in steps:
                below = _step(here, step, root)
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)


def _step(here: int, step: str, root: str) -> int:
    try:
        return os.open(step, _OPEN, dir_fd=here)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
            raise NotFoundError(
                f"nothing is there below the root {root!r}; links are not followed"
            ) from error
        raise


def _copy(opened: int, target: Path) -> None:
    mode = os.fstat(opened).st_mode
    if stat.S_ISREG(mode):
        with os.fdopen(os.dup(opened), "rb") as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        return
    if not stat.S_ISDIR(mode):
        raise InvalidInputError("a reference names a regular file, or a folder of them")
    names = sorted(os.listdir(opened))
    if len(names) > MAX_FILES:
        raise InvalidInputError(f"the folder holds more than {MAX_FILES} files")
    target.mkdir()
    for name in names:
        if not stat.S_ISREG(os.lstat(name, dir_fd=opened).st_mode):
            continue
        one = os.open(name, _OPEN, dir_fd=opened)
        try:
            if stat.S_ISREG(os.fstat(one).st_mode):
                _copy(one, target / name)
        finally:
            os.close(one)
