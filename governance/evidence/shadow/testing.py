"""`gov.shadow`: challengers run beside the champion and their sessions are collected.

A trial is a row, a stage and an audit entry, in one transaction; so is its end. Sessions are
evidence about a version, not about a trial: they may arrive in any order and as often as they like,
and all of them count. The version in production records sessions, too, since pairs are made of
sessions that both saw. What is asked of a challenger is in ``governance.policy``; nothing here
promotes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from governance.config.model import ModelDeclaration
from governance.errors import ConflictError, InvalidEvidenceError, InvalidInputError
from governance.evidence.shadow.progress import ShadowProgress
from governance.evidence.shadow.records import insert_sessions, recorded_at_of, recorded_sessions
from governance.evidence.shadow.runs import (
    ShadowRun,
    end_trial,
    latest_trial,
    running_trial,
    running_trials,
    start_trial,
)
from governance.evidence.shadow.session_stats import SessionStats, check_session_id
from governance.evidence.shadow.standing import standing
from governance.evidence.shadow.summary import Session, ShadowSummary
from governance.history.audit import append_entry
from governance.history.effective_time import refuse_future
from governance.policy.promotion.limits import PromotionLimits
from governance.registry import records
from governance.registry.attachments import check_person, check_reason
from governance.registry.heads import lock_head
from governance.registry.lifecycle import check_transition
from governance.registry.transitions import move
from governance.store.database import Database, database_time
from governance.values import Kind, ModelVersion, Stage, as_utc, check_model_name

AnyRef = ModelVersion | str
MAX_SESSIONS = 1000  # of one call: its audit entry names each


class ShadowTesting:
    """Built by ``Governance.open``.

    Args:
        declared: what ``governance.yaml`` says of a model, for its time zone and calendar.
        limits_of: what is asked of a promotion of a model, for the progress that is shown.
    """

    def __init__(
        self,
        database: Database,
        *,
        declared: Callable[[str], ModelDeclaration | None],
        limits_of: Callable[[str, Kind], PromotionLimits],
    ) -> None:
        self._database = database
        self._declared = declared
        self._limits_of = limits_of

    def start_shadow_testing(
        self,
        ref: AnyRef,
        benchmark: AnyRef | None = None,
        *,
        by: str,
        at: datetime | None = None,
    ) -> ShadowRun:
        """Put a validated version into staging; a trial that runs already is given as it is.

        Args:
            benchmark: another version of the model; the champion, if there is one, by default.
            at: when the trial begins, from which its soak time counts; database time by default.

        Raises:
            InvalidInputError: ``at`` lies in the future, or the benchmark is no other version.
            IllegalTransitionError: the version is neither validated nor in staging.
            ConflictError: its trial runs against another benchmark.
        """
        check_person(by, what="by")
        moment = None if at is None else as_utc(at)
        with self._database.begin() as tx:
            lock_head(tx, records.resolve(tx, ref).name)
            refuse_future(moment, now=database_time(tx))
            version = records.resolve(tx, ref)
            beside = self._benchmark(tx, version, benchmark)
            trial = running_trial(tx, version.id)
            if trial is not None:
                if benchmark is not None and beside is not None and trial.benchmark_id != beside.id:
                    raise ConflictError(
                        f"the trial of {version.ref} runs against {trial.benchmark or 'nothing'}, "
                        f"not {beside.version}; stop it before you start another"
                    )
                return trial
            if version.stage is not Stage.STAGING:  # there by hand: only the trial is missing
                check_transition(version.stage, Stage.STAGING)
            moment = moment or database_time(tx)
            start_trial(
                tx, version, benchmark_id=None if beside is None else beside.id, by=by, at=moment
            )
            if version.stage is not Stage.STAGING:
                move(tx, version, Stage.STAGING, by=by, reason="shadow testing", at=moment)
            append_entry(
                tx,
                actor=by,
                action="shadow.started",
                model=version.name,
                version_id=version.id,
                details={"at": moment, "benchmark": None if beside is None else beside.id},
            )
            started = running_trial(tx, version.id)
            assert started is not None  # written above, in this transaction
            return started

    def stop_shadow_testing(
        self, ref: AnyRef, *, by: str, reason: str, at: datetime | None = None
    ) -> ModelVersion:
        """End the trial: the version is validated again. One that was stopped is given as it is.

        Raises:
            IllegalTransitionError: it is in no trial.
        """
        check_person(by, what="by")
        check_reason(reason)
        moment = None if at is None else as_utc(at)
        with self._database.begin() as tx:
            lock_head(tx, records.resolve(tx, ref).name)
            version = records.resolve(tx, ref)
            last = latest_trial(tx, version.id)
            if version.stage is Stage.VALIDATED and last is not None and last.state == "stopped":
                return version
            check_transition(version.stage, Stage.VALIDATED)
            moment = moment or database_time(tx)
            end_trial(tx, version.id, state="stopped", by=by, at=moment, reason=reason)
            move(tx, version, Stage.VALIDATED, by=by, reason=reason, at=moment)
            append_entry(
                tx,
                actor=by,
                action="shadow.stopped",
                model=version.name,
                version_id=version.id,
                details={"at": moment, "reason": reason},
            )
            return records.resolve(tx, version.id)

    def update_shadow_metrics(
        self,
        ref: AnyRef,
        session_stats: SessionStats | Mapping[str, Any],
        *,
        session_id: str,
        at: datetime | None = None,
        by: str = "unknown",
    ) -> ShadowProgress:
        """Record one session; where the version stands then. The same again changes nothing.

        Args:
            session_stats: figures by document 000's names, see `SessionStats`.
            session_id: what the champion's session of the same data is called, too.
            at: event time of its end; database time if not given.

        Raises:
            InvalidEvidenceError: an unknown name, a figure that is not finite or out of range.
            InvalidInputError: ``at`` lies in the future.
            MetricConflictError: the session has other figures or another time; the first stay.
            ConflictError: the version was never in a trial nor in production.
        """
        stats, name = SessionStats.of(session_stats), check_session_id(session_id)
        moment = None if at is None else as_utc(at)
        check_person(by, what="by")
        with self._database.read() as connection:
            model = records.resolve(connection, ref)
        limits = self._limits_of(model.name, model.kind)  # a broken policy is heard of before
        with self._database.begin() as tx:
            version = self._locked(tx, ref)
            if moment is None:  # a replay has no time of its own either
                moment = recorded_at_of(tx, version.id, name) or database_time(tx)
            new = self._insert(tx, version, [Session(id=name, at=moment, stats=stats)], by=by)
        with self._database.read() as connection:
            now = database_time(connection)
            said = self._progress(connection, version, now, limits=limits)
        return replace(said, created=bool(new))

    def record_sessions(
        self, ref: AnyRef, sessions: Iterable[Session], *, by: str = "unknown"
    ) -> list[Session]:
        """Record up to 1,000 sessions, all or none; those that are new.

        Raises: as for `update_shadow_metrics`.
        """
        given = list(sessions)
        if not 0 < len(given) <= MAX_SESSIONS:
            raise InvalidEvidenceError(f"give 1 to {MAX_SESSIONS} sessions, not {len(given)}")
        checked = [
            Session(id=check_session_id(one.id), at=as_utc(one.at), stats=one.stats)
            for one in given
        ]
        check_person(by, what="by")
        with self._database.begin() as tx:
            given = ShadowSummary.of(checked).in_order
            return self._insert(tx, self._locked(tx, ref), given, by=by)

    def list_shadow_models(self, name: str | None = None) -> list[ShadowProgress]:
        """Every version in a trial, of one model or of all, and how far each is."""
        if name is not None:
            check_model_name(name)
        with self._database.read() as connection:
            now = database_time(connection)
            found = []
            for trial in running_trials(connection, name):
                version = records.resolve(connection, trial.version_id)
                found.append(self._progress(connection, version, now))
            return found

    def progress(self, ref: AnyRef, *, at: datetime | None = None) -> ShadowProgress:
        """Where one version stands, with the sessions that ended by ``at``; all without it."""
        moment = None if at is None else as_utc(at)
        with self._database.read() as connection:
            version = records.resolve(connection, ref)
            now = database_time(connection) if moment is None else moment
            return self._progress(connection, version, now, at=moment)

    def sessions(self, ref: AnyRef) -> list[Session]:
        """What a version recorded, in order of time."""
        with self._database.read() as connection:
            version = records.resolve(connection, ref)
            return recorded_sessions(connection, version.id).in_order

    def _benchmark(
        self, tx: Connection, version: ModelVersion, given: AnyRef | None
    ) -> ModelVersion | None:
        if given is None:
            return records.in_production(tx, version.name)
        beside = records.resolve(tx, given)
        if beside.name != version.name or beside.id == version.id:
            raise InvalidInputError(
                f"{version.ref} cannot be compared with {beside.ref}; the benchmark is another "
                "version of the same model"
            )
        return beside

    def _locked(self, tx: Connection, ref: AnyRef) -> ModelVersion:
        lock_head(tx, records.resolve(tx, ref).name)
        version = records.resolve(tx, ref)
        runs = (Stage.STAGING, Stage.PRODUCTION, Stage.RETIRED)
        if version.stage not in runs and latest_trial(tx, version.id) is None:
            raise ConflictError(
                f"{version.ref} is {version.stage} and was never in a trial; start one with "
                "start_shadow_testing (`governance shadow start`)"
            )
        return version

    @staticmethod
    def _insert(
        tx: Connection, version: ModelVersion, sessions: list[Session], *, by: str
    ) -> list[Session]:
        refuse_future(max(one.at for one in sessions), now=database_time(tx))
        new = insert_sessions(tx, version, sessions)
        if new:
            append_entry(
                tx,
                actor=by,
                action="shadow.session",
                model=version.name,
                version_id=version.id,
                details={"sessions": {one.id: one.stats.digest(one.at) for one in new}},
            )
        return new

    def _progress(
        self,
        connection: Connection,
        version: ModelVersion,
        now: datetime,
        *,
        limits: PromotionLimits | None = None,
        at: datetime | None = None,
    ) -> ShadowProgress:
        return standing(
            connection,
            version,
            declared=self._declared(version.name),
            limits=limits or self._limits_of(version.name, version.kind),
            now=now,
            at=at,
        )
