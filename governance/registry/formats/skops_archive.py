"""A skops file as what is in it: the schema and the arrays, read within limits.

A skops file is a zip archive of ``schema.json`` and one ``.npy`` for each array. Neighbours:
``skops_schema`` says whether the content is ours to read, ``skops_file`` hands it on. Every limit
is asked of the archive's directory before a byte is unpacked, and ``zipfile`` unpacks no more than
the directory says: a bomb is refused by its size. Not promised: anything about the meaning.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from governance.errors import ArtifactUnloadableError

SCHEMA = "schema.json"
MAX_FILES = 20_000
MAX_SCHEMA_BYTES = 32 << 20
MAX_BYTES = 256 << 20  # of all files together, unpacked

_FILE = re.compile(r"[A-Za-z0-9_-]{1,64}\.npy")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Content:
    """``schema.json`` as parsed, and the bytes of each array by file name."""

    schema: dict[str, Any]
    files: Mapping[str, bytes]


def refused(problem: str) -> ArtifactUnloadableError:
    """The error for a file that is damaged or no skops file at all."""
    return ArtifactUnloadableError(
        f"the skops file cannot be read: {problem}; export the model again with skops.io.dump"
    )


def unpack(data: bytes) -> Content:
    """The content of ``data``.

    Raises:
        ArtifactUnloadableError: no archive, a foreign file in it, one that is there twice, a
            checksum that does not fit, or more than the limits allow.

    >>> unpack(pack(Content({"protocol": 2}, {"0.npy": b"..."}))).schema
    {'protocol': 2}
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _check_directory(archive.infolist())
            files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        schema = json.loads(files.pop(SCHEMA))
    except ArtifactUnloadableError:
        raise
    except Exception as error:  # zipfile and json raise many kinds for damaged bytes
        raise refused(f"{type(error).__name__}: {str(error)[:200]}") from error
    if not isinstance(schema, dict):
        raise refused(f"{SCHEMA} holds a {type(schema).__name__}")
    return Content(schema, files)


def pack(content: Content) -> bytes:
    """The archive of ``content``: the same bytes for the same content, whenever it is written."""
    buffer = BytesIO()
    text = json.dumps(content.schema, separators=(",", ":"), allow_nan=False)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {SCHEMA: text.encode(), **content.files}.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            archive.writestr(entry, data)
    return buffer.getvalue()


def _check_directory(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if SCHEMA not in names:
        raise refused(f"there is no {SCHEMA}")
    if len(names) > MAX_FILES or len(set(names)) < len(names):
        raise refused(f"{len(names)} files, where at most {MAX_FILES} different ones are read")
    for entry in entries:
        if entry.filename != SCHEMA and not _FILE.fullmatch(entry.filename):
            raise refused(f"it holds {entry.filename[:80]!r}, which is no array")
        if entry.compress_type not in _METHODS or entry.flag_bits & 1:
            raise refused(f"{entry.filename} is encrypted or compressed in an unknown way")
        if entry.filename == SCHEMA and entry.file_size > MAX_SCHEMA_BYTES:
            raise refused(f"{SCHEMA} unpacks to more than {MAX_SCHEMA_BYTES >> 20} MiB")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise refused(f"it unpacks to more than {MAX_BYTES >> 20} MiB")
