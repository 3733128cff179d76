"""Gate: the version stands where a promotion begins. Always enforced."""

from __future__ import annotations

from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Stage, Verdict


def check_lifecycle(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """Staging passes; validated lacks its trial; from any other stage no way leads on."""
    stage = facts.stage
    if stage is Stage.STAGING:
        verdict, reason = Verdict.PASS, "it runs in staging"
    elif stage is Stage.VALIDATED:
        verdict, reason = Verdict.INSUFFICIENT, "it has not run in staging; start a shadow test"
    else:
        verdict, reason = Verdict.FAIL, f"a {stage} version cannot be promoted"
    return (
        GateResult(
            gate="lifecycle",
            result=verdict,
            observed=stage.value,
            threshold=Stage.STAGING.value,
            reason=reason,
        ),
    )
