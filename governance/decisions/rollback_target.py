"""Which version would a rollback go to, and does it load?

The rule without a name: the latest earlier version of the model, by its latest activation, that was
never forced, has not failed, was never itself rolled back from, is retired, and whose bytes are
intact and load. One that is broken is passed over with the reason, and the next is looked at. By
name, every retired version that was in production once may come back, a forced one, too.

Nothing is changed here, and no transaction is held while bytes are read; whoever acts on the answer
compares ``generation`` under the lock. Neighbours: ``rollback``, ``failover`` and ``drill`` ask;
``governance.policy.rollback`` judges. Cost: the digest of each version looked at, and a probe where
no verdict is stored.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Connection

from governance.decisions.rollback_candidates import BY_HISTORY, Candidate, candidates
from governance.errors import (
    ArtifactIntegrityError,
    ArtifactUnloadableError,
    IllegalTransitionError,
    InvalidInputError,
    ProbeUnavailableError,
    UnavailableError,
    UnsafeFormatError,
)
from governance.history.activations import generation, list_activations
from governance.policy.facts import LoadFact
from governance.policy.rollback import LeftFacts, PassedOver, RollbackFacts, TargetFacts
from governance.registry import lifecycle, records
from governance.registry.lifecycle import Route
from governance.registry.load_verdicts import loaded_elsewhere
from governance.registry.probing import Probing
from governance.store.database import Database
from governance.values import ModelVersion, SemanticVersion, is_version_id

MOST_RECORDED = 20  # of the versions that were passed over

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was found at ``generation``.

    Attributes:
        champion: in production then. target: ``None``: nothing may take over.
        activated: generation at which the target was last activated.
        unknown: some version might have done, but nobody can say so now.
    """

    generation: int
    champion: ModelVersion | None
    target: ModelVersion | None = None
    activated: int = 0
    load: LoadFact | None = None
    named: bool = False
    passed_over: tuple[PassedOver, ...] = ()
    unknown: UnavailableError | None = None

    @property
    def broken(self) -> tuple[PassedOver, ...]:
        """Of those passed over: whose bytes it was, not their past."""
        return tuple(one for one in self.passed_over if one.code not in BY_HISTORY)

    def facts(self, *, code: str | None = None, reason: str | None = None) -> RollbackFacts:
        """For the decision; `code` and `reason` say what is wrong with the champion."""
        left, target = self.champion, self.target
        return RollbackFacts(
            left=None
            if left is None
            else LeftFacts(
                version_id=left.id,
                version=left.version,
                digest=left.digest,
                code=code,
                reason=reason,
            ),
            target=None
            if target is None
            else TargetFacts(
                version_id=target.id,
                version=target.version,
                digest=target.digest,
                generation=self.activated,
                named=self.named,
                intact=True,
                load=self.load,
            ),
            passed_over=self.passed_over[:MOST_RECORDED],
        )


