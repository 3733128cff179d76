"""``gov.approvals``: a person is asked before a version decides, and answers once.

A request is bound to the bytes, to what the policy asks, and to the generation of the model: when
one of them has moved, the answer is about something else and promotes nothing. It is answered once,
by somebody who may, with a comment, before its deadline; and it is used once, in the transaction of
the promotion. While a person is waited for, nothing is blocked.

Deadlines are people's time: they count in the database's clock, so that no back-dated promotion
brings an old answer back. Neighbours: ``promoting`` uses approvals up; who may approve is the
gate's rule (``governance.policy.gates.approval``). Roles are checked at the faces.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import insert, update

from governance.canonical import sha256_of
from governance.decisions.approval_records import (
    Approval,
    find,
    list_approvals,
    refuse_late,
    require_may_force,
)
from governance.decisions.asked import (
    Asked,
    ask,
    check_approver,
    check_force_approver,
    request_of,
)
from governance.decisions.facts import FactsOf
from governance.decisions.idempotency import remember, replay_of
from governance.decisions.policy_in_force import PolicyInForce, holds_several
from governance.errors import (
    ApprovalNotUsableError,
    InvalidInputError,
)
from governance.history.audit import append_entry
from governance.history.effective_time import refuse_future
from governance.history.notices import Notice, record_notice
from governance.policy.promotion.criteria import PromotionCriteria
from governance.policy.promotion.effective import Effective
from governance.policy.promotion.facts import ApprovalFacts, PromotionFacts, VersionFacts
from governance.registry import attachments, lifecycle, records
from governance.registry.heads import lock_head
from governance.registry.lifecycle import Route
from governance.store.database import Database, database_time
from governance.store.promotion_tables import approvals
from governance.values import ModelVersion, Stage, as_utc, iso

PURPOSES = ("promotion", "force")
OPERATION = "approval"

_row = approvals.c


class Approvals:
    """
    Args:
        channels: who is told that somebody is waited for.
    """

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

    def request(
        self,
        ref: ModelVersion | str,
        *,
        by: str,
        purpose: str = "promotion",
        idempotency_key: str,
        overrides: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> Approval:
        """Ask for an approval of what the version, the policy and production are now.

        Args:
            purpose: ``promotion``, or ``force`` for one that skips the gates.
            idempotency_key: the same key with the same arguments gives the same request.
            overrides: of the policy, as they will be given to the promotion.
            at: when it was asked; the deadline counts from here. Database time if not given.

        Raises:
            IllegalTransitionError: from this stage no promotion leads on.
        """
        attachments.check_person(by, what="by")
        if purpose not in PURPOSES:
            raise InvalidInputError(f"purpose is one of {', '.join(PURPOSES)}, not {purpose!r:.40}")
        asked_at = None if at is None else as_utc(at)
        with self._database.read() as connection:
            version = records.resolve(connection, ref)
        fingerprint = sha256_of([version.id, by, purpose, request_of(overrides), asked_at])
        asked = asked_of(self._policy, version, overrides)
        channels = self._channels()
        with self._database.begin() as tx:
            head = lock_head(tx, version.name)
            earlier = replay_of(tx, idempotency_key, f"{OPERATION}.request", fingerprint)
            if earlier is not None:
                return find(tx, earlier["approval"])
            stage = records.resolve(tx, version.id).stage
            if stage not in (Stage.VALIDATED, Stage.STAGING):
                lifecycle.check_activation(stage, _ROUTES[purpose])
            now = database_time(tx)
            refuse_future(asked_at, now=now)
            approval_id = uuid.uuid4().hex
            expires = (asked_at or now) + timedelta(hours=asked.limits.approval_hours)
            tx.execute(
                insert(approvals).values(
                    id=approval_id,
                    model_name=version.name,
                    version_id=version.id,
                    purpose=purpose,
                    digest=version.digest,
                    policy_digest=asked.digest,
                    generation=head,
                    state="pending",
                    requested_by=by,
                    requested_at=asked_at or now,
                    expires_at=expires,
                )
            )
            append_entry(
                tx,
                actor=by,
                action="approval.requested",
                model=version.name,
                version_id=version.id,
                details={
                    "approval": approval_id,
                    "purpose": purpose,
                    "digest": version.digest,
                    "policy_digest": asked.digest,
                    "generation": head,
                    "expires_at": expires,
                },
            )
            record_notice(
                tx,
                Notice(
                    kind="approval",
                    model=version.name,
                    version=version.version,
                    version_id=version.id,
                    headline=f"{by} asks to approve the {purpose} of {version.ref}",
                    reasons=(f"the request expires at {iso(expires)}",),
                    by=by,
                    at=asked_at or now,
                    key=f"approval:{approval_id}",
                ),
                channels=channels,
                now=now,
            )
            remember(
                tx,
                idempotency_key,
                f"{OPERATION}.request",
                fingerprint,
                {"approval": approval_id},
                at=now,
            )
            return find(tx, approval_id)

    def answer(
        self,
        approval_id: str,
        *,
        approve: bool,
        by: str,
        comment: str,
        at: datetime | None = None,
    ) -> Approval:
        """Approve or reject, once. The same answer by the same person again changes nothing.

        Raises:
            ApprovalNotUsableError: answered already, or too late.
            ApproverNotAllowedError: ``by`` may not approve this; rejecting is everybody's.
        """
        attachments.check_person(by, what="by")
        attachments.check_reason(comment, what="comment")
        if not isinstance(approve, bool):
            raise InvalidInputError("approve is True or False")
        given_at = None if at is None else as_utc(at)
        with self._database.read() as connection:
            waiting = find(connection, approval_id)
            version = records.resolve(connection, waiting.version_id)
        if approve:
            self._check_person(version, waiting, by)
        with self._database.begin() as tx:
            lock_head(tx, waiting.model)
            now = database_time(tx)
            refuse_future(given_at, now=now)
            found = find(tx, approval_id)
            state = "approved" if approve else "rejected"
            if found.state != "pending":
                if (found.state, found.answered_by, found.comment) == (state, by, comment):
                    return found
                raise ApprovalNotUsableError(
                    f"{found.answered_by} has answered this request ({found.state}); "
                    "ask for another approval"
                )
            refuse_late(found, max(now, given_at or now))
            tx.execute(
                update(approvals)
                .where(_row.id == approval_id, _row.state == "pending")
                .values(state=state, answered_by=by, answered_at=given_at or now, comment=comment)
            )
            append_entry(
                tx,
                actor=by,
                action="approval.answered",
                model=found.model,
                version_id=found.version_id,
                details={"approval": approval_id, "answer": state, "comment": comment},
            )
            return find(tx, approval_id)

    def get(self, approval_id: str) -> Approval:
        """The request with this id, as it stands now."""
        with self._database.read() as connection:
            return find(connection, approval_id)

    def list(
        self, model: str | None = None, state: str | None = None, *, limit: int = 100
    ) -> Sequence[Approval]:
        """Requests, the newest first."""
        with self._database.read() as connection:
            return list_approvals(connection, model=model, state=state, limit=limit)

    def _check_person(self, version: ModelVersion, waiting: Approval, by: str) -> None:
        facts = PromotionFacts(
            at=iso(waiting.requested_at),
            kind=version.kind,
            stage=version.stage,
            candidate=VersionFacts(
                version_id=version.id,
                version=version.version,
                digest=version.digest,
                created_by=version.created_by,
            ),
            approval=ApprovalFacts(approved_by=by, bound=True),
            owner=self._facts.owner(version),
        )
        limits = self._policy.promotion(version.name, version.kind).limits
        if waiting.purpose == "force":
            require_may_force(by, self._policy.may_force)
            check_force_approver(facts, limits)
        else:
            check_approver(facts, limits)


_ROUTES = {"promotion": Route.PROMOTION, "force": Route.FORCE}


@lru_cache(maxsize=256)
def _asked_by_policy(in_force: Effective) -> Asked:
    return ask(in_force, in_force.limits)


def asked_of(
    policy: PolicyInForce,
    version: ModelVersion,
    overrides: Mapping[str, Any] | None,
    *,
    criteria: PromotionCriteria | Mapping[str, Any] | None = None,
) -> Asked:
    """What the policy in force and a request ask of ``version`` now."""
    bundle = holds_several(version)
    in_force = policy.promotion(version.name, version.kind, bundle=bundle)
    request = request_of(overrides)
    if not request and criteria is None:
        return _asked_by_policy(in_force)
    effective = in_force
    if request:
        effective = policy.promotion(version.name, version.kind, request, bundle=bundle)
    return ask(effective, in_force.limits, request=request, criteria=criteria)
