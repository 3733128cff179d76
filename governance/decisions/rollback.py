"""Back to a version that decided before: one transaction, and nothing else is needed.

Neither metrics, drift, mail, a policy file, a readable configuration nor the bytes of the version
that is left: only the database and the target's own artifact, whose digest and load verdict are
looked at before the transaction (``rollback_target``). What follows from it (files, messages) comes
later and may fail. A full disk stops a rollback where it is the disk that the database writes to,
and only there: the decision itself must be stored.

Two rollbacks, or a rollback and a promotion, that saw the same generation: one of them wins, the
other hears where the model stands now. Neighbour: ``failover`` does the same for corrupt bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from governance.canonical import sha256_of
from governance.decisions.activation import check_generation, switch
from governance.decisions.decision_queries import decided_under
from governance.decisions.idempotency import remember
from governance.decisions.record import Decision, judged
from governance.decisions.rollback_target import Choice, RollbackTargets, why_nothing
from governance.errors import (
    GovernanceError,
    InvalidInputError,
    NothingToRollBackError,
    ReasonRequiredError,
)
from governance.history.activations import generation
from governance.history.effective_time import refuse_future
from governance.history.notices import Notice, record_notice
from governance.policy.people import visible
from governance.policy.rollback import decide_rollback
from governance.registry import attachments, lifecycle, records
from governance.registry.heads import lock_head
from governance.registry.lifecycle import Route
from governance.store.database import Database, database_time
from governance.values import ModelVersion, as_utc, check_model_name

OPERATION = Route.ROLLBACK.value


class Rollback:
    """Call it to roll a model back. Built by the wiring.

    Args:
        channels: who is told; asked in time, and must not raise.
    """

    def __init__(
        self,
        database: Database,
        targets: RollbackTargets,
        *,
        channels: Callable[[], Sequence[str]],
    ) -> None:
        self._database = database
        self._targets = targets
        self._channels = channels

    def __call__(
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
        """Put an earlier version back into production; the one there now is retired.

        Args:
            to_version: its number (``1.2.0``), id or reference; by itself the latest earlier one
                that was not forced, has not failed, was not rolled back from, and loads.
            by, reason: who and why; both are recorded.
            at: effective time of the activation; database time if not given.
            idempotency_key: the same key with the same arguments gives the same decision.
            expected_generation: ``gov.registry.generation(name)`` as the caller last saw it; by
                itself the one at which this call begins.

        Raises:
            NothingToRollBackError: no version may take over by itself; says why not.
            IllegalTransitionError: the named version is not retired or was never in production.
            ArtifactIntegrityError, ArtifactUnloadableError, UnsafeFormatError: its bytes.
            UnavailableError: nothing can be said of any candidate's bytes now.
            StaleGenerationError: another activation came first. In all cases nothing was changed.
        """
        name = check_model_name(name)
        attachments.check_person(by, what="by")
        if not visible(attachments.check_text(reason, what="reason", limit=2000)):
            raise ReasonRequiredError("a rollback needs a reason; say what is wrong")
        if expected_generation is not None and type(expected_generation) is not int:
            raise InvalidInputError(
                "expected_generation is a whole number, see registry.generation"
            )
        effective = None if at is None else as_utc(at)
        wanted = to_version.id if isinstance(to_version, ModelVersion) else to_version
        fingerprint = sha256_of(
            {
                "name": name,
                "to_version": wanted,
                "by": by,
                "reason": reason,
                "at": effective,
                "expected_generation": expected_generation,
            }
        )
        with self._database.read() as connection:
            if (
                earlier := decided_under(connection, idempotency_key, OPERATION, fingerprint)
            ) is not None:
                return earlier
            refuse_future(effective, now=database_time(connection))
            seen = generation(connection, name)
            check_generation(connection, name, seen, expected_generation)
        try:
            target, choice = self._choose(name, to_version)
        except GovernanceError:  # perhaps because somebody was quicker, with this very key even
            with self._database.read() as connection:
                found = decided_under(connection, idempotency_key, OPERATION, fingerprint)
                if found is not None:
                    return found
                check_generation(connection, name, generation(connection, name), seen)
            raise
        facts = choice.facts()
        said = decide_rollback(facts)
        channels = self._channels()
        with self._database.begin() as tx:
            head = lock_head(tx, name)
            if (earlier := decided_under(tx, idempotency_key, OPERATION, fingerprint)) is not None:
                return earlier
            # Not the generation of the choice: somebody may have switched before it was made.
            check_generation(tx, name, head, seen)
            target = records.resolve(tx, target.id)
            lifecycle.check_activation(target.stage, Route.ROLLBACK)
            now = database_time(tx)
            decision = judged(
                said,
                operation=OPERATION,
                version=target,
                facts=facts.as_json(),
                by=by,
                reason=reason,
                at=effective or now,
                recorded_at=now,
                generation=head + 1,
            )
            switch(
                tx,
                decision,
                version=target,
                champion=records.in_production(tx, name),
                head=head,
                recorded_at=now,
            )
            record_notice(
                tx,
                _notice(decision, None if choice.champion is None else choice.champion.version),
                channels=channels,
                now=now,
            )
            if idempotency_key is not None:
                remember(
                    tx,
                    idempotency_key,
                    OPERATION,
                    fingerprint,
                    {"decision": decision.id, "generation": decision.generation},
                    at=now,
                )
        return decision

    def _choose(self, name: str, wanted: ModelVersion | str | None) -> tuple[ModelVersion, Choice]:
        """The target and how it was found, or why there is none."""
        choice = (
            self._targets.automatic(name) if wanted is None else self._targets.named(name, wanted)
        )
        if choice.target is not None:
            return choice.target, choice
        raise choice.unknown or NothingToRollBackError(why_nothing(name, choice))


def _notice(decision: Decision, left: str | None) -> Notice:
    return Notice(
        kind="rollback",
        model=decision.model,
        version=decision.version,
        version_id=decision.version_id,
        headline=(
            f"{decision.model} was rolled back from {left or 'no version'} to {decision.version}"
        ),
        decision_id=decision.id,
        generation=decision.generation,
        by=decision.by,
        at=decision.at,
        severity="warning",
        key=f"rollback:{decision.id}",
    )
