"""`gov.trials`: shadow sessions from real data: every version on trial, and the champion, run on
the rows of one day that were known and mature.

Each version is run as it was registered; all get the same rows under the same session id, so that
sessions can be paired. The first record of a session stays: what is recorded already is not run
again, since a second run would measure another latency. A session that began before a version had
seen its last data is never recorded for it.

Neighbours: ``session_rows`` cuts the days, ``trial_runners`` loads, ``session_stats`` measures,
``governance.evidence.shadow`` keeps. Not promised: that a late outcome changes a recorded session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import select

from governance.config.governance_file import GovernanceConfig
from governance.config.model import ModelDeclaration
from governance.errors import InvalidInputError, MetricConflictError
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import Session as Recorded
from governance.evidence.shadow.testing import MAX_SESSIONS, ShadowTesting
from governance.registry import records
from governance.registry.model_registry import ModelRegistry
from governance.store.database import Database
from governance.store.promotion_tables import shadow_runs, shadow_sessions
from governance.training.data import Labels
from governance.training.prepare import label_frame
from governance.training.session_rows import Session, sessions
from governance.training.session_stats import Ran, run, session_stats
from governance.training.sources import read_source
from governance.training.trial_runners import runner, seen_until
from governance.values import ModelVersion, as_utc, check_model_name, iso

log = logging.getLogger(__name__)

ACTOR = "trials"


@dataclass(frozen=True, slots=True)
class TrialRun:
    """What a run recorded.

    Attributes:
        recorded: version id to the ids of its sessions that are new.
        known: how many sessions stood already, over all versions.
        waiting: sessions that are not mature, with the reason.
    """

    model: str
    at: datetime
    recorded: dict[str, list[str]] = field(default_factory=dict)
    known: int = 0
    waiting: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "at": iso(self.at),
            "recorded": self.recorded,
            "known": self.known,
            "waiting": self.waiting,
        }


class TrialSessions:
    """Built by ``Governance.open``."""

    def __init__(
        self,
        database: Database,
        registry: ModelRegistry,
        shadow: ShadowTesting,
        *,
        config: Callable[[], GovernanceConfig],
        home: Path,
    ) -> None:
        self._database = database
        self._registry = registry
        self._shadow = shadow
        self._config = config
        self._home = home

    def models(self) -> list[str]:
        """Declared models of which a version is on trial."""
        with self._database.read() as connection:
            running = connection.scalars(
                select(shadow_runs.c.model_name).where(shadow_runs.c.state == "running").distinct()
            ).all()
        return sorted(set(running) & set(self._config().models))

    def run(
        self, model: str, *, start: datetime, end: datetime, at: datetime | None = None
    ) -> TrialRun:
        """Record the sessions whose midnight lies from ``start`` to before ``end``.

        Args:
            at: the evidence cut-off: only rows and outcomes known before it are used. ``end`` if
                not given, which leaves out the last day: its outcome is not known at its end.

        Raises:
            ConfigError: the model is not declared. DataSourceError: no rows.
            Further: what loading a version raises.
        """
        declaration = self._config().model(check_model_name(model))
        start, end = as_utc(start, what="start"), as_utc(end, what="end")
        at = end if at is None else as_utc(at)
        if start >= end:
            raise InvalidInputError(f"no session lies between {iso(start)} and {iso(end)}")
        versions, champion = self._versions(model)
        if not versions:
            log.info("%s: no version is on trial", model)
            return TrialRun(model, at)
        frame = read_source(
            declaration.source.function,
            declaration.source.params,
            at=at,
            time_column=declaration.time_column,
        )
        day = Days(declaration, frame, label_frame(declaration, frame, at=at))
        found = day.between(start, end, at=at)
        mature = [one for one in found if one.at is not None and one.at < at]
        wanted = {version.id: _after(mature, seen_until(version)) for version in versions}
        missing = {version.id: self._missing(version, wanted[version.id]) for version in versions}
        told = TrialRun(
            model,
            at,
            known=sum(len(wanted[one.id]) - len(missing[one.id]) for one in versions),
            waiting={one.id: one.waits_for for one in found if one.at is None},
        )
        if any(missing.values()):
            ran = {version.id: self._run(version, declaration, frame) for version in versions}
            beside = None if champion is None else ran[champion.id]
            for version in versions:
                new = [
                    Recorded(
                        id=session.id,
                        at=session.at or at,
                        stats=SessionStats.of(day.stats(ran[version.id], beside, session)),
                    )
                    for session in missing[version.id]
                ]
                if recorded := self._record(version, new):
                    told.recorded[version.id] = recorded
        log.info("%s: %s", model, told.as_json())
        return told

    def _versions(self, model: str) -> tuple[list[ModelVersion], ModelVersion | None]:
        """Those on trial and the champion, if one is on trial; and the champion."""
        with self._database.read() as connection:
            trials = connection.scalars(
                select(shadow_runs.c.version_id)
                .where(shadow_runs.c.model_name == model, shadow_runs.c.state == "running")
                .order_by(shadow_runs.c.version_id)
            ).all()
            champion = records.in_production(connection, model)
            versions = [records.resolve(connection, version_id) for version_id in trials]
        if versions and champion is not None:
            versions.append(champion)
        return versions, champion

    def _missing(self, version: ModelVersion, wanted: list[Session]) -> list[Session]:
        """Those that are not recorded yet."""
        stand = self._recorded(version)
        return [session for session in wanted if session.id not in stand]

    def _recorded(self, version: ModelVersion) -> set[str]:
        with self._database.read() as connection:
            return set(
                connection.scalars(
                    select(shadow_sessions.c.session_id).where(
                        shadow_sessions.c.version_id == version.id
                    )
                )
            )

    def _run(
        self, version: ModelVersion, declaration: ModelDeclaration, frame: pd.DataFrame
    ) -> Ran:
        made = runner(
            self._database,
            self._registry,
            version,
            home=self._home,
            kind=declaration.kind,
            time_column=declaration.time_column,
        )
        return run(made, frame, kind=declaration.kind)

    def _record(self, version: ModelVersion, new: list[Recorded]) -> list[str]:
        """Ids of those that are new. What another run recorded meanwhile has its latency."""
        recorded: list[str] = []
        while new:
            try:
                self._shadow.record_sessions(version, new[:MAX_SESSIONS], by=ACTOR)
            except MetricConflictError:
                stand = self._recorded(version)
                left = [one for one in new if one.id not in stand]
                if len(left) == len(new):
                    raise
                new = left
            else:
                recorded += [one.id for one in new[:MAX_SESSIONS]]
                new = new[MAX_SESSIONS:]
        return recorded


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """The rows of a model that were known, as sessions."""

    declaration: ModelDeclaration
    frame: pd.DataFrame
    labels: Labels

    def between(self, start: datetime, end: datetime, *, at: datetime) -> list[Session]:
        return sessions(
            self.frame,
            self.labels,
            kind=self.declaration.kind,
            time_column=self.declaration.time_column,
            timezone=self.declaration.timezone,
            start=start,
            end=end,
            at=at,
        )

    def stats(self, ran: Ran, champion: Ran | None, session: Session) -> dict[str, Any]:
        return session_stats(
            ran,
            champion,
            session,
            times=self.frame[self.declaration.time_column],
            labels=self.labels,
            kind=self.declaration.kind,
            trading=self.declaration.trading,
        )


def _after(found: list[Session], moment: datetime) -> list[Session]:
    return [session for session in found if session.start >= moment]