class RollbackTargets:
    """Finds targets; built by the wiring."""

    def __init__(self, database: Database, probing: Probing) -> None:
        self._database = database
        self._probing = probing

    def automatic(self, name: str, *, fresh: bool = False) -> Choice:
        """The version that a rollback without a name goes to.

        Args:
            fresh: probe it now, whatever verdict is stored.

        Raises:
            NotFoundError: no such model.
            StorageUnavailableError: no artifact at all can be reached.
        """
        with self._database.read() as connection:
            head = generation(connection, name)
            champion = records.in_production(connection, name)
            been = list(candidates(connection, name))
        if any(candidate.code is None for candidate in been):
            self._probing.check_home()
        passed_over: list[PassedOver] = []
        unknown: UnavailableError | None = None
        for candidate in been:
            code, reason = candidate.code, candidate.reason
            if code is None:
                try:
                    target = self._version(candidate)
                    load = self.load_fact(target, fresh=fresh)
                except UnavailableError as error:
                    unknown = unknown or error
                    code, reason = error.code, error.message
                except (ArtifactIntegrityError, UnsafeFormatError) as error:
                    code, reason = error.code, error.message
                else:
                    if load.loadable:
                        return Choice(
                            generation=head,
                            champion=champion,
                            target=target,
                            activated=candidate.generation,
                            load=load,
                            passed_over=tuple(passed_over),
                        )
                    code, reason = load.code or "unloadable", load.reason or "it does not load"
            passed_over.append(candidate.passed_over(code, reason))
        return Choice(
            generation=head, champion=champion, passed_over=tuple(passed_over), unknown=unknown
        )

    def named(self, name: str, wanted: ModelVersion | str) -> Choice:
        """The version that a person asks for, if it may come back.

        Raises:
            NotFoundError: no such version of this model.
            IllegalTransitionError: it is not retired, or was never in production.
            ArtifactIntegrityError, ArtifactUnloadableError, UnsafeFormatError: its bytes.
            UnavailableError: nothing can be said of its bytes now.
        """
        with self._database.read() as connection:
            head = generation(connection, name)
            champion = records.in_production(connection, name)
            version = _resolve(connection, name, wanted)
            been = [a for a in list_activations(connection, name) if a.version_id == version.id]
        lifecycle.check_activation(version.stage, Route.ROLLBACK)
        if not been:
            raise IllegalTransitionError(
                f"{version.ref} was never in production, so nothing can be rolled back to it; "
                f"`governance promotion history {name}` shows which versions were"
            )
        self._probing.check_home()
        load = self.load_fact(version)
        if not load.loadable:
            kind = (
                ArtifactIntegrityError
                if load.code == ArtifactIntegrityError.code
                else ArtifactUnloadableError
            )
            raise kind(
                f"{version.ref} cannot take over ({load.code}: {load.reason}); nothing was "
                "changed, name another version"
            )
        return Choice(
            generation=head,
            champion=champion,
            target=version,
            activated=been[-1].generation,
            load=load,
            named=True,
        )

    def _version(self, candidate: Candidate) -> ModelVersion:
        with self._database.read() as connection:
            return records.resolve(connection, candidate.version_id)

    def load_fact(self, version: ModelVersion, *, fresh: bool = False) -> LoadFact:
        """What is known of the bytes: probed or stored; else, that other libraries loaded them.

        A rollback must go where no probe can run: there, bytes that are intact and that a probe
        elsewhere loaded are taken, and the record says so.

        Raises:
            ArtifactMissingError, UnsafeFormatError; UnavailableError: nothing can be said now.
        """
        unavailable: ProbeUnavailableError
        try:
            found = self._probing.load_fact(version, fresh=fresh)
        except ProbeUnavailableError as error:
            unavailable = error
        else:
            if found is not None:
                return found
            unavailable = ProbeUnavailableError(
                f"the probe of {version.ref} came to no end within its limits; try again, or "
                "raise GOVERNANCE_PROBE_CPU_SECONDS"
            )
        if not fresh:
            with self._database.read() as connection:
                elsewhere = loaded_elsewhere(connection, version.digest)
            if elsewhere is not None:
                log.warning("%s was not probed here: %s", version.ref, unavailable)
                return LoadFact(
                    loadable=True,
                    code="loaded_elsewhere",
                    reason=f"it loaded with {elsewhere.libraries}; no probe could run here",
                )
        raise unavailable


def why_nothing(name: str, choice: Choice) -> str:
    """The refusal for people, with the reason for each version that was looked at."""
    looked_at = "; ".join(f"{one.version}: {one.reason}" for one in choice.passed_over[:5])
    more = len(choice.passed_over) - 5
    if more > 0:
        looked_at += f"; and {more} more"
    return (
        f"no earlier version of {name!r} may take over by itself"
        + (f" ({looked_at})" if looked_at else ", since none was in production before")
        + "; name one with to_version (--to), or promote another version"
    )


def _resolve(connection: Connection, name: str, wanted: ModelVersion | str) -> ModelVersion:
    """By number (``1.2.0``), id or reference; always of this model."""
    if isinstance(wanted, str) and not is_version_id(wanted) and ":" not in wanted:
        wanted = f"{name}:{SemanticVersion.parse(wanted)}"
    version = records.resolve(connection, wanted)
    if version.name != name:
        raise InvalidInputError(f"{version.ref} is no version of {name!r}; name one of its own")
    return version
