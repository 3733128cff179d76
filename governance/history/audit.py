"""The audit log: append-only entries in one hash chain, written in the transaction they describe.

The chain itself is in ``chain``, its signed anchors in ``checkpoints``. The database refuses UPDATE
and DELETE; whoever has the database file can do them all the same, and ``verify`` finds it, in the
log and in the records that its entries speak of (``cross_check``). Without a checkpoint it finds
neither a cut tail nor a log rewritten, with these records, from some entry on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, insert, select, text

from governance.canonical import canonical_json, storable
from governance.errors import AuditChainError, InvalidInputError
from governance.history.audit_filter import fitting
from governance.history.audit_rows import all_rows
from governance.history.chain import COLUMNS, BrokenChainError, Head, entry_hash, walk
from governance.history.checkpoints import Checkpoint
from governance.history.cross_check import cross_check
from governance.store.database import Database, database_time
from governance.store.schema import audit_log
from governance.values import iso

MAX_PAGE = 1000

_APPEND_LOCK = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=0x676F765F617564)
_LAST_SEQ = 2**63 - 1
_LENGTHS = {"actor": 255, "action": 64, "model": 64, "version_id": 12}

# Built once: to build a statement costs more than to run it.
_LAST = select(audit_log.c.seq, audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1)
_INSERT = insert(audit_log)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry as it was written; ``details`` is its parsed JSON."""

    seq: int
    recorded_at: str
    actor: str
    action: str
    model: str
    version_id: str
    details: Mapping[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What is to be appended; see ``append_entry``."""

    actor: str
    action: str
    model: str = ""
    version_id: str = ""
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """An intact log: the number of its entries and the hash of the last one. Always true.

    ``recorded_at`` is the database time at which it was read.
    """

    entries: int
    head: str
    recorded_at: str = field(default="", compare=False)


def append_entry(
    tx: Connection,
    *,
    actor: str,
    action: str,
    model: str = "",
    version_id: str = "",
    details: Mapping[str, Any] | None = None,
) -> int:
    """Append one entry in the caller's transaction; its sequence number.

    Appending serialises writers until the transaction ends, so make it the last thing a
    transaction does. ``actor`` is who did it, ``action`` what (``version.registered``).

    Raises:
        InvalidInputError: an empty actor or action, a text that is too long or that no database
            can store, details that are not JSON.
    """
    entry = NewEntry(
        actor=actor, action=action, model=model, version_id=version_id, details=details
    )
    return append_entries(tx, [entry])


def append_entries(tx: Connection, entries: Sequence[NewEntry]) -> int:
    """Append several at once, in their order; the sequence number of the first.

    Raises:
        InvalidInputError: as ``append_entry``; nothing was appended.
    """
    details = [_checked(entry) for entry in entries]
    if tx.dialect.name == "postgresql":
        tx.execute(_APPEND_LOCK)
    last = tx.execute(_LAST).first()
    first = Head() if last is None else Head(last.seq, last.hash)
    rows, head, recorded_at = [], first, iso(database_time(tx))
    for entry, text_ in zip(entries, details, strict=True):
        columns = (entry.actor, entry.action, entry.model, entry.version_id, text_, head.hash)
        digest = entry_hash(head.seq + 1, recorded_at, *columns)
        head = Head(head.seq + 1, digest)
        rows.append(dict(zip(COLUMNS, (head.seq, recorded_at, *columns, digest), strict=True)))
    tx.execute(_INSERT, rows)
    return first.seq + 1


def _checked(entry: NewEntry) -> str:
    """The details as they are stored, of an entry that can be."""
    for name in _LENGTHS:
        _check_text(name, getattr(entry, name))
    stored = canonical_json(dict(entry.details or {}))
    try:
        stored.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("details contain half a character (a lone surrogate)") from error
    return stored


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or (not value.strip() and name in ("actor", "action")):
        raise InvalidInputError(f"an audit entry needs {name} as text; say who did what")
    if len(value) > _LENGTHS[name]:
        raise InvalidInputError(f"{name} is longer than {_LENGTHS[name]} characters; shorten it")
    if not all(char.isprintable() for char in value):
        raise InvalidInputError(f"{name} contains a control character; leave it out")


class AuditLog:
    """
    Args:
        database: with the schema in place (``governance.store.migrate``).
        trusted_key: the pinned public key that checkpoints must be signed with, or a function that
            loads it; called only to verify with a checkpoint.
    """

    def __init__(
        self,
        database: Database,
        *,
        trusted_key: Ed25519PublicKey | Callable[[], Ed25519PublicKey | None] | None = None,
    ) -> None:
        self._database = database
        self._trusted_key = trusted_key

    def append(
        self,
        tx: Connection,
        *,
        actor: str,
        action: str,
        model: str = "",
        version_id: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> int:
        """As ``append_entry``."""
        return append_entry(
            tx, actor=actor, action=action, model=model, version_id=version_id, details=details
        )

    def entries(
        self,
        model: str | None = None,
        action: str | None = None,
        after: int = 0,
        limit: int = 100,
        *,
        actor: str | None = None,
    ) -> list[AuditEntry]:
        """Up to ``limit`` (1 to 1000) entries behind ``after``, oldest first, not verified.

        ``actor`` is who did it, as it stands there.

        The next page begins ``after`` the last ``seq`` of this one.
        """
        for name, value in (("model", model), ("action", action)):
            if value is not None:
                _check_text(name, value)
        if actor is not None and not storable(actor):
            raise InvalidInputError("actor must be a name as the log has it; give that text")
        wanted = {"model": model, "action": action, "actor": actor}
        if type(after) is not int or not 0 <= after <= _LAST_SEQ:
            raise InvalidInputError("after must be the seq of an entry, or 0; page with the last")
        if type(limit) is not int or not 1 <= limit <= MAX_PAGE:
            raise InvalidInputError(f"limit must be between 1 and {MAX_PAGE}; page with `after`")
        with self._database.read() as connection:
            query = fitting(connection, wanted, audit_log.c.seq > after)
            found = connection.execute(query.order_by(audit_log.c.seq).limit(limit))
            return [_entry(dict(row._mapping)) for row in found]

    def verify(
        self,
        checkpoint: Checkpoint | str | Path | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Verification:
        """Walk the whole log in one snapshot and constant memory; hold its records against it.

        Args:
            checkpoint: a signed anchor from outside the database, or its file; its signature is
                checked first.
            progress: called now and then with the number of entries read.

        Raises:
            AuditChainError: ``seq`` is the first entry that is missing or not as it was written;
                for a log rewritten before a checkpoint, the checkpoint's own entry; for a decision
                or activation that is not as it was written, the entry that speaks of it.
            CheckpointError: the checkpoint is unreadable or not signed by the trusted key.
            SettingsError: the file with the trusted key cannot be taken.
        """
        if isinstance(checkpoint, str | Path):
            checkpoint = Checkpoint.load(Path(checkpoint))
        if checkpoint is not None:
            if not isinstance(checkpoint, Checkpoint):
                raise InvalidInputError("checkpoint must be a Checkpoint or the path of its file")
            key = self._trusted_key
            checkpoint.require_signed_by(key() if callable(key) else key)
        head, anchored = Head(), Head().hash
        with self._database.read() as connection:
            recorded_at = iso(database_time(connection))
            for rows in all_rows(connection):
                before = head.seq
                try:
                    head = walk(rows, head)
                except BrokenChainError as error:
                    raise _broken(error) from error
                if checkpoint is not None and before < checkpoint.seq <= head.seq:
                    anchored = rows[checkpoint.seq - before - 1][-1]
                if progress is not None:
                    progress(head.seq)
            if checkpoint is not None:
                _compare(checkpoint, head, anchored)
            cross_check(connection, entries=head.seq)
        return Verification(head.seq, head.hash, recorded_at)


def _compare(checkpoint: Checkpoint, head: Head, anchored: str) -> None:
    if head.seq < checkpoint.seq:
        raise AuditChainError(
            f"the audit log ends at entry {head.seq}, but had {checkpoint.seq} entries on "
            f"{checkpoint.recorded_at}: its tail was cut; restore the database from a backup",
            seq=head.seq + 1,
        )
    if anchored != checkpoint.hash:
        raise AuditChainError(
            f"entry {checkpoint.seq} is not the one signed on {checkpoint.recorded_at}: the audit "
            "log was rewritten at or before it; restore the database from a backup",
            seq=checkpoint.seq,
        )


def _broken(error: BrokenChainError) -> AuditChainError:
    return AuditChainError(
        f"the audit log was changed: {error.reason}; restore the database from a backup and "
        "compare the two",
        seq=error.seq,
    )


def _entry(values: dict[str, Any]) -> AuditEntry:
    seq = values["seq"]
    try:
        details = MappingProxyType(json.loads(values.pop("details")))
    except (TypeError, ValueError, RecursionError) as error:
        raise _broken(BrokenChainError(seq, f"the details of entry {seq} are no JSON")) from error
    return AuditEntry(model=values.pop("model_name"), details=details, **values)
