"""Gate: the bytes on disk are the bytes that were registered. Always enforced."""

from __future__ import annotations

from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_integrity(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """Never looked at: INSUFFICIENT; other bytes: FAIL. ``limits`` cannot lift it."""
    digest = facts.candidate.digest[:12]
    if facts.intact is None:
        verdict, observed, reason = Verdict.INSUFFICIENT, None, "the bytes were not compared"
    elif facts.intact is True:
        verdict, observed, reason = Verdict.PASS, digest, "the bytes are the registered ones"
    else:
        verdict, observed = Verdict.FAIL, "other bytes"
        reason = "the bytes are not the registered ones; restore the artifact"
    return (
        GateResult(
            gate="integrity", result=verdict, observed=observed, threshold=digest, reason=reason
        ),
    )
