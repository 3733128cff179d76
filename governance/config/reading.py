"""The bytes of a configuration file: a regular one, of a bounded size.

Neighbours: ``strict_yaml`` parses them, ``document`` makes a typed object of what was parsed.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from governance.config.strict_yaml import MAX_BYTES, Document, parse_yaml
from governance.errors import ConfigError

# What a shell gives in place of a file: `cat policy.yaml | governance policy check /dev/stdin`.
_DESCRIPTOR = re.compile(r"/dev/(stdin|fd/[0-9]{1,6})")


def read_document(path: Path, *, most: int = MAX_BYTES, stream: bool = False) -> Document:
    """Reads and parses ``path``; never more than the allowed size is read."""
    return parse_yaml(read_bytes(path, most=most, stream=stream), source=str(path), most=most)


def read_bytes(path: Path, *, most: int = MAX_BYTES, stream: bool = False) -> bytes:
    """The content of ``path``, up to one byte more than is allowed; a link is followed.

    Args:
        stream: somebody typed this path, so that ``/dev/stdin`` and ``/dev/fd/3`` are read to
            their end. Every other pipe or device is refused: a worker would wait for it forever.
    """
    typed = stream and _DESCRIPTOR.fullmatch(str(path)) is not None
    flags = os.O_RDONLY | os.O_CLOEXEC | (0 if typed else os.O_NONBLOCK)
    try:
        if not typed and not stat.S_ISREG(os.stat(path).st_mode):  # opening one may do something
            raise _no_file(path)
        with open(os.open(path, flags), "rb") as file:
            if not typed and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _no_file(path)
            return file.read(most + 1)
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ConfigError(f"{path}: {why}; give the path of a readable file") from error


def _no_file(path: Path) -> ConfigError:
    what = "a folder" if path.is_dir() else "a pipe, socket or device, which may never end"
    return ConfigError(f"{path} is {what}; give the path of a regular file")
