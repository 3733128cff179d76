"""Gate: further evidence that a policy names, such as an A/B test or a fairness check.

The open gate point: who gathers the facts puts a verdict under a name; a policy asks for the name.
"""

from __future__ import annotations

from governance.policy.promotion.facts import OtherEvidence, PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_other_evidence(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """``evidence.<name>`` for each name that is asked."""
    return tuple(_said(name, facts.other.get(name)) for name in limits.required_evidence)


def _said(name: str, given: OtherEvidence | None) -> GateResult:
    if given is None:
        verdict, reason = Verdict.INSUFFICIENT, f"there is no evidence {name}"
    elif given.observed is None and given.threshold is not None and given.result is Verdict.PASS:
        verdict, reason = Verdict.INSUFFICIENT, f"evidence {name} has no figure to hold its limit"
    else:
        verdict, reason = given.result, given.reason or f"evidence {name} says {given.result}"
    return GateResult(
        gate=f"evidence.{name}",
        result=verdict,
        observed=None if given is None else given.observed,
        threshold=None if given is None else given.threshold,
        reason=reason,
    )
