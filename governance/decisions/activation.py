"""The switch: one version enters production, the one before leaves it, in the caller's transaction.

Promotion, force, rollback and failover all come through here, so that a change of the production
version means the same rows every time: both stage changes, the decision with its audit entry, the
activation with the next generation. The caller holds the model's head (``lock_head``) and has asked
whether the step is legal (``registry.lifecycle``) and earned (``policy``).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from governance.decisions.record import Decision, store_decision
from governance.errors import StaleGenerationError
from governance.history.activations import activate
from governance.registry import records
from governance.registry.transitions import set_stage
from governance.values import ModelVersion, Stage


def switch(
    tx: Connection,
    decision: Decision,
    *,
    version: ModelVersion | None,
    champion: ModelVersion | None,
    head: int,
    recorded_at: datetime,
    leaves_as: Stage = Stage.RETIRED,
) -> None:
    """Carry out ``decision``: ``version`` decides from now on, ``champion`` no more.

    Args:
        version: ``None`` after a failover without a target: nothing is live.
        head: the generation that was read under the lock; the new one is ``head + 1``.
        leaves_as: what becomes of the champion; ``FAILED`` when it is corrupt.

    Raises:
        StaleGenerationError, ConflictError: somebody else was first; nothing changed.
    """
    if version is None and champion is None:
        raise ValueError("nothing enters and nothing leaves production: that is no switch")
    moved = []
    if champion is not None:
        successor = "no version" if version is None else version.ref
        moved.append(
            set_stage(
                tx,
                champion,
                leaves_as,
                by=decision.by,
                reason=f"replaced by {successor}"
                if leaves_as is Stage.RETIRED
                else decision.reason or "failed in production",
                at=decision.at,
                # Where nothing takes over, this entry is the one that speaks of the activation.
                details={"decision": decision.id}
                if version is not None
                else {
                    "decision": decision.id,
                    "generation": head + 1,
                    "forced": decision.forced,
                    "live": None,
                },
            )
        )
    if version is not None:
        moved.append(
            set_stage(
                tx,
                version,
                Stage.PRODUCTION,
                by=decision.by,
                reason=decision.reason,
                at=decision.at,
                details={
                    "decision": decision.id,
                    "generation": head + 1,
                    "forced": decision.forced,
                },
            )
        )
    store_decision(tx, decision, recorded_at=recorded_at, then=moved)
    activate(
        tx,
        model=decision.model,
        version_id=None if version is None else version.id,
        decision_id=decision.id,
        operation=decision.operation,
        forced=decision.forced,
        effective_at=decision.at,
        recorded_at=recorded_at,
        expected_generation=head,
    )


def check_generation(connection: Connection, name: str, now: int, expected: int | None) -> None:
    """Refuse a caller who saw another generation than ``now``; ``None`` expects nothing.

    Raises:
        StaleGenerationError: with the generation and version that stand now.
    """
    if expected is None or expected == now:
        return
    champion = records.in_production(connection, name)
    number = None if champion is None else champion.version
    raise StaleGenerationError(
        f"{name!r} is at generation {now} (production: {number or 'nothing'}), not {expected}; "
        "look at what changed and decide again",
        generation=now,
        version=number,
    )
