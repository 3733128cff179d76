"""Checkpoints: what they prove, what is not believed, how keys are kept."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from sqlalchemy import text

from governance import Governance
from governance.errors import AuditChainError, CheckpointError, InvalidInputError, SettingsError
from governance.history.audit import AuditLog
from governance.history.checkpoints import (
    Checkpoint,
    create_checkpoint,
    key_id,
    load_private_key,
    load_public_key,
    save_private_key,
    save_public_key,
)
from governance.settings import Settings
from governance.store.database import Database

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def grow(database: Database, entries: int) -> None:
    log = AuditLog(database)
    with database.begin() as tx:
        for number in range(entries):
            log.append(tx, actor="ann", action="x.done", details={"n": number})


def trusting(database: Database) -> AuditLog:
    return AuditLog(database, trusted_key=KEY.public_key())


def cut_after(database: Database, seq: int) -> None:
    with database.begin() as tx:
        if database.dialect == "sqlite":
            tx.execute(text("DROP TRIGGER audit_log_no_delete"))
        else:
            tx.execute(text("DROP TRIGGER audit_log_append_only ON audit_log"))
        tx.execute(text(f"DELETE FROM audit_log WHERE seq > {seq}"))


def test_a_log_that_only_grew_still_fits_its_checkpoints(database: Database) -> None:
    log = trusting(database)
    checkpoints = [create_checkpoint(log, KEY)]
    for _ in range(3):
        grow(database, 4)
        checkpoints.append(create_checkpoint(log, KEY, previous=checkpoints[-1]))
    assert [checkpoint.entries for checkpoint in checkpoints] == [0, 4, 8, 12]
    assert all(log.verify(checkpoint=checkpoint).entries == 12 for checkpoint in checkpoints)


def test_a_cut_tail_is_seen_by_a_checkpoint_and_by_nothing_else(database: Database) -> None:
    grow(database, 10)
    log = trusting(database)
    checkpoint = create_checkpoint(log, KEY)
    cut_after(database, 6)
    assert log.verify().entries == 6
    with pytest.raises(AuditChainError, match="tail was cut") as broken:
        log.verify(checkpoint=checkpoint)
    assert broken.value.seq == 7


def test_a_rewritten_log_is_seen_by_a_checkpoint_and_by_nothing_else(database: Database) -> None:
    grow(database, 10)
    log = trusting(database)
    checkpoint = create_checkpoint(log, KEY)
    cut_after(database, 6)
    grow(database, 8)
    assert log.verify().entries == 14
    with pytest.raises(AuditChainError, match="rewritten at or before") as broken:
        log.verify(checkpoint=checkpoint)
    assert broken.value.seq == 10


def test_a_broken_log_is_not_signed(sqlite_database: Database) -> None:
    grow(sqlite_database, 5)
    log = trusting(sqlite_database)
    first = create_checkpoint(log, KEY)
    cut_after(sqlite_database, 3)
    with pytest.raises(AuditChainError):
        create_checkpoint(log, KEY, previous=first)


def test_a_checkpoint_is_believed_only_with_a_pinned_key_that_signed_it(
    sqlite_database: Database,
) -> None:
    grow(sqlite_database, 3)
    log = trusting(sqlite_database)
    genuine, forged = create_checkpoint(log, KEY), create_checkpoint(log, OTHER)
    with pytest.raises(CheckpointError, match="no public key is pinned"):
        AuditLog(sqlite_database).verify(checkpoint=genuine)
    with pytest.raises(CheckpointError, match="the trusted one is"):
        log.verify(checkpoint=forged)
    renamed = dataclasses.replace(forged, key_id=key_id(KEY.public_key()))
    with pytest.raises(CheckpointError, match="signature does not fit"):
        log.verify(checkpoint=renamed)


@pytest.mark.parametrize("field", ["seq", "entries", "hash", "recorded_at", "signature"])
def test_every_field_is_signed_and_the_signature_is_checked_before_the_log(
    sqlite_database: Database, field: str
) -> None:
    grow(sqlite_database, 3)
    log = trusting(sqlite_database)
    checkpoint = create_checkpoint(log, KEY)
    cut_after(sqlite_database, 1)
    value = getattr(checkpoint, field)
    other = value + 1 if isinstance(value, int) else ("1" if value[0] != "1" else "2") + value[1:]
    changed = Checkpoint.from_json(json.dumps(json.loads(checkpoint.to_json()) | {field: other}))
    with pytest.raises(CheckpointError, match="signature does not fit"):
        log.verify(checkpoint=changed)


def test_a_saved_checkpoint_is_read_back_the_same(
    sqlite_database: Database, tmp_path: Path
) -> None:
    grow(sqlite_database, 2)
    checkpoint = create_checkpoint(trusting(sqlite_database), KEY)
    checkpoint.save(tmp_path / "checkpoint.json")
    assert Checkpoint.load(tmp_path / "checkpoint.json") == checkpoint
    assert Checkpoint.from_json(checkpoint.to_json()) == checkpoint


@pytest.mark.parametrize(
    "change",
    [
        {"seq": -1},
        {"seq": True},
        {"seq": "1"},
        {"hash": "x" * 64},
        {"hash": 3},
        {"signature": ""},
        {"recorded_at": "now"},
        {"key": "AAAA"},
        {"key_id": None},
    ],
    ids=str,
)
def test_a_malformed_checkpoint_is_refused(
    sqlite_database: Database, change: dict[str, object]
) -> None:
    good = json.loads(create_checkpoint(trusting(sqlite_database), KEY).to_json())
    with pytest.raises(CheckpointError, match="intact copy"):
        Checkpoint.from_json(json.dumps(good | change))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 4000, b" " * 5000])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.json"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        Checkpoint.load(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        Checkpoint.load(tmp_path / "missing.json")


def test_a_private_key_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    before = os.umask(0)
    try:
        save_private_key(KEY, path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_private_key(path).private_bytes_raw() == KEY.private_bytes_raw()
    with pytest.raises(SettingsError, match="never overwritten"):
        save_private_key(OTHER, path)
    assert load_private_key(path).private_bytes_raw() == KEY.private_bytes_raw()


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o602, 0o644])
def test_a_private_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    save_private_key(KEY, path)
    path.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_private_key(path)


def test_a_public_key_is_read_back_and_other_keys_are_refused(tmp_path: Path) -> None:
    public, private = tmp_path / "key.pub", tmp_path / "key.pem"
    save_public_key(KEY.public_key(), public)
    save_private_key(KEY, private)
    assert load_public_key(public) == KEY.public_key()
    with pytest.raises(SettingsError, match="no Ed25519 public key"):
        load_public_key(private)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_public_key(tmp_path / "missing.pub")
    public.chmod(0o600)
    with pytest.raises(SettingsError, match="no unencrypted Ed25519"):
        load_private_key(public)
    locked = tmp_path / "locked.pem"
    locked.touch(0o600)
    encrypted = BestAvailableEncryption(b"secret")
    locked.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encrypted))
    with pytest.raises(SettingsError, match="no unencrypted Ed25519"):
        load_private_key(locked)
    curve = generate_private_key(SECP256R1())
    locked.write_bytes(curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SettingsError, match="no unencrypted Ed25519"):
        load_private_key(locked)


@pytest.mark.parametrize("pinned", ["public", "private", "both"])
def test_the_public_face_verifies_a_checkpoint_with_the_key_of_the_settings(
    sqlite_url: str, tmp_path: Path, pinned: str
) -> None:
    public, private, anchor = (tmp_path / name for name in ("key.pub", "key.pem", "anchor.json"))
    save_public_key(KEY.public_key(), public)
    save_private_key(OTHER if pinned == "both" else KEY, private)
    settings = Settings.load(
        home=tmp_path,
        database_url=sqlite_url,
        checkpoint_public_key_file=None if pinned == "private" else public,
        checkpoint_key_file=None if pinned == "public" else private,
    )
    with Governance.open(settings=settings) as gov:
        grow(gov.database, 4)
        checkpoint = create_checkpoint(gov.audit, KEY)
        checkpoint.save(anchor)
        create_checkpoint(gov.audit, Ed25519PrivateKey.generate()).save(tmp_path / "forged.json")
        for given in (checkpoint, anchor, str(anchor)):
            assert gov.audit.verify(given).entries == 4
        with pytest.raises(CheckpointError, match="the trusted one is"):
            gov.audit.verify(tmp_path / "forged.json")
        cut_after(gov.database, 2)
        with pytest.raises(AuditChainError, match="tail was cut"):
            gov.audit.verify(anchor)


def test_a_key_that_cannot_be_read_stands_in_the_way_of_checkpoints_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.pub"
    settings = Settings.load(
        home=tmp_path, database_url=sqlite_url, checkpoint_public_key_file=missing
    )
    with Governance.open(settings=settings) as gov:
        grow(gov.database, 1)
        assert gov.audit.verify().entries == 1
        with pytest.raises(SettingsError, match=r"missing\.pub"):
            gov.audit.verify(create_checkpoint(gov.audit, KEY))


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("no/such/file", CheckpointError),
        ("a\0b", CheckpointError),
        (".", CheckpointError),
        (3, InvalidInputError),
        (b"file", InvalidInputError),
        ({"seq": 1}, InvalidInputError),
    ],
    ids=str,
)
def test_what_is_no_checkpoint_and_no_file_of_one_is_refused(
    sqlite_database: Database, given: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        trusting(sqlite_database).verify(given)
