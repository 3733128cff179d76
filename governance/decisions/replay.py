"""Judge a stored decision again, from what was frozen in it alone.

Nothing is looked up: the facts and the policy in the record are given to the same pure function
that judged then, and checks, policy and facts must hash to the verdict hash of the record.
Promotions of the first release kept facts of another form; they are named as not replayable, and
what can be said of them (their texts still hash to what the record says) is said.

Neighbour: ``governance.history.cross_check`` holds the records against the audit log. Not
promised: that a later release judges as this one does; gates that change need a new format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from governance.canonical import canonical_json
from governance.decisions.asked import FORMAT
from governance.decisions.decision_queries import UnreadableDecision
from governance.decisions.record import Decision
from governance.errors import InvalidInputError, ReplayMismatchError
from governance.policy.facts import ValidationFacts
from governance.policy.promotion.decide import decide_promotion
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.rollback import RollbackFacts, decide_rollback
from governance.policy.validation import ValidationPolicy, decide_validation
from governance.policy.verdict import GateResult, Judgement, verdict_hash
from governance.values import Verdict

Frozen = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """
    Attributes:
        decision: as it is stored; or that it cannot be read, which is never the ``same``.
        verdict, checks, verdict_hash: as they come out now.
        replayable: the gates were asked again. ``reason``: why they could not be.
    """

    decision: Decision | UnreadableDecision
    verdict: Verdict
    checks: tuple[GateResult, ...]
    verdict_hash: str
    replayable: bool = True
    reason: str = ""

    @property
    def same(self) -> bool:
        """Does what comes out now equal what is stored, each check included?"""
        stored = self.decision
        if isinstance(stored, UnreadableDecision):
            return False
        if self.replayable and stored.eligible is not (self.verdict is Verdict.PASS):
            return False
        return (self.verdict_hash, self.verdict, _text(self.checks)) == (
            stored.verdict_hash,
            stored.verdict,
            _text(stored.checks),
        )

    def __bool__(self) -> bool:
        return self.same

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.decision.id,
            "operation": self.decision.operation,
            "model": self.decision.model,
            "version": self.decision.version,
            "same": self.same,
            "replayable": self.replayable,
            "reason": self.reason,
            "verdict": self.verdict,
            "verdict_hash": self.verdict_hash,
            "stored_verdict_hash": getattr(self.decision, "verdict_hash", None),
        }


def _text(checks: Iterable[GateResult]) -> str:
    return canonical_json([check.as_json() for check in checks])


def _promotion(facts: Frozen, policy: Frozen) -> Judgement:
    if policy.get("format") != FORMAT:
        raise InvalidInputError("the first release decided it and kept other facts")
    limits = PromotionLimits.from_json(policy["limits"])
    return decide_promotion(PromotionFacts.from_json(facts), limits, record=policy)


def _validation(facts: Frozen, policy: Frozen) -> Judgement:
    return decide_validation(ValidationFacts.from_json(facts), ValidationPolicy.from_json(policy))


def _rollback(facts: Frozen, _policy: Frozen) -> Judgement:
    return decide_rollback(RollbackFacts.from_json(facts))


JUDGES: Mapping[str, Callable[[Frozen, Frozen], Judgement]] = MappingProxyType(
    {
        "promotion": _promotion,
        "validation": _validation,
        "rollback": _rollback,
        "failover": _rollback,
    }
)


def replayed(decision: Decision | UnreadableDecision) -> Replay:
    """What comes out of ``decision`` now, whether or not it is the same."""
    if isinstance(decision, UnreadableDecision):
        return Replay(
            decision=decision,
            verdict=Verdict.INSUFFICIENT,
            checks=(),
            verdict_hash="",
            replayable=False,
            reason=decision.problem,
        )
    try:
        judge_again = JUDGES[decision.operation]
    except KeyError:
        return _unjudged(decision, f"nothing here judges a {decision.operation}")
    try:
        said = judge_again(decision.facts, decision.policy)
    except InvalidInputError as error:
        return _unjudged(decision, error.message)
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        return _unjudged(decision, f"its facts cannot be read: {type(error).__name__}")
    return Replay(
        decision=decision, verdict=said.verdict, checks=said.checks, verdict_hash=said.verdict_hash
    )


def replay(decision: Decision) -> Replay:
    """The same, and a refusal of what is not the same.

    Raises:
        ReplayMismatchError: the record was changed, or another release judged it.
    """
    found = replayed(decision)
    if not found.same:
        raise ReplayMismatchError(
            f"decision {decision.id} was recorded with verdict hash {decision.verdict_hash[:12]}, "
            f"and what was frozen gives {found.verdict_hash[:12]} ({found.verdict}); "
            "run `governance audit verify`, and restore the database from a backup if it fails"
        )
    return found


def _unjudged(decision: Decision, reason: str) -> Replay:
    """Only that the record still hashes to what it says."""
    return Replay(
        decision=decision,
        verdict=decision.verdict,
        checks=decision.checks,
        verdict_hash=verdict_hash(decision.checks, policy=decision.policy, facts=decision.facts),
        replayable=False,
        reason=reason,
    )
