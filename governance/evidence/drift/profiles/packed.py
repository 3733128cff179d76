"""A header and some arrays as one small, deterministic piece of bytes.

``pack`` gives the plain content (equal content, equal bytes: this is what digests are taken of);
``seal`` makes it small for a database and finds damage when it is opened again. Neighbours:
``layout``, ``block`` and ``baseline`` keep themselves this way. Not promised: that two releases of
zstd seal to the same bytes, and any protection against somebody who rewrites them on purpose.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from governance.canonical import canonical_json
from governance.errors import IntegrityError

_MAGIC = b"GDP1"
_SEAL = struct.Struct("<4sQI")  # magic, size of the content, its CRC
_LARGEST = 1 << 31  # bytes; far above any baseline, far below what would hurt


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Header (plain JSON) and numeric arrays of any shape, little endian, in the order given.

    Unsigned integers are laid out byte by byte (all lowest bytes first), because their high bytes
    are nearly all zero and then cost nothing when sealed.

    >>> header, arrays = unpack(pack({"rows": 3}, {"counts": np.array([1, 2], np.uint16)}))
    >>> header, arrays["counts"].tolist()
    ({'rows': 3}, [1, 2])
    """
    told, parts = [], []
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        told.append([name, plain.dtype.str, list(array.shape)])
        if plain.dtype.kind == "u" and plain.dtype.itemsize > 1:
            plain = plain.view(np.uint8).reshape(-1, plain.dtype.itemsize).T
        parts.append(plain.tobytes())
    head = canonical_json([header, told]).encode()
    return b"".join([struct.pack("<I", len(head)), head, *parts])


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What was packed; the arrays own their memory.

    Raises:
        IntegrityError: the bytes are not what ``pack`` made.
    """
    try:
        (length,) = struct.unpack_from("<I", content)
        at = 4 + length
        header, told = json.loads(content[4:at])
        arrays: dict[str, NDArray[Any]] = {}
        for name, code, shape in told:
            dtype = np.dtype(code)
            count = int(np.prod(shape, dtype=np.int64))
            if dtype.kind == "u" and dtype.itemsize > 1:
                planes = np.frombuffer(content, np.uint8, count * dtype.itemsize, at)
                array = planes.reshape(dtype.itemsize, count).T.copy().view(dtype)
            else:
                array = np.frombuffer(content, dtype, count, at).copy()
            arrays[name] = array.reshape(shape)
            at += count * dtype.itemsize
    except (ValueError, TypeError, struct.error) as error:
        raise IntegrityError(f"packed evidence cannot be read: {error}; {_REMEDY}") from error
    if at != len(content):
        raise IntegrityError(f"packed evidence has {len(content) - at} bytes too many; {_REMEDY}")
    return header, arrays


def seal(content: bytes, *, level: int = 3) -> bytes:
    """
    >>> unseal(seal(b"counts"))
    b'counts'
    """
    small: bytes = pa.Codec("zstd", compression_level=level).compress(content, asbytes=True)
    return _SEAL.pack(_MAGIC, len(content), zlib.crc32(content)) + small


def unseal(sealed: bytes) -> bytes:
    """
    Raises:
        IntegrityError: the bytes were cut, changed, or are something else.
    """
    try:
        magic, size, crc = _SEAL.unpack_from(sealed)
        if magic != _MAGIC or size > _LARGEST:
            raise ValueError("its first bytes are not those of packed evidence")
        body = memoryview(sealed)[_SEAL.size :]
        content = bytes(pa.Codec("zstd").decompress(body, size, asbytes=True))
        if len(content) != size or zlib.crc32(content) != crc:
            raise ValueError("its checksum is wrong")
    except (ValueError, OSError, struct.error) as error:
        raise IntegrityError(f"packed evidence cannot be read: {error}; {_REMEDY}") from error
    return content


_REMEDY = "profile the period again from its source, or restore the database from its backup"
