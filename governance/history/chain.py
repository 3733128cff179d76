"""The hash chain of the audit log: how one entry is hashed, and how a sequence of them is walked.

Pure: rows come in, hashes and the first bad sequence number come out. An entry's hash covers every
stored column but itself, the previous hash included, so no column can be changed unseen and
verifying needs no JSON parser. What a chain alone cannot show (a cut tail, a log that was rewritten
from the start) is found with ``checkpoints``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

GENESIS = "0" * 64
COLUMNS = (
    "seq",
    "recorded_at",
    "actor",
    "action",
    "model_name",
    "version_id",
    "details",
    "previous_hash",
    "hash",
)

Row = tuple[int, str, str, str, str, str, str, str, str]


class BrokenChainError(ValueError):
    """Raised by ``walk``; ``seq`` is the first entry that is not what was written."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: the last sequence number (= number of entries) and its hash."""

    seq: int = 0
    hash: str = GENESIS


def entry_hash(  # the columns, in their order
    seq: int,
    recorded_at: str,
    actor: str,
    action: str,
    model_name: str,
    version_id: str,
    details: str,
    previous_hash: str,
) -> str:
    """Hex SHA-256 over the columns, each written as ``<length>:<text>,``.

    Lengths count characters; the whole is UTF-8. Because each text says how long it is, none can
    move into the next column without changing the hash (D. J. Bernstein, Netstrings, 1997).

    >>> entry_hash(1, "t", "ann", "x", "", "", "{}", GENESIS) == entry_hash(
    ...     1, "t", "an", "nx", "", "", "{}", GENESIS)
    False
    """
    number = str(seq)
    return sha256(
        f"{len(number)}:{number},{len(recorded_at)}:{recorded_at},{len(actor)}:{actor},"
        f"{len(action)}:{action},{len(model_name)}:{model_name},{len(version_id)}:{version_id},"
        f"{len(details)}:{details},{len(previous_hash)}:{previous_hash},".encode()
    ).hexdigest()


def walk(rows: Iterable[Row], head: Head) -> Head:
    """Follow ``rows`` (columns as in ``COLUMNS``, ordered by seq) from ``head``; the new head.

    Laws: ``walk(a + b, h) == walk(b, walk(a, h))``; ``walk([], h) == h``.

    Raises:
        BrokenChainError: a gap or repetition of seq, a foreign previous hash, a changed column.
    """
    expected, previous = head.seq, head.hash
    for seq, recorded_at, actor, action, model_name, version_id, details, linked, stored in rows:
        expected += 1
        if seq != expected:
            raise BrokenChainError(expected, f"entry {expected} is missing; the next is {seq}")
        if linked != previous:
            raise BrokenChainError(
                expected, f"entry {expected} does not follow from the one before it"
            )
        try:
            computed = entry_hash(
                seq, recorded_at, actor, action, model_name, version_id, details, linked
            )
        except (TypeError, UnicodeEncodeError):  # a NULL or a number where text was written
            computed = ""
        if computed != stored:
            raise BrokenChainError(expected, f"entry {expected} was changed after it was written")
        previous = stored
    return Head(expected, previous)
