"""What a compressed Arrow IPC body says that it unpacks to, added up before anything is unpacked.

A few kilobytes of zeros unpack to gigabytes. Every compressed buffer begins with its true size,
and the library refuses to unpack one that is larger than it says; so the sizes are read here first.
That takes a look into the messages' headers, which are FlatBuffers: a table begins with the
distance back to its list of fields, the list with its own length.

Neighbour: ``columns`` (reads the rows then). Format: https://arrow.apache.org/docs/format/Columnar.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa

_DICTIONARY, _BATCH = 2, 3  # MessageHeader
_BUFFER = struct.Struct("<qq")  # offset, length


def unpacked_bytes(stream: pa.Buffer) -> int:
    """Bytes of all buffers of an IPC stream, unpacked.

    Raises:
        Exception: anything, of a stream that is none (``struct.error``, ``IndexError``, pyarrow's).
    """
    return sum(
        _message(memoryview(message.metadata), memoryview(message.body or b""))
        for message in pa.ipc.MessageReader.open_stream(stream)
    )


def _message(header: memoryview, body: memoryview) -> int:
    root = _Table(header, _at("<I", header, 0))
    kind = root.number("<B", 1)
    table = root.table(2)
    if kind == _DICTIONARY and table is not None:
        table = table.table(1)
    if kind not in (_DICTIONARY, _BATCH) or table is None:
        return len(body)
    compressed = table.table(3) is not None
    total = 0
    for offset, length in table.pairs(2):
        size = length
        if compressed and length >= 8:
            stated = _at("<q", body, offset)
            size = length - 8 if stated == -1 else stated
        total += max(size, 0)
    return total


class _Table:
    """A table of a FlatBuffer, of which fields are asked by their number."""

    def __init__(self, data: memoryview, place: int) -> None:
        self._data, self._place = data, place
        self._fields = place - _at("<i", data, place)
        self._size = _at("<H", data, self._fields)

    def _field(self, number: int) -> int | None:
        slot = 4 + 2 * number
        if slot >= self._size:
            return None
        distance = _at("<H", self._data, self._fields + slot)
        return self._place + distance if distance else None

    def number(self, form: str, number: int) -> int:
        place = self._field(number)
        return 0 if place is None else _at(form, self._data, place)

    def table(self, number: int) -> _Table | None:
        place = self._field(number)
        return None if place is None else _Table(self._data, place + _at("<I", self._data, place))

    def pairs(self, number: int) -> Iterator[tuple[int, int]]:
        place = self._field(number)
        if place is not None:
            start = place + _at("<I", self._data, place)
            end = start + 4 + _BUFFER.size * _at("<I", self._data, start)
            yield from _BUFFER.iter_unpack(self._data[start + 4 : end])


def _at(form: str, data: memoryview, place: int) -> int:
    if place < 0:
        raise IndexError(place)
    found: int = struct.unpack_from(form, data, place)[0]
    return found
