"""From a path that a caller gives to the members of an artifact: which files, under which names.

The content decides the format, the suffix is not believed. Nothing is parsed. Links are not
followed.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from governance.errors import InvalidInputError
from governance.files import storage_errors
from governance.registry.formats.sniff import SUFFIXES, sniff_file

_MEMBER = re.compile(r"model\.[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


def collect_members(given: object) -> tuple[dict[str, bytes | Path], str]:
    """Member names to files, and the format (several joined by ``+``).

    Raises:
        InvalidInputError: no path, no such file, a link, an empty file, or a folder without
            ``model.*``.
    """
    if not isinstance(given, str | os.PathLike):
        raise InvalidInputError(f"model_path is the path of a file or folder, not {given!r:.60}")
    path = Path(given)
    if os.path.isdir(path) and not path.is_symlink():
        with storage_errors(f"list {path}"):
            found = sorted(file for file in path.iterdir() if _MEMBER.fullmatch(file.name))
        if not found:
            raise InvalidInputError(f"{path} holds no member; name the files model.*")
        formats = {_format_of(file) for file in found}
        members: dict[str, bytes | Path] = {file.name: file for file in found}
        return members, "+".join(sorted(formats))
    kind = _format_of(path)
    suffix = SUFFIXES.get(kind) or re.sub(r"[^A-Za-z0-9]", "", path.suffix)[:16] or "bin"
    return {f"model.{suffix.lstrip('.')}": path}, kind


def _format_of(path: Path) -> str:
    return sniff_file(_regular(path))


def _regular(path: Path) -> Path:
    try:
        status = path.lstat()
    except (OSError, ValueError) as error:  # ValueError: a path that no system takes
        raise InvalidInputError(f"there is no file {str(path)[:200]!r} that can be read") from error
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInputError(f"{path} is no regular file; links and devices are not followed")
    if status.st_size == 0:
        raise InvalidInputError(f"{path} is empty; an artifact has at least one byte")
    return path
