"""What bytes are, by their content: names and suffixes are not believed.

A recognised beginning says only which parser would be used; it does not promise that the
parser survives the rest (``registry.probe``) or that the bytes are the registered ones.
"""

from __future__ import annotations

import re
from pathlib import Path

from governance.files import open_regular, storage_errors

HEAD_BYTES = 64

LIGHTGBM_TEXT = "lightgbm-text"
PICKLE = "pickle"
JOBLIB = "joblib"
SKOPS = "skops"
ZIP = "zip"
UNKNOWN = "unknown"

SUFFIXES = {
    LIGHTGBM_TEXT: "txt",
    SKOPS: "skops",
    PICKLE: "pkl",
    JOBLIB: "joblib",
}  # for names we give ourselves

# What joblib may wrap a pickle in. A compressed file is taken for nothing else: no safe format
# of this product is compressed as a whole.
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00", b"\x04\x22\x4d\x18")
_ZLIB_LEVELS = b"\x01\x5e\x9c\xda"
_PICKLE_PROTOCOLS = b"\x02\x03\x04\x05"
_LIGHTGBM_BEGINS = (b"tree\n", b"tree\r\n")
# A zip archive whose first file is one that skops writes: its schema, or an array under a number.
_SKOPS_BEGINS = re.compile(rb"PK\x03\x04.{26}(?:schema\.json|[0-9]{1,20}\.np[yz])", re.DOTALL)


def sniff(head: bytes) -> str:
    """The format that ``head`` (the first bytes, at least ``HEAD_BYTES`` if there are) begins.

    >>> sniff(b"tree\\nversion=v4\\n")
    'lightgbm-text'
    >>> import pickle
    >>> sniff(pickle.dumps({"a": 1}))
    'pickle'
    >>> sniff(b"PK\\x03\\x04"), sniff(b"")
    ('zip', 'unknown')
    """
    if head.startswith(_LIGHTGBM_BEGINS):
        return LIGHTGBM_TEXT
    if head[:1] == b"\x80" and head[1:2] and head[1] in _PICKLE_PROTOCOLS:
        return PICKLE
    if head.startswith(_COMPRESSED) or (
        head[:1] == b"\x78" and head[1:2] and head[1] in _ZLIB_LEVELS
    ):
        return JOBLIB
    if _SKOPS_BEGINS.match(head):
        return SKOPS
    if head.startswith(b"PK\x03\x04"):
        return ZIP
    return UNKNOWN


def sniff_file(path: Path) -> str:
    """``sniff`` of a regular file; a link is refused."""
    with storage_errors(f"read {path}"), open_regular(path) as file:
        return sniff(file.read(HEAD_BYTES))
