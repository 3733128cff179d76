"""F15: 300 each of edit, delete, swap, truncate, re-hash of the audit log; a checkpoint finds all.

The attacker has the database file: the triggers are dropped and every column can be written. Each
attempt starts from the same honest log; a failure lists the seeds.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.errors import AuditChainError
from governance.history.audit import AuditLog
from governance.history.chain import COLUMNS, GENESIS, entry_hash
from governance.history.checkpoints import Checkpoint, create_checkpoint
from governance.store.database import Database
from governance.store.migrate import upgrade

ENTRIES, SIGNED, ATTEMPTS = 60, 50, 300
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

Attack = Callable[[sqlite3.Connection, random.Random], int]
"""Tampers; returns the first sequence number that is not as it was written."""


def _edit(file: sqlite3.Connection, rng: random.Random) -> int:
    seq, column = rng.randint(1, SIGNED), rng.choice(COLUMNS[1:])
    old = file.execute(f"SELECT {column} FROM audit_log WHERE seq = ?", (seq,)).fetchone()[0]
    if not old:
        new = "x"
    else:  # one character becomes another
        place = rng.randrange(len(old))
        new = old[:place] + ("1" if old[place] != "1" else "2") + old[place + 1 :]
    file.execute(f"UPDATE audit_log SET {column} = ? WHERE seq = ?", (new, seq))
    return seq


def _delete(file: sqlite3.Connection, rng: random.Random) -> int:
    gone = rng.sample(range(1, SIGNED + 1), rng.randint(1, 5))
    file.executemany("DELETE FROM audit_log WHERE seq = ?", [(seq,) for seq in gone])
    return min(gone)


def _swap(file: sqlite3.Connection, rng: random.Random) -> int:
    one, other = sorted(rng.sample(range(1, SIGNED + 1), 2))
    for old, new in ((one, -1), (other, one), (-1, other)):
        file.execute("UPDATE audit_log SET seq = ? WHERE seq = ?", (new, old))
    return one


def _truncate(file: sqlite3.Connection, rng: random.Random) -> int:
    kept = rng.randint(0, SIGNED - 1)
    file.execute("DELETE FROM audit_log WHERE seq > ?", (kept,))
    return kept + 1


def _rehash(file: sqlite3.Connection, rng: random.Random) -> int:
    """Changes one entry, or drops one, and computes every later hash anew: a faultless chain."""
    victim, drop = rng.randint(1, SIGNED), rng.random() < 0.3
    rows = file.execute(f"SELECT {', '.join(COLUMNS)} FROM audit_log ORDER BY seq").fetchall()
    file.execute("DELETE FROM audit_log")
    seq, previous = 0, GENESIS
    for row in rows:
        time, actor, *others = row[1:7]
        if row[0] == victim:
            if drop:
                continue
            actor = "eve"
        seq += 1
        action, model, version_id, details = others
        computed = entry_hash(seq, time, actor, action, model, version_id, details, previous)
        file.execute(
            f"INSERT INTO audit_log VALUES ({', '.join('?' * len(COLUMNS))})",
            (seq, time, actor, *others, previous, computed),
        )
        previous = computed
    return SIGNED  # all that can be said is: at or before the signed entry


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Checkpoint]]:
    path = tmp_path_factory.mktemp("audit") / "honest.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    log, checkpoint = AuditLog(database), None
    for number in range(1, ENTRIES + 1):
        with database.begin() as tx:
            log.append(
                tx,
                actor=f"user{number % 7}",
                action=("version.registered", "model.activated")[number % 2],
                model=("momentum", "arrival_delay", "")[number % 3],
                version_id=f"{number:012x}",
                details={"n": number, "reason": "zoë"},
            )
        if number == SIGNED:
            checkpoint = create_checkpoint(log, KEY)
    database.close()
    assert checkpoint is not None
    yield path, checkpoint


@pytest.mark.parametrize("attack", [_edit, _delete, _swap, _truncate, _rehash])
def test_every_tampering_is_found_with_a_checkpoint(
    attack: Attack, honest: tuple[Path, Checkpoint], tmp_path: Path
) -> None:
    original, checkpoint = honest
    path = tmp_path / "tampered.db"
    shutil.copy(original, path)
    database = Database(f"sqlite:///{path}")
    log = AuditLog(database, trusted_key=KEY.public_key())
    assert log.verify(checkpoint=checkpoint).entries == ENTRIES
    file = sqlite3.connect(path, isolation_level=None)
    file.execute("PRAGMA synchronous=OFF")
    for change in ("update", "delete", "replace"):
        file.execute(f"DROP TRIGGER audit_log_no_{change}")
    file.execute("CREATE TABLE kept AS SELECT * FROM audit_log")
    unseen: list[int] = []
    misplaced: list[tuple[int, int, int]] = []
    for seed in range(ATTEMPTS):
        file.execute("BEGIN IMMEDIATE")
        bad = attack(file, random.Random(seed))
        file.execute("COMMIT")
        if attack in (_truncate, _rehash):  # a faultless chain: only the checkpoint knows better
            assert log.verify()
        try:
            log.verify(checkpoint=checkpoint)
            unseen.append(seed)
        except AuditChainError as error:
            if error.seq != bad:
                misplaced.append((seed, bad, error.seq))
        file.execute("BEGIN IMMEDIATE")
        file.execute("DELETE FROM audit_log")
        file.execute("INSERT INTO audit_log SELECT * FROM kept")
        file.execute("COMMIT")
    assert log.verify(checkpoint=checkpoint).entries == ENTRIES
    file.close()
    database.close()
    assert unseen == [], f"seeds of {attack.__name__} that nobody saw"
    assert misplaced == [], "seed, first bad entry, the entry that was named"
