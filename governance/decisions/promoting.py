"""One promotion: what it is asked with, and the transaction that carries it out or refuses it.

Outside of the transaction stand the policy file and the artifact's bytes, since both may take long.
Inside, under the lock of the model's head and after its generation was compared, everything that
the database knows is looked at again, judged and written: the evidence, the champion and the stage
are those of the moment of the decision, whatever happened while the bytes were hashed. A caller who
names no generation expects the one at which the call began.

Force skips gates, and nothing else: integrity, bytes that are known not to load, the lifecycle and
the reason are asked of it as of every promotion, and what the gates said is recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from governance.decisions.activation import check_generation, switch
from governance.decisions.approval_records import usable, use_up
from governance.decisions.approvals import asked_of
from governance.decisions.asked import Asked, check_force_approver
from governance.decisions.decision_queries import decided_under
from governance.decisions.facts import FactsOf, Outside, load_fact
from governance.decisions.idempotency import remember
from governance.decisions.policy_in_force import PolicyInForce
from governance.decisions.record import Decision, judged, store_decision
from governance.decisions.refused_bytes import record_refused_bytes
from governance.decisions.wish import Wish
from governance.errors import (
    ArtifactUnloadableError,
    ConflictError,
    GateFailedError,
    GovernanceError,
    IntegrityError,
    InvalidInputError,
)
from governance.evidence.shadow.runs import end_trial
from governance.history.activations import generation
from governance.history.effective_time import refuse_future
from governance.history.notices import Notice, record_notice
from governance.policy.facts import LoadFact
from governance.policy.promotion.facts import ApprovalFacts
from governance.registry import lifecycle, records
from governance.registry.heads import lock_head
from governance.store.database import Database, database_time
from governance.values import ModelVersion, Ref, Stage

_log = logging.getLogger(__name__)
OPERATION = "promotion"


class Promoting:
    """Call it with a wish. Built by the wiring."""

    def __init__(
        self,
        database: Database,
        policy: PolicyInForce,
        facts: FactsOf,
        *,
        channels: Callable[[], Sequence[str]],
    ) -> None:
        self._database = database
        self._policy = policy
        self._facts = facts
        self._channels = channels

    def __call__(self, wish: Wish) -> Decision:
        """Carry the wish out, or store why not and raise. See ``promote_to_production``."""
        with self._database.read() as connection:
            # "momentum@validated" means nothing any more once that version is in production, so
            # such a reference counts as it is written; every other one as the version it means.
            by_stage = Ref.parse(wish.ref).stage is not None
            version = None if by_stage else records.resolve(connection, wish.ref)
            fingerprint = wish.fingerprint(version)
            if (earlier := _earlier(connection, wish.idempotency_key, fingerprint)) is not None:
                return earlier
            version = version or records.resolve(connection, wish.ref)
            began_at = generation(connection, version.name)
            if wish.expected_generation is None:
                expected = began_at
            else:
                expected = wish.expected_generation
                check_generation(connection, version.name, began_at, expected)
            if wish.force or version.stage not in (Stage.VALIDATED, Stage.STAGING):
                route = lifecycle.Route.FORCE if wish.force else lifecycle.Route.PROMOTION
                lifecycle.check_activation(version.stage, route)
            load = load_fact(connection, version)
            _require_loadable(version, load)
        if load is None and not wish.force:  # force waits for nothing
            self._facts.probe(version)
        asked = asked_of(self._policy, version, wish.overrides)
        outside = self._facts.look_outside(version)
        if outside.problem is not None:
            self._tell_of_bytes(wish, version, outside.problem)
            raise outside.problem
        channels = self._channels()
        with self._database.begin() as tx:
            head = lock_head(tx, version.name)
            if (earlier := _earlier(tx, wish.idempotency_key, fingerprint)) is not None:
                return earlier
            check_generation(tx, version.name, head, expected)
            decision = self._decided(tx, wish, version, asked, outside, head, channels)
            if wish.idempotency_key is not None:
                remember(
                    tx,
                    wish.idempotency_key,
                    OPERATION,
                    fingerprint,
                    {"decision": decision.id, "generation": decision.generation},
                    at=decision.recorded_at or decision.at,
                )
        return _or_refused(decision)

    def _tell_of_bytes(self, wish: Wish, version: ModelVersion, problem: GovernanceError) -> None:
        """On record that bytes were refused; never instead of the refusal itself."""
        if not isinstance(problem, IntegrityError):
            return  # a share that is away says nothing of the bytes
        try:
            channels = self._channels()
            with self._database.begin() as tx:
                record_refused_bytes(tx, version, problem, by=wish.by, channels=channels)
        except GovernanceError as error:
            _log.warning("refused bytes were not recorded: %s", error.message)

    def _decided(
        self,
        tx: Connection,
        wish: Wish,
        seen: ModelVersion,
        asked: Asked,
        outside: Outside,
        head: int,
        channels: Sequence[str],
    ) -> Decision:
        """Look, judge and write, all under the lock."""
        version, champion = records.beside_production(tx, seen.id, seen.name)
        if version is None or version.stage is not seen.stage:
            stage = "gone" if version is None else version.stage
            raise ConflictError(
                f"{seen.ref} was moved by somebody else meanwhile ({seen.stage} -> {stage}); look "
                "again and repeat the call"
            )
        now = database_time(tx)
        refuse_future(wish.at, now=now)
        approval = self._approval(tx, wish, version, asked, head, now)
        facts = self._facts(
            tx, version, champion, at=wish.at or now, outside=outside, approval=approval
        )
        _require_loadable(version, facts.load)
        asked.check_loosening(facts, reason=wish.reason)
        if wish.force:
            check_force_approver(facts, asked.in_force)
        said = asked.judge(facts)
        carried_out = wish.force or said.passed
        decision = judged(
            said,
            operation=OPERATION,
            version=version,
            facts=facts.as_json(),
            forced=wish.force,
            overridden=bool(asked.loosened),
            by=wish.by,
            approved_by=approval.approved_by,
            approval_id=wish.approval_id,
            reason=wish.reason,
            at=wish.at or now,
            recorded_at=now,
            generation=head + 1 if carried_out else None,
        )
        if not carried_out:
            store_decision(tx, decision, recorded_at=now)
            return decision
        switch(tx, decision, version=version, champion=champion, head=head, recorded_at=now)
        end_trial(
            tx,
            version.id,
            state="promoted",
            by=wish.by,
            at=decision.at,
            reason=f"decision {decision.id}",
        )
        if wish.approval_id is not None and decision.id is not None:
            use_up(tx, wish.approval_id, decision_id=decision.id)
        record_notice(
            tx,
            _notice(decision, champion),
            channels=channels,
            now=now,
            decided=decision.as_json(),
        )
        return decision

    def _approval(
        self,
        tx: Connection,
        wish: Wish,
        version: ModelVersion,
        asked: Asked,
        head: int,
        now: datetime,
    ) -> ApprovalFacts:
        if wish.approval_id is None:
            return ApprovalFacts(approved_by=wish.approved_by)
        found = usable(
            tx,
            wish.approval_id,
            version=version,
            policy_digest=asked.digest,
            generation=head,
            purpose=wish.purpose,
            may_force=self._policy.may_force,
            now=now,
        )
        if wish.approved_by not in (None, found.answered_by):
            raise InvalidInputError(
                f"{found.answered_by} gave this approval, not {wish.approved_by}; leave "
                "approved_by out"
            )
        return ApprovalFacts(approved_by=found.answered_by, bound=True)


def _require_loadable(version: ModelVersion, load: LoadFact | None) -> None:
    """Bytes of which a probe said that they do not load go nowhere, by force neither."""
    if load is not None and load.loadable is not True:
        raise ArtifactUnloadableError(
            f"{version.ref} does not load ({load.code}): {load.reason}; register a version that "
            "does"
        )


def _earlier(connection: Connection, key: str | None, fingerprint: str) -> Decision | None:
    """The decision that this key stands for already."""
    found = decided_under(connection, key, OPERATION, fingerprint)
    return None if found is None else _or_refused(found)


def _or_refused(decision: Decision) -> Decision:
    if decision.eligible or decision.forced:
        return decision
    remedy = (
        "request an approval"
        if decision.awaits_approval
        else "collect the evidence, or force it with a reason"
    )
    raise GateFailedError(
        f"{decision.model}:{decision.version} was not promoted ({decision.verdict}): "
        f"{'; '.join(decision.reasons)}. Next: {remedy}; `governance decision show {decision.id}`",
        decision=decision,
    )


def _notice(decision: Decision, champion: ModelVersion | None) -> Notice:
    how = "was forced into production" if decision.forced else "is in production"
    before = "no version was" if champion is None else f"{champion.version} was"
    return Notice(
        kind="force" if decision.forced else "promotion",
        model=decision.model,
        version=decision.version,
        version_id=decision.version_id,
        headline=f"{decision.model}:{decision.version} {how}; {before} before",
        reasons=decision.reasons,
        decision_id=decision.id,
        generation=decision.generation,
        by=decision.by,
        at=decision.at,
        severity="warning" if decision.forced or decision.overridden else "info",
        key=f"{OPERATION}:{decision.id}",
    )
