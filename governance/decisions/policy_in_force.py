"""The policy that counts now, whatever state its file is in.

A valid file is taken and kept, with an audit entry, when its content changed. While it is broken
or gone the last valid one stays in force: the newest that was kept, or what this process took and
could not keep yet. Where no file was ever valid the defaults count, as they did before somebody
wrote one. Each broken content is told once, and a file that goes is told once until one is back:
by a notice and an audit entry. A home that never had a file uses the defaults, and nobody is told.

Neighbours: ``governance.config.policy_file`` reads strictly, ``policy_record`` keeps and tells,
``policy.promotion.effective`` lays the layers. Not promised: that a mistake is told while the
database cannot be written, or from inside a write transaction; the next call tries again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from governance.config.policy_file import (
    PolicyFile,
    missing_policy,
    parse_policy,
    why_missing,
)
from governance.config.reading import read_bytes
from governance.decisions.policy_record import (
    NO_FILE,
    PolicyRead,
    PolicyRecord,
    Signature,
    digest_of,
)
from governance.errors import ConfigError, ConflictError, GovernanceError
from governance.policy.promotion.effective import Effective, effective_limits, environment_values
from governance.settings import Settings
from governance.store.database import Database
from governance.values import Kind, ModelVersion

_log = logging.getLogger(__name__)
PROBLEM_LINE = (
    "%s: %s"  # of the log, by which a command that shows the problem itself leaves it out
)


class PolicyInForce:
    """Call it for the policy of this moment.

    Args:
        environment: where document 004's ``MODEL_GOV_*`` stand.
        channels: who is told of a broken file (``notice_channels``).
        bundles: is the model declared as a bundle? Document 004's variables are for those.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        environment: Mapping[str, str],
        *,
        channels: Callable[[], Sequence[str]] = tuple,
        bundles: Callable[[str], bool] = lambda model: False,
    ) -> None:
        self._database = database
        self._settings = settings
        self._environment = environment
        self._record = PolicyRecord(database, settings.policy_path, channels)
        self._bundles = bundles
        self._lock = threading.Lock()
        self._read: PolicyRead | None = None
        self._laid: tuple[PolicyFile, dict[tuple[str, Kind], Effective]] | None = None

    def __call__(self) -> PolicyFile:
        """
        Raises:
            ConfigError: the file is broken or gone, and the one that counted last was kept by a
                release with other keys.
        """
        return self._now().policy

    @property
    def problem(self) -> str | None:
        """What is wrong with the file now; ``None`` while it is the one in force."""
        return self._now().problem

    @property
    def headline(self) -> str:
        """Where there is a problem: what counts meanwhile."""
        return self._now().headline

    def promotion(
        self,
        model: str,
        kind: Kind,
        request: Mapping[str, Any] | None = None,
        *,
        bundle: bool = False,
    ) -> Effective:
        """What is asked of a version of ``model``, with ``request`` laid over it.

        Args:
            bundle: the version holds several models, so that document 004's variables count for
                it. They do, too, for every version of a model that is declared so.

        Raises:
            InvalidInputError: a value of the request or of the environment that cannot be taken.
        """
        policy = self()
        bundle = bundle or self._bundles(model)
        if not bundle and not request:
            return self._of_the_file(policy, model, kind)
        layers = [*policy.promotion_layers(model, kind)]
        if bundle:
            layers.append(("environment", environment_values(self._environment)))
        if request:
            layers.append(("request", dict(request)))
        return effective_limits(kind, layers, mode=policy.mode)

    def _of_the_file(self, policy: PolicyFile, model: str, kind: Kind) -> Effective:
        """What the file alone asks, laid once for each model while the file stays."""
        laid = self._laid
        if laid is None or laid[0] is not policy:
            laid = self._laid = (policy, {})
        known = laid[1]
        if (model, kind) not in known:
            layers = [*policy.promotion_layers(model, kind)]
            known[model, kind] = effective_limits(kind, layers, mode=policy.mode)
        return known[model, kind]

    def may_force(self, user: str) -> bool:
        """Does the policy name this user under ``force.allowed``?"""
        return user in self().force.allowed

    def _now(self) -> PolicyRead:
        with self._lock:
            signature = self._signature()
            if self._read is None or self._read.signature != signature:
                self._read = self._taken(signature, self._read)
            if not self._read.recorded and not self._database.writing:
                self._read = self._recorded(self._read)
            return self._read

    def _signature(self) -> Signature:
        try:
            status = self._settings.policy_path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _taken(self, signature: Signature, before: PolicyRead | None) -> PolicyRead:
        path = self._settings.policy_path
        data: bytes | None = None
        missing = missing_policy(self._settings)
        problem = why_missing(self._settings)
        try:
            if not missing:
                data = read_bytes(path)
                policy = parse_policy(data, source=str(path))
                return PolicyRead(signature, policy, digest_of(data), text=data.decode("utf-8-sig"))
        except ConfigError as error:
            missing = data is None and missing_policy(self._settings)  # it went meanwhile
            problem = problem if missing else error.message
        digest = digest_of(problem.encode() if data is None else data)
        try:
            last = self._last_valid(before)
        except ConfigError as error:
            if not self._database.writing:
                self._recorded(PolicyRead(signature, PolicyFile(), digest, problem=problem))
            raise ConfigError(f"{problem}\n{error.message}") from None
        if last is not None:
            policy, text = last
            digest = NO_FILE if missing else digest
            read = PolicyRead(signature, policy, digest, text=text, problem=problem)
        elif missing and self._settings.policy is None:
            return PolicyRead(signature, PolicyFile(), NO_FILE, recorded=True)
        else:
            read = PolicyRead(signature, PolicyFile(), digest, problem=problem)
        _log.warning(PROBLEM_LINE, read.headline, problem)
        return read

    def _last_valid(self, before: PolicyRead | None) -> tuple[PolicyFile, str] | None:
        """The newest of the kept files, or one that this process could not keep yet.

        Raises:
            ConfigError: this release cannot read it.
        """
        own = None if before is None or before.text is None else (before.policy, before.text)
        if before is not None and not before.recorded and own is not None:
            return own
        try:
            newest = self._record.newest()
        except GovernanceError:
            if own is None:
                raise
            return own
        if newest is None:
            return own
        try:
            return parse_policy(newest.encode(), source="kept policy"), newest
        except ConfigError:
            raise ConfigError(
                "the policy that counted last was kept by another release, which this one cannot "
                "read; correct the file"
            ) from None

    def _recorded(self, read: PolicyRead) -> PolicyRead:
        """``read`` once the database knows of it; as it was where that cannot be written now."""
        try:
            self._record(read)
        except ConflictError:  # another process was first
            pass
        except GovernanceError as error:
            _log.warning("the policy file's state was not recorded: %s", error.message)
            return read
        return replace(read, recorded=True)


def holds_several(version: ModelVersion) -> bool:
    """Does its manifest speak of a bundle of models?"""
    return isinstance(version.manifest.get("bundle"), Mapping)
