"""`gov.promotion`: which version decides. One transaction holds everything that a change of it
means.

The model's head row is locked first and its generation compared. Then, together or not at all: the
previous champion retired, the version in production, the decision, the activation, the audit
entries, the answer for the idempotency key. The database itself refuses a second production
version.

Integrity is never skipped: the artifact's bytes are compared with their digest before the
transaction, and bytes of which a probe has said that they do not load are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from governance.canonical import sha256_of
from governance.decisions.activation import switch
from governance.decisions.idempotency import remember, replay_of
from governance.decisions.record import (
    Decision,
    activation_history,
    find_decision,
    judged,
    store_decision,
)
from governance.decisions.rollback import Rollback
from governance.errors import (
    GateFailedError,
    IntegrityError,
    InvalidInputError,
    ReasonRequiredError,
    StaleGenerationError,
)
from governance.policy.facts import LoadFact
from governance.policy.promotion.first_release import PromotionFacts, decide_promotion
from governance.policy.verdict import Judgement
from governance.registry import attachments, lifecycle, records
from governance.registry.heads import lock_head
from governance.registry.load_verdicts import stored_verdict
from governance.store.database import Database, database_time
from governance.values import ModelVersion, Ref, Stage, as_utc

OPERATION = "promotion"


class ModelPromotion:
    """Promotes versions. Built by ``Governance.open``.

    Not here yet: gates on shadow, drift and experiment evidence, approval and replay.
    Until evidence of these kinds can be recorded, a promotion without force is refused as
    INSUFFICIENT.
    """

    def __init__(
        self,
        database: Database,
        check_integrity: Callable[[ModelVersion], None],
        *,
        rollback: Rollback,
    ) -> None:
        self._database = database
        self._check_integrity = check_integrity
        self._rollback = rollback

    def promote_to_production(
        self,
        ref: ModelVersion | str,
        *,
        by: str,
        approved_by: str | None = None,
        force: bool = False,
        reason: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        expected_generation: int | None = None,
        at: datetime | None = None,
    ) -> Decision:
        """Put a version into production and retire the one before.

        Args:
            by, approved_by: people; recorded as given (faces establish who they are).
            force: skip the gates, never integrity or the lifecycle; needs `reason`.
            overrides: of policy values; refused as long as no policy file can be loosened.
            idempotency_key: the same key with the same arguments gives the same decision.
            expected_generation: ``gov.registry.generation(name)`` as the caller last saw it.
            at: effective time of the activation; database time if not given.

        Raises:
            ReasonRequiredError: forced without a reason.
            IllegalTransitionError: from this stage there is no way into production.
            ArtifactIntegrityError: the bytes are not the registered ones; nothing changed.
            ArtifactUnloadableError: a probe has said that the bytes do not load; nothing changed.
            GateFailedError: refused; ``decision`` is the stored record.
            StaleGenerationError: another activation came first; ``generation`` is the current one.
        """
        attachments.check_person(by, what="by")
        if approved_by is not None:
            attachments.check_person(approved_by, what="approved_by")
        if reason is not None:
            attachments.check_text(reason, what="reason", limit=2000)
        if force and not (reason or "").strip():
            raise ReasonRequiredError("a forced promotion needs a reason; say why it cannot wait")
        if expected_generation is not None and (
            isinstance(expected_generation, bool) or not isinstance(expected_generation, int)
        ):
            raise InvalidInputError(
                "expected_generation is a whole number, see registry.generation"
            )
        if overrides:
            raise InvalidInputError(
                "overrides are not taken yet: there is no promotion policy to override; "
                "leave them out"
            )
        effective = None if at is None else as_utc(at)
        with self._database.read() as connection:
            # "momentum@validated" means nothing any more once that version is in production, so
            # such a reference counts as it is written; every other one as the version it means.
            by_stage = Ref.parse(ref).stage is not None
            version = None if by_stage else records.resolve(connection, ref)
            fingerprint = sha256_of(
                {
                    "ref": str(ref) if version is None else version.id,
                    "by": by,
                    "approved_by": approved_by,
                    "force": force,
                    "reason": reason,
                    "expected_generation": expected_generation,
                    "at": effective,
                }
            )
            if (earlier := self._earlier(connection, idempotency_key, fingerprint)) is not None:
                return earlier
            version = version or records.resolve(connection, ref)
            route = lifecycle.Route.FORCE if force else lifecycle.Route.PROMOTION
            if force or version.stage not in (Stage.VALIDATED, Stage.STAGING):
                lifecycle.check_activation(version.stage, route)
            probed = stored_verdict(connection, version.digest)
        load = None
        if probed is not None:
            probed.require_loadable()
            load = LoadFact(loadable=True, code=probed.code, reason=probed.reason)
        self._check_integrity(version)
        facts = PromotionFacts(stage=version.stage, digest=version.digest, intact=True, load=load)
        said = decide_promotion(facts)
        with self._database.begin() as tx:
            head = lock_head(tx, version.name)
            if (earlier := self._earlier(tx, idempotency_key, fingerprint)) is not None:
                return earlier
            champion = records.in_production(tx, version.name)
            self._check_generation(version.name, head, expected_generation, champion)
            now = database_time(tx)
            carried_out = force or said.passed
            decision = judged(
                Judgement(
                    said.verdict, said.checks, said.policy, said.policy_digest, said.verdict_hash
                ),
                operation=OPERATION,
                version=version,
                facts=facts.as_json(),
                forced=force,
                by=by,
                approved_by=approved_by,
                reason=reason,
                at=effective or now,
                recorded_at=now,
                generation=head + 1 if carried_out else None,
            )
            if carried_out:
                switch(tx, decision, version=version, champion=champion, head=head, recorded_at=now)
            else:
                store_decision(tx, decision, recorded_at=now)
            if idempotency_key is not None:
                remember(
                    tx,
                    idempotency_key,
                    OPERATION,
                    fingerprint,
                    {"decision": decision.id, "generation": decision.generation},
                    at=now,
                )
        return _or_refused(decision)

    def rollback_model(
        self,
        name: str,
        *,
        to_version: ModelVersion | str | None = None,
        by: str,
        reason: str,
        at: datetime | None = None,
        idempotency_key: str | None = None,
        expected_generation: int | None = None,
    ) -> Decision:
        """Put an earlier version back; see ``governance.decisions.rollback``.

        Raises:
            NothingToRollBackError, StaleGenerationError; and what is said of the target's bytes.
        """
        return self._rollback(
            name,
            to_version=to_version,
            by=by,
            reason=reason,
            at=at,
            idempotency_key=idempotency_key,
            expected_generation=expected_generation,
        )

    def history(self, name: str) -> list[dict[str, Any]]:
        """Every activation of a model, oldest first: what was live from when on, who, why."""
        with self._database.read() as connection:
            return activation_history(connection, name)

    def _earlier(
        self, connection: Connection, key: str | None, fingerprint: str
    ) -> Decision | None:
        """The decision that this key stands for already."""
        if key is None:
            return None
        answer = replay_of(connection, key, OPERATION, fingerprint)
        return None if answer is None else _or_refused(self._stored(connection, answer))

    def _stored(self, connection: Connection, answer: dict[str, Any]) -> Decision:
        found = find_decision(connection, answer["decision"])
        if found is None:
            raise IntegrityError(
                f"decision {answer['decision']} was answered and is missing from the database; "
                "restore the database from a backup"
            )
        return found

    @staticmethod
    def _check_generation(
        name: str, head: int, expected: int | None, champion: ModelVersion | None
    ) -> None:
        if expected is not None and expected != head:
            number = None if champion is None else champion.version
            raise StaleGenerationError(
                f"{name!r} is at generation {head} (production: {number}), not {expected}; "
                "look at what changed and decide again",
                generation=head,
                version=number,
            )


def _or_refused(decision: Decision) -> Decision:
    if decision.eligible or decision.forced:
        return decision
    raise GateFailedError(
        f"{decision.model}:{decision.version} was not promoted ({decision.verdict}): "
        f"{'; '.join(decision.reasons)}. Collect the evidence, or force it with a reason",
        decision=decision,
    )
