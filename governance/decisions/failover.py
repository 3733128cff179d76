"""A champion whose bytes are corrupt or do not load: it fails, and the rollback target takes over.

Both happen in one transaction, by the same rules and the same switch as a rollback, and one
critical notice is told. Where no version may take over the model has no production version any
more, which nothing else brings about. Where nobody can say now whether one may (no probe can run),
nothing is changed: bytes that were not looked at are not judged, and failed is for ever.

Neighbours: ``health`` finds the fault and calls; ``rollback_target`` finds who takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from governance.decisions.activation import switch
from governance.decisions.record import Decision, judged
from governance.decisions.rollback_target import RollbackTargets
from governance.history.notices import Notice, record_notice
from governance.policy.facts import LoadFact
from governance.policy.rollback import decide_rollback
from governance.registry import lifecycle, records
from governance.registry.heads import lock_head
from governance.registry.lifecycle import Route
from governance.store.database import Database, database_time
from governance.values import ModelVersion, Stage

OPERATION = Route.FAILOVER.value
ACTOR = "health"
_LONGEST = 2000  # characters of a reason, as people's reasons


class Failover:
    """Call it with a champion that is broken. Built by the wiring.

    Args:
        channels: who is told; must not raise.
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
        self, version: ModelVersion, fault: LoadFact, *, at: datetime | None
    ) -> Decision | None:
        """Let another version take over from ``version``, whose ``fault`` was found.

        Returns:
            The decision, about the version that took over, or about the failed one where none did;
            ``None`` if somebody else switched meanwhile: look again.

        Raises:
            UnavailableError: it cannot be said now who may take over; nothing was changed.
        """
        choice = self._targets.automatic(version.name)
        if choice.champion is None or choice.champion.id != version.id:
            return None
        if choice.target is None and choice.unknown is not None:
            raise choice.unknown
        facts = choice.facts(code=fault.code, reason=fault.reason)
        said = decide_rollback(facts)
        channels = self._channels()
        with self._database.begin() as tx:
            head = lock_head(tx, version.name)
            if head != choice.generation:
                return None
            champion = records.resolve(tx, version.id)
            target = None
            if choice.target is not None:
                target = records.resolve(tx, choice.target.id)
                lifecycle.check_activation(target.stage, Route.FAILOVER)
            now = database_time(tx)
            decision = judged(
                said,
                operation=OPERATION,
                version=champion if target is None else target,
                facts=facts.as_json(),
                by=ACTOR,
                reason=f"{version.ref} failed: {fault.reason or fault.code}"[:_LONGEST],
                at=at or now,
                recorded_at=now,
                generation=head + 1,
            )
            switch(
                tx,
                decision,
                version=target,
                champion=champion,
                head=head,
                recorded_at=now,
                leaves_as=Stage.FAILED,
            )
            record_notice(tx, _notice(decision, champion, target), channels=channels, now=now)
        return decision


def _notice(decision: Decision, failed: ModelVersion, target: ModelVersion | None) -> Notice:
    ending = (
        "no version could take over, so nothing is in production"
        if target is None
        else f"{target.version} took over"
    )
    return Notice(
        kind="failover",
        model=decision.model,
        version=None if target is None else target.version,
        version_id=decision.version_id,
        headline=f"{failed.ref} failed in production; {ending}",
        reasons=tuple(f"{check.gate}: {check.reason}" for check in decision.checks),
        decision_id=decision.id,
        generation=decision.generation,
        by=decision.by,
        at=decision.at,
        severity="critical",
        key=f"failover:{decision.id}",
    )
