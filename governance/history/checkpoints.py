"""Signed anchors of the audit log, kept outside the database.

A checkpoint says "at this time the log had N entries and the last hash was H", signed with Ed25519
(RFC 8032). Whoever can rewrite the whole database cannot make an old checkpoint fit again, so a cut
tail and a rewritten chain are seen by ``AuditLog.verify(checkpoint=...)``. Worth only what is kept
apart: private key and files belong on another machine or medium than the database. A checkpoint
names its key but never carries it; the reader pins the public key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from governance.canonical import canonical_json
from governance.errors import CheckpointError, SettingsError
from governance.files import fsync_dir, write_atomic, write_new
from governance.settings import Settings

if TYPE_CHECKING:
    from governance.history.audit import AuditLog

_PURPOSE = b"model-governance audit checkpoint v1\n"  # so that a signature fits nothing else
_HEX = {"hash": 64, "key_id": 16, "signature": 128}
_MAX_BYTES = 4096
_OPEN_TO_OTHERS = 0o037


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """
    Attributes:
        seq, entries: the last entry and the number of entries; equal, since seq has no gaps.
        hash: of the last entry.
        recorded_at: database time, ISO 8601 in UTC.
        key_id: first 16 hex digits of SHA-256 over the raw public key; a hint, not a proof.
        signature: Ed25519 over the canonical JSON of all the above, in hex.
    """

    seq: int
    entries: int
    hash: str
    recorded_at: str
    key_id: str
    signature: str

    @property
    def signed_bytes(self) -> bytes:
        return _signed_bytes(
            seq=self.seq,
            entries=self.entries,
            hash=self.hash,
            recorded_at=self.recorded_at,
            key_id=self.key_id,
        )

    def require_signed_by(self, key: Ed25519PublicKey | None) -> None:
        """
        Raises:
            CheckpointError: no key is pinned, another key signed, or the content was changed.
        """
        if key is None:
            raise CheckpointError(
                "no public key is pinned, so the checkpoint proves nothing; name the public key "
                "file of the signer in GOVERNANCE_CHECKPOINT_PUBLIC_KEY_FILE"
            )
        if self.key_id != key_id(key):
            raise CheckpointError(
                f"the checkpoint names key {self.key_id}, the trusted one is {key_id(key)}; check "
                "where it comes from"
            )
        try:
            key.verify(bytes.fromhex(self.signature), self.signed_bytes)
        except InvalidSignature as error:
            raise CheckpointError(
                "the signature does not fit the checkpoint: it was changed or forged; use a copy "
                "from the place where checkpoints are kept"
            ) from error

    def to_json(self) -> str:
        return canonical_json({name: getattr(self, name) for name in self.__dataclass_fields__})

    @classmethod
    def from_json(cls, document: str | bytes) -> Self:
        """Parsed strictly: every field, no other, each of its type. Not yet trusted."""
        try:
            given = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise CheckpointError("the checkpoint is no JSON; use an intact copy") from error
        if not isinstance(given, Mapping) or set(given) != set(cls.__dataclass_fields__):
            raise CheckpointError(
                "the checkpoint has other fields than it must; use an intact copy"
            )
        for name, value in given.items():
            if not _well_formed(name, value):
                raise CheckpointError(f"the checkpoint has a wrong {name}; use an intact copy")
        return cls(**given)

    def save(self, path: Path) -> None:
        write_atomic(path, self.to_json().encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        try:
            with path.open("rb") as stream:
                document = stream.read(_MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            why = getattr(error, "strerror", None) or error
            raise CheckpointError(
                f"the checkpoint {str(path)!r} cannot be read ({why}); name a readable file"
            ) from error
        if len(document) > _MAX_BYTES:
            raise CheckpointError(f"{path} is too long for a checkpoint; name the right file")
        return cls.from_json(document)


def create_checkpoint(
    audit: AuditLog, private_key: Ed25519PrivateKey, *, previous: Checkpoint | None = None
) -> Checkpoint:
    """Verify the log, from ``previous`` on if given, and sign where it ends.

    Raises:
        AuditChainError: the log is not intact; nothing is signed.
    """
    seen = audit.verify(checkpoint=previous)
    content: dict[str, Any] = {
        "seq": seen.entries,
        "entries": seen.entries,
        "hash": seen.head,
        "recorded_at": seen.recorded_at,
        "key_id": key_id(private_key.public_key()),
    }
    return Checkpoint(**content, signature=private_key.sign(_signed_bytes(**content)).hex())


def key_id(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def save_private_key(key: Ed25519PrivateKey, path: Path) -> None:
    """As PEM (PKCS #8), readable by its owner alone; an existing file is never replaced."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_key(path, pem, mode=0o600)


def save_public_key(key: Ed25519PublicKey, path: Path) -> None:
    """As PEM; an existing file (perhaps somebody's pinned key) is never replaced."""
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write_key(path, pem, mode=0o644)


def _write_key(path: Path, pem: bytes, *, mode: int) -> None:
    try:
        write_new(path, pem, mode=mode)
        fsync_dir(path.parent)
    except FileExistsError as error:
        raise SettingsError(f"{path} exists; keys are never overwritten, give another") from error
    except OSError as error:
        raise SettingsError(
            f"the key {path} cannot be written ({error.strerror}); name a file in a folder that "
            "exists and may be written"
        ) from error


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """
    Raises:
        SettingsError: not readable, open to other users, or no unencrypted Ed25519 key.
    """
    if _stat_mode(path) & _OPEN_TO_OTHERS:
        raise SettingsError(f"the key {path} is open to other users; run `chmod 600 {path}`")
    pem = _read_key(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path} holds no unencrypted Ed25519 private key in PEM; make one")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    pem = _read_key(path)
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(f"{path} holds no Ed25519 public key in PEM; name the public key file")
    return key


def trusted_key(settings: Settings) -> Ed25519PublicKey | None:
    """The key that this installation pins: the public key file, else the signer's public half."""
    if settings.checkpoint_public_key_file is not None:
        return load_public_key(settings.checkpoint_public_key_file)
    if settings.checkpoint_key_file is not None:
        return load_private_key(settings.checkpoint_key_file).public_key()
    return None


def _stat_mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:
        raise _unreadable(path, error) from error


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"the key {path} cannot be read ({error.strerror}); name a readable file")


def _signed_bytes(**content: Any) -> bytes:
    return _PURPOSE + canonical_json(content).encode()


def _well_formed(name: str, value: object) -> bool:
    if name in ("seq", "entries"):
        return type(value) is int and value >= 0
    if not isinstance(value, str):
        return False
    if name in _HEX:
        return re.fullmatch(f"[0-9a-f]{{{_HEX[name]}}}", value) is not None
    return len(value) == len("2013-02-01T00:00:00.000000Z") and value.isascii()
