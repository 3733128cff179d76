"""Gate: the running trial has lasted long enough."""

from __future__ import annotations

from governance.policy.facts import finite
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_soak(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """Hours since the trial began; too few are INSUFFICIENT, since they can still pass."""
    least = limits.min_soak_hours
    if least is None:
        return ()
    hours = None if facts.shadow is None else finite(facts.shadow.soak_hours)
    if hours is None:
        verdict, reason = Verdict.INSUFFICIENT, "no trial is running; start a shadow test"
    elif hours >= least:
        verdict, reason = Verdict.PASS, f"in staging for {hours:.6g} hours, {least:g} are asked"
    else:
        verdict = Verdict.INSUFFICIENT
        reason = f"in staging for {hours:.6g} of {least:g} hours; {least - hours:.6g} more needed"
    return (
        GateResult(gate="soak", result=verdict, observed=hours, threshold=least, reason=reason),
    )
