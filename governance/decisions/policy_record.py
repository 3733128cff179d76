"""What the database keeps of the policy file: its valid contents, and who was told of what.

A row of ``policy_files`` for each change: another valid content, or the last one again, without a
digest, when its file went. Notices and audit entries are written in the same transaction.

Neighbour: ``policy_in_force`` (reads the file, says what counts). Not promised: two processes that
see two different files under one path take turns, and each turn is told.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from governance.config.policy_file import PolicyFile, parse_policy
from governance.decisions.idempotency import remember, replay_of
from governance.errors import ConfigError
from governance.history.audit import append_entry
from governance.history.notices import Notice, record_notice
from governance.store.database import Database, database_time
from governance.store.promotion_tables import policy_files

ACTOR = "policy file"
NO_FILE = ""  # in place of a digest: the file is gone
_LAST_VALID = "the last valid one stays in force"
_DEFAULTS = "no valid one was there before, so the defaults count"
Signature = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class PolicyRead:
    """The file as it was read, and what counts.

    Attributes:
        policy, text: what counts; ``text`` is ``None`` for defaults that no file said.
        digest: of the file's bytes; of the complaint where they cannot be read.
        recorded: the database knows of it.
    """

    signature: Signature
    policy: PolicyFile
    digest: str
    text: str | None = None
    problem: str | None = None
    recorded: bool = False

    @property
    def headline(self) -> str:
        stands = _DEFAULTS if self.text is None else _LAST_VALID
        return f"the policy file is {'broken' if self.digest else 'gone'}; {stands}"


class PolicyRecord:
    """Call it with what was read; twice is once."""

    def __init__(
        self, database: Database, path: Path, channels: Callable[[], Sequence[str]]
    ) -> None:
        self._database = database
        self._path = path
        self._channels = channels

    def newest(self) -> str | None:
        """The content that was kept last."""
        with self._database.read() as connection:
            found = _newest(connection)
        return None if found is None else str(found.content)

    def __call__(self, read: PolicyRead) -> None:
        if read.problem is None or read.digest == NO_FILE:
            self._keep(read)
        else:
            self._tell(read)

    def _keep(self, read: PolicyRead) -> None:
        """A row for what changed: another content, or the same one without its file (no digest)."""
        with self._database.read() as connection:
            if _is(_newest(connection), read):
                return
        channels = self._channels()
        with self._database.begin() as tx:
            before = _newest(tx)
            if _is(before, read):
                return
            now = database_time(tx)
            row = {"digest": read.digest, "content": read.text or "", "recorded_at": now}
            (seq,) = tx.execute(insert(policy_files).values(row)).inserted_primary_key or (0,)
            key = f"policy:file:{seq}"
            if read.problem is not None:
                self._notice(tx, read.headline, read, key=key, channels=channels, at=now)
                self._entry(tx, "policy.gone", read)
                return
            if (
                before is not None
                and _says_nothing(read.text)
                and not _says_nothing(before.content)
            ):
                headline = "the policy file says nothing any more; the defaults count"
                self._notice(tx, headline, read, key=key, channels=channels, at=now)
            self._entry(tx, "policy.taken", read)

    def _tell(self, read: PolicyRead) -> None:
        with self._database.read() as connection:
            key = _told_as(connection, read)
            if replay_of(connection, key, "policy", read.digest) is not None:
                return
        channels = self._channels()
        with self._database.begin() as tx:
            key = _told_as(tx, read)
            if replay_of(tx, key, "policy", read.digest) is not None:
                return
            now = database_time(tx)
            remember(tx, key, "policy", read.digest, {"problem": read.problem}, at=now)
            self._notice(tx, read.headline, read, key=key, channels=channels, at=now)
            self._entry(tx, "policy.refused", read)

    def _notice(
        self,
        tx: Connection,
        headline: str,
        read: PolicyRead,
        *,
        key: str,
        channels: Sequence[str],
        at: datetime,
    ) -> None:
        file = shlex.quote(str(self._path))
        notice = Notice(
            kind="policy",
            model="",
            version=None,
            headline=headline,
            reasons=tuple((read.problem or "").splitlines()),
            by=ACTOR,
            at=at,
            # Defaults in place of what somebody wrote may ask less than they meant.
            severity="critical" if read.problem and read.text is None else "warning",
            key=key,
            commands=(("Check the file", f"governance policy check {file}"),),
        )
        record_notice(tx, notice, channels=channels, now=at)

    def _entry(self, tx: Connection, action: str, read: PolicyRead) -> None:
        details = {"file": str(self._path), "digest": read.digest}
        if read.problem is not None:
            details["problem"] = read.problem[:2000]
        append_entry(tx, actor=ACTOR, action=action, details=details)


def _newest(connection: Connection) -> Any:
    files = policy_files.c
    newest = select(files.seq, files.digest, files.content).order_by(files.seq.desc()).limit(1)
    return connection.execute(newest).first()


def _is(newest: Any, read: PolicyRead) -> bool:
    return newest is not None and newest.digest == read.digest


def _told_as(connection: Connection, read: PolicyRead) -> str:
    """The same mistake after another valid file is told again."""
    newest = _newest(connection)
    return f"policy:{0 if newest is None else newest.seq}:{read.digest}"


def _says_nothing(text: str | None) -> bool:
    try:
        return not parse_policy((text or "").encode()).model_fields_set
    except ConfigError:  # kept by a release with other keys
        return False


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
