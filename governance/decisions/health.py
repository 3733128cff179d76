"""`gov.health`: are the champions what was registered, and would a rollback work?

``check`` compares the digest of every champion and its stored load verdict. A healthy one costs one
reading of its bytes each time (a 10 MB artifact: some 10 ms) and changes nothing; no time stamp or
size is believed instead. One that is corrupt, missing or known not to load fails over. One that
was never probed with the libraries installed now is probed once.

What says nothing of the bytes changes nothing: a share that is not mounted, a disk that does not
answer, a probe that cannot run. It is told once a day while it lasts.

Neighbours: ``failover`` (who takes over), ``drill`` (would a rollback work). Not promised: that a
healthy model is a good one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select

from governance.decisions.drill import Drill, DrillReport
from governance.decisions.failover import ACTOR, Failover
from governance.decisions.health_report import BROKEN, HealthReport, Status
from governance.errors import (
    ArtifactIntegrityError,
    GovernanceError,
    StorageFullError,
    StorageUnavailableError,
    UnavailableError,
    UnsafeFormatError,
)
from governance.history.activations import generation
from governance.history.notices import Notice, record_notice
from governance.policy.facts import LoadFact
from governance.registry import records
from governance.registry.load_verdicts import stored_verdict
from governance.registry.probing import Probing
from governance.store.database import Database, database_time
from governance.store.schema import activations
from governance.values import ModelVersion, as_utc, check_model_name

_MOST_TRIES = 5  # of one model, while others switch

log = logging.getLogger(__name__)


class Health:
    """Built by ``Governance.open``."""

    def __init__(
        self,
        database: Database,
        probing: Probing,
        *,
        failover: Failover,
        drill: Drill,
        channels: Callable[[], Sequence[str]],
    ) -> None:
        self._database = database
        self._probing = probing
        self._failover = failover
        self._drill = drill
        self._channels = channels

    def check(self, model: str | None = None, *, at: datetime | None = None) -> list[HealthReport]:
        """Look at the champion of a model, or of all that ever had one; one report each.

        Running it again on what was repaired or failed over changes nothing and tells nobody.

        Args:
            at: effective time of a failover; database time if not given.

        Raises:
            NotFoundError: no such model. DatabaseUnavailableError: nothing could be looked at.
        """
        names, moment = self._names(model, at)
        try:
            self._probing.check_home()
        except StorageUnavailableError as error:
            found = [self._looked(name, moment, at, away=error) for name in names]
            if any(report.status == "unavailable" for report in found):
                self._tell_away(found, error, moment)
            return found
        return [self._looked(name, moment, at) for name in names]

    def drill(self, model: str | None = None, *, at: datetime | None = None) -> list[DrillReport]:
        """Would a rollback of a model, or of all that ever had a champion, work now?

        Each target's bytes are probed anew. The same model and ``at`` give the stored answer.

        Raises:
            NotFoundError: no such model. DatabaseUnavailableError: nothing could be looked at.
        """
        names, moment = self._names(model, at)
        return [self._drill(name, at=moment) for name in names]

    def _names(self, model: str | None, at: datetime | None) -> tuple[list[str], datetime]:
        with self._database.read() as connection:
            moment = database_time(connection) if at is None else as_utc(at)
            if model is not None:
                generation(connection, check_model_name(model))
                return [model], moment
            names = select(activations.c.model_name).distinct()
            return sorted(connection.scalars(names)), moment

    def _looked(
        self,
        name: str,
        moment: datetime,
        at: datetime | None,
        *,
        away: StorageUnavailableError | None = None,
    ) -> HealthReport:
        for _ in range(_MOST_TRIES):
            with self._database.read() as connection:
                champion = records.in_production(connection, name)
                head = generation(connection, name)
            if champion is None:
                nothing = "nothing is in production"
                return HealthReport.of(
                    name, None, head, moment, "none", "no_production_version", nothing
                )
            if away is not None:
                said = (away.code, away.message)
                return HealthReport.of(name, champion, head, moment, "unavailable", *said)
            status, fact = self._bytes_of(champion)
            if status in BROKEN:
                report = self._fail(champion, head, moment, at, status, fact)
                if report is None:
                    continue
                return report
            if status != "healthy":
                self._tell(champion, head, moment, status, fact)
            return HealthReport.of(name, champion, head, moment, status, fact.code, fact.reason)
        busy = "its production version changed again and again during the check"
        return HealthReport.of(name, champion, head, moment, "unknown", "busy", busy)

    def _bytes_of(self, version: ModelVersion) -> tuple[Status, LoadFact]:
        """Digest, then verdict: the stored one, else a probe now."""
        try:
            self._probing.check_integrity(version)
            with self._database.read() as connection:
                kept = stored_verdict(connection, version.digest)
            if kept is not None:
                load: LoadFact | None = LoadFact(
                    loadable=kept.loadable, code=kept.code, reason=kept.reason
                )
            else:
                load = self._probing.load_fact(version)
        except ArtifactIntegrityError as error:
            return "corrupt", _fault(error)
        except StorageUnavailableError as error:
            return "unavailable", _fault(error)
        except (UnavailableError, UnsafeFormatError) as error:
            return "unknown", _fault(error)
        if load is None:
            slow = "the probe came to no end within its limits"
            return "unknown", LoadFact(loadable=False, code="probe_unfinished", reason=slow)
        if not load.loadable:
            return "corrupt" if load.code == ArtifactIntegrityError.code else "unloadable", load
        return "healthy", LoadFact(loadable=True, code="ok", reason="")

    def _fail(
        self,
        champion: ModelVersion,
        head: int,
        moment: datetime,
        at: datetime | None,
        status: Status,
        fact: LoadFact,
    ) -> HealthReport | None:
        """Fail over; ``None`` if somebody else switched meanwhile."""
        name = champion.name
        try:
            self._probing.check_home()  # the share may have gone since the check began
            decision = self._failover(champion, fact, at=None if at is None else as_utc(at))
        except StorageUnavailableError as error:
            self._tell(champion, head, moment, "unavailable", _fault(error))
            return HealthReport.of(
                name, champion, head, moment, "unavailable", error.code, error.message
            )
        except (UnavailableError, StorageFullError) as error:
            held = LoadFact(
                loadable=False,
                code=fact.code,
                reason=f"{fact.reason}; it stays in production, since nothing can be changed now: "
                f"{error.message}",
            )
            self._tell(champion, head, moment, status, held)
            return HealthReport.of(name, champion, head, moment, status, held.code, held.reason)
        if decision is None:
            return None
        taken = decision.version if decision.version_id != champion.id else None
        return HealthReport.of(
            name,
            champion,
            decision.generation or head,
            moment,
            status,
            fact.code,
            fact.reason,
            target=taken,
            decision=decision,
        )

    def _tell(
        self, version: ModelVersion, head: int, at: datetime, status: Status, fact: LoadFact
    ) -> None:
        broken = status in BROKEN
        self._record(
            Notice(
                kind="health",
                model=version.name,
                version=version.version,
                version_id=version.id,
                headline=f"{version.ref} in production is {status}",
                reasons=(fact.reason or fact.code,),
                by=ACTOR,
                at=at,
                severity="critical" if broken else "warning",
                key=f"health:{version.name}:{head}:{status}:{fact.code}:{at:%Y-%m-%d}",
            )
        )

    def _tell_away(
        self, found: Sequence[HealthReport], error: StorageUnavailableError, at: datetime
    ) -> None:
        models = [report.model for report in found if report.status == "unavailable"]
        one = models[0] if len(models) == 1 else ""
        self._record(
            Notice(
                kind="health",
                model=one,
                version=None,
                headline=f"the artifacts of {one or f'{len(models)} models'} cannot be reached",
                reasons=(error.message, f"not looked at: {', '.join(models)}"),
                by=ACTOR,
                at=at,
                severity="critical",
                key=f"health:home:{at:%Y-%m-%d}",
            )
        )

    def _record(self, notice: Notice) -> None:
        """A finding that changed nothing; the report has it where it cannot be recorded."""
        channels = self._channels()
        try:
            with self._database.begin() as tx:
                record_notice(tx, notice, channels=channels, now=database_time(tx))
        except (StorageFullError, UnavailableError) as error:
            log.warning("the notice %r was not recorded: %s", notice.headline, error)


def _fault(error: GovernanceError) -> LoadFact:
    return LoadFact(loadable=False, code=error.code, reason=error.message)
