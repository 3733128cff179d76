"""The record of a decision: what was asked, of what, what came out, who did it.

``store_decision`` writes it in the caller's transaction, beside the state change and the audit
entry. The record holds the facts and the policy themselves, so that it can be judged again later.
Neighbours: ``stored_decisions`` reads it back, ``replay`` judges it again.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.engine import Connection

from governance.history.audit import NewEntry, append_entries
from governance.policy.verdict import GateResult, Judgement
from governance.store.schema import decisions
from governance.values import ModelVersion, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``bool(decision)`` is its eligibility: whether the gates passed, not whether it was carried
    out.

    Attributes:
        id: 32 hex digits; `None` for a check that was not stored.
        operation: ``validation``, ``promotion``, ``rollback``, ``failover``.
        verdict: what the gates said together.
        forced: carried out in spite of the verdict, by a person with a reason.
        overridden: the request asked less than the policy, with an approver and a reason.
        approval_id: the answered request that it used up.
        generation: of the activation it led to; `None` where there was none.
        recorded_at: database time; `None` if not stored.
    """

    id: str | None
    operation: str
    model: str
    version_id: str
    version: str
    verdict: Verdict
    eligible: bool
    forced: bool
    checks: tuple[GateResult, ...]
    facts: Mapping[str, Any] = field(repr=False)
    policy: Mapping[str, Any] = field(repr=False)
    policy_digest: str
    verdict_hash: str
    by: str
    approved_by: str | None = None
    reason: str | None = None
    overridden: bool = False
    approval_id: str | None = None
    at: datetime
    recorded_at: datetime | None = None
    generation: int | None = None

    def __bool__(self) -> bool:
        return self.eligible

    @property
    def awaits_approval(self) -> bool:
        """Does nothing but an approval stand in the way? Then it is time to request one."""
        missing = [
            (check.gate, check.result)
            for check in self.checks
            if check.result is not Verdict.PASS and check.mode == "enforce"
        ]
        return missing == [("approval", Verdict.INSUFFICIENT)]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not, in sentences: the checks that did not pass and were enforced."""
        return tuple(
            f"{check.gate}: {check.reason}"
            for check in self.checks
            if check.result is not Verdict.PASS and check.mode == "enforce"
        )

    def as_json(self) -> dict[str, Any]:
        """What programs and faces show; without the frozen facts."""
        return {
            "id": self.id,
            "operation": self.operation,
            "model": self.model,
            "version": self.version,
            "version_id": self.version_id,
            "verdict": self.verdict,
            "eligible": self.eligible,
            "forced": self.forced,
            "overridden": self.overridden,
            "checks": [check.as_json() for check in self.checks],
            "policy_digest": self.policy_digest,
            "verdict_hash": self.verdict_hash,
            "by": self.by,
            "approved_by": self.approved_by,
            "reason": self.reason,
            "approval": self.approval_id,
            "at": self.at,
            "recorded_at": self.recorded_at,
            "generation": self.generation,
        }


def new_decision_id() -> str:
    return uuid.uuid4().hex


def judged(
    said: Judgement,
    *,
    operation: str,
    version: ModelVersion,
    facts: Mapping[str, Any],
    by: str,
    at: datetime,
    recorded_at: datetime | None,
    **further: Any,
) -> Decision:
    """The record of ``said`` about ``version``; stored ones (``recorded_at``) get an id.

    Args:
        further: ``forced``, ``approved_by``, ``reason``, ``overridden``, ``approval_id``,
            ``generation``.
    """
    return Decision(
        id=None if recorded_at is None else new_decision_id(),
        operation=operation,
        model=version.name,
        version_id=version.id,
        version=version.version,
        verdict=said.verdict,
        eligible=said.passed,
        checks=said.checks,
        facts=facts,
        policy=said.policy,
        policy_digest=said.policy_digest,
        verdict_hash=said.verdict_hash,
        by=by,
        at=at,
        recorded_at=recorded_at,
        **{"forced": False, **further},
    )


_INSERT = insert(decisions)


def store_decision(
    tx: Connection, decision: Decision, *, recorded_at: datetime, then: Sequence[NewEntry] = ()
) -> int:
    """Write the record and its audit entry; gives the entry's sequence number.

    The entry holds the verdict hash, so that the chain covers the record.

    Args:
        then: entries that follow it in the log, written with it.
    """
    decided = NewEntry(
        actor=decision.by,
        action=f"{decision.operation}.decided",
        model=decision.model,
        version_id=decision.version_id,
        details={
            "decision": decision.id,
            "version": decision.version,
            "verdict": decision.verdict,
            "eligible": decision.eligible,
            "forced": decision.forced,
            "overridden": decision.overridden,
            "approved_by": decision.approved_by,
            "approval": decision.approval_id,
            "reason": decision.reason,
            "policy_digest": decision.policy_digest,
            "verdict_hash": decision.verdict_hash,
            "at": decision.at,
        },
    )
    seq = append_entries(tx, [decided, *then])
    tx.execute(
        _INSERT,
        {
            "id": decision.id,
            "seq": seq,
            "operation": decision.operation,
            "model_name": decision.model,
            "version_id": decision.version_id,
            "verdict": decision.verdict,
            "eligible": decision.eligible,
            "forced": decision.forced,
            "checks": [check.as_json() for check in decision.checks],
            "facts": decision.facts,
            "policy": decision.policy,
            "policy_digest": decision.policy_digest,
            "verdict_hash": decision.verdict_hash,
            "decided_by": decision.by,
            "approved_by": decision.approved_by,
            "reason": decision.reason,
            "overridden": decision.overridden,
            "approval_id": decision.approval_id,
            "at": decision.at,
            "recorded_at": recorded_at,
        },
    )
    return seq
