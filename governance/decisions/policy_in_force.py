"""The policy that counts now, whatever state its file is in.

A valid file is taken and kept, with an audit entry, when its content changed. While it is broken
(or somebody named one that is not there) the last valid one stays in force: the one this process
took, else the newest that was kept. The mistake is told once for each broken content, by a notice
and an audit entry. No file at all, and none named, means the defaults; that a file went is kept,
too.

Neighbours: ``governance.config.policy_file`` reads strictly, ``policy.promotion.effective`` lays
the layers. Not promised: that a mistake is told while the database cannot be written, or from
inside a write transaction; the next call tries again.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert, select

from governance.config.document import read_bytes
from governance.config.policy_file import PolicyFile, missing_policy, parse_policy
from governance.decisions.idempotency import remember, replay_of
from governance.errors import ConfigError, ConflictError, GovernanceError
from governance.history.audit import append_entry
from governance.history.notices import Notice, record_notice
from governance.policy.promotion.effective import Effective, effective_limits, environment_values
from governance.settings import Settings
from governance.store.database import Database, database_time
from governance.store.promotion_tables import policy_files
from governance.values import Kind

_log = logging.getLogger(__name__)
ACTOR = "policy file"
_NO_FILE = ""  # in place of a digest: the defaults count
_Signature = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class _Read:
    """The file as it was read: its policy, or what is wrong with it.

    Attributes:
        digest: of its bytes; of the complaint where they cannot be read.
        recorded: the database knows of it.
    """

    signature: _Signature
    policy: PolicyFile
    digest: str
    text: str = ""
    problem: str | None = None
    recorded: bool = False


class PolicyInForce:
    """Call it for the policy of this moment.

    Args:
        environment: where document 004's ``MODEL_GOV_*`` stand.
        channels: who is told of a broken file (``notice_channels``).
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        environment: Mapping[str, str],
        *,
        channels: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._database = database
        self._settings = settings
        self._environment = environment
        self._channels = channels
        self._lock = threading.Lock()
        self._read: _Read | None = None

    def __call__(self) -> PolicyFile:
        """
        Raises:
            ConfigError: the file is broken, and no valid one was ever in force.
        """
        return self._now().policy

    @property
    def problem(self) -> str | None:
        """What is wrong with the file now; ``None`` while it is the one in force."""
        return self._now().problem

    def promotion(
        self, model: str, kind: Kind, request: Mapping[str, Any] | None = None
    ) -> Effective:
        """What is asked of a version of ``model``, with ``request`` laid over it.

        Raises:
            InvalidInputError: a value of the request or of the environment that cannot be taken.
        """
        policy = self()
        layers = [
            *policy.promotion_layers(model, kind),
            ("environment", environment_values(self._environment)),
        ]
        if request:
            layers.append(("request", dict(request)))
        return effective_limits(kind, layers, mode=policy.mode)

    def may_force(self, user: str) -> bool:
        """Does the policy name this user under ``force.allowed``?"""
        return user in self().force.allowed

    def _now(self) -> _Read:
        with self._lock:
            signature = self._signature()
            if self._read is None or self._read.signature != signature:
                self._read = self._taken(signature, self._read)
            if not self._read.recorded and not self._database.writing:
                self._read = self._recorded(self._read)
            return self._read

    def _signature(self) -> _Signature:
        try:
            status = self._settings.policy_path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _taken(self, signature: _Signature, before: _Read | None) -> _Read:
        path = self._settings.policy_path
        data: bytes | None = None
        try:
            if missing_policy(self._settings):
                return _Read(signature, PolicyFile(), digest=_NO_FILE)
            data = read_bytes(path)
            policy = parse_policy(data, source=str(path))
        except ConfigError as error:
            problem = error.message
            digest = _digest(problem.encode() if data is None else data)
            last = self._last_valid() if before is None else before.policy
            if last is None:
                if not self._database.writing:
                    self._recorded(_Read(signature, PolicyFile(), digest, problem=problem))
                raise
            _log.warning("the last valid policy stays in force: %s", problem)
            return _Read(signature, last, digest, problem=problem)
        return _Read(signature, policy, _digest(data), text=data.decode("utf-8-sig"))

    def _last_valid(self) -> PolicyFile | None:
        """The newest of the kept files; ``None`` if there is none that can be read today."""
        newest = select(policy_files.c.content).order_by(policy_files.c.seq.desc()).limit(1)
        with self._database.read() as connection:
            content = connection.scalar(newest)
        if not content:
            return None if content is None else PolicyFile()
        try:
            return parse_policy(content.encode(), source="kept policy")
        except ConfigError:  # kept by a release with other keys
            return None

    def _recorded(self, read: _Read) -> _Read:
        """``read`` once the database knows of it; as it was where that cannot be written now."""
        try:
            if read.problem is None:
                self._keep(read)
            else:
                self._tell(read)
        except ConflictError:  # another process was first
            pass
        except GovernanceError as error:
            _log.warning("the policy file's state was not recorded: %s", error.message)
            return read
        return replace(read, recorded=True)

    def _keep(self, read: _Read) -> None:
        newest = select(policy_files.c.digest).order_by(policy_files.c.seq.desc()).limit(1)

        def kept(connection: Connection) -> bool:
            return (connection.scalar(newest) or _NO_FILE) == read.digest

        with self._database.read() as connection:
            if kept(connection):
                return
        with self._database.begin() as tx:
            if kept(tx):
                return
            now = database_time(tx)
            row = {"digest": read.digest, "content": read.text, "recorded_at": now}
            tx.execute(insert(policy_files).values(row))
            details = {"file": str(self._settings.policy_path), "digest": read.digest}
            append_entry(tx, actor=ACTOR, action="policy.taken", details=details)

    def _tell(self, read: _Read) -> None:
        key = f"policy:{read.digest}"
        with self._database.read() as connection:
            if replay_of(connection, key, "policy", read.digest) is not None:
                return
        channels = self._channels()
        with self._database.begin() as tx:
            if replay_of(tx, key, "policy", read.digest) is not None:
                return
            now = database_time(tx)
            remember(tx, key, "policy", read.digest, {"problem": read.problem}, at=now)
            problem = read.problem or ""
            notice = Notice(
                kind="policy",
                model="",
                version=None,
                headline="the policy file is broken; the last valid one stays in force",
                reasons=tuple(problem.splitlines()),
                by=ACTOR,
                at=now,
                severity="warning",
                key=key,
            )
            record_notice(tx, notice, channels=channels, now=now)
            details = {
                "file": str(self._settings.policy_path),
                "digest": read.digest,
                "problem": problem[:2000],
            }
            append_entry(tx, actor=ACTOR, action="policy.refused", details=details)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
