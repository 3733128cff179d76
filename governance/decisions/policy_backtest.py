"""Another policy file tried on every promotion that was ever decided: what would it have said?

Each decision kept its facts, what the environment said and what the request asked; the proposed
file is laid under them as the file of then was, and the gates are asked again. What comes out
otherwise is a flip, with the gates that made it. Nothing is stored, and the file in force stays.

Neighbour: ``replay`` (the same facts under the same policy). Not promised: what would have
followed. A promotion that was refused would have left another champion for the next one; each
decision is judged with the champion that there was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from governance.canonical import canonical_json
from governance.config.policy_file import PolicyFile
from governance.decisions.asked import ENVIRONMENT, FORMAT
from governance.decisions.decision_queries import UnreadableDecision
from governance.decisions.record import Decision
from governance.errors import InvalidInputError
from governance.policy.promotion.decide import decide_promotion
from governance.policy.promotion.effective import effective_limits
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Kind, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A decision that would have come out otherwise.

    Attributes:
        before, after: what the gates said, and would have said.
        reasons: ``gate: reason`` of what stands in the way now, or of what stood in it before.
    """

    decision: Decision
    before: Verdict
    after: Verdict
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.decision.id,
            "model": self.decision.model,
            "version": self.decision.version,
            "at": self.decision.at,
            "forced": self.decision.forced,
            "before": self.before,
            "after": self.after,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBacktest:
    """
    Attributes:
        judged: number of decisions that were tried.
        flips: those whose eligibility changes, oldest first.
        changed: number whose verdict changes without that (fail to insufficient or back).
        not_replayable: ids of decisions that cannot be judged again, with the reason.
    """

    judged: int
    flips: tuple[Flip, ...]
    changed: int
    not_replayable: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "judged": self.judged,
            "flips": [flip.as_json() for flip in self.flips],
            "changed": self.changed,
            "not_replayable": dict(self.not_replayable),
        }


def backtest(
    policy: PolicyFile, decisions: Iterable[Decision | UnreadableDecision]
) -> PolicyBacktest:
    """Judge each promotion of ``decisions`` under ``policy``."""
    known: dict[str, PromotionLimits] = {}
    flips: list[Flip] = []
    odd: dict[str, str] = {}
    judged = changed = 0
    for decision in decisions:
        if isinstance(decision, UnreadableDecision):
            odd[decision.id] = decision.problem
            continue
        try:
            facts = _facts(decision)
            limits = _limits(policy, decision, facts.kind, known)
        except (InvalidInputError, ValidationError) as error:
            odd[decision.id or ""] = getattr(error, "message", type(error).__name__)
            continue
        except (KeyError, TypeError, AttributeError) as error:
            odd[decision.id or ""] = (
                f"its policy or facts cannot be read ({type(error).__name__}); run `governance "
                "audit verify`, and restore the database from a backup"
            )
            continue
        said = decide_promotion(facts, limits)
        judged += 1
        if said.passed != decision.eligible:
            stands = said.checks if decision.eligible else decision.checks
            flips.append(
                Flip(
                    decision=decision,
                    before=decision.verdict,
                    after=said.verdict,
                    reasons=tuple(_in_the_way(stands)),
                )
            )
        elif said.verdict is not decision.verdict:
            changed += 1
    return PolicyBacktest(judged=judged, flips=tuple(flips), changed=changed, not_replayable=odd)


def _facts(decision: Decision) -> PromotionFacts:
    if decision.policy.get("format") != FORMAT:
        raise InvalidInputError("the first release decided it and kept other facts")
    return PromotionFacts.from_json(decision.facts)


def _limits(
    policy: PolicyFile, decision: Decision, kind: Kind, known: dict[str, PromotionLimits]
) -> PromotionLimits:
    """With the layers of then over the file; equal ones are laid once."""
    environment, request = decision.policy[ENVIRONMENT], decision.policy["request"]
    key = canonical_json([decision.model, kind, environment, request])
    if key not in known:
        layers = [*policy.promotion_layers(decision.model, kind), (ENVIRONMENT, environment)]
        if request:
            layers.append(("request", request))
        known[key] = effective_limits(kind, layers, mode=policy.mode).limits
    return known[key]


def _in_the_way(checks: Iterable[GateResult]) -> Iterable[str]:
    for check in checks:
        if check.mode == "enforce" and check.result is not Verdict.PASS:
            yield f"{check.gate}: {check.reason} (threshold {check.threshold})"
