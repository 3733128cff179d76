"""Gate: the candidate sees the features that the champion sees, unless a change is allowed."""

from __future__ import annotations

from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.promotion.no_champion import without_champion
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_feature_version(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """Asked where ``allow_feature_version_change`` is false; ``True`` asks nothing."""
    if limits.allow_feature_version_change is not False:
        return ()
    if facts.champion is None:
        return (without_champion("feature_version", ever_active=facts.ever_active),)
    mine, theirs = facts.candidate.feature_version, facts.champion.feature_version
    if not mine or not theirs:
        whose = "the champion" if mine else "the candidate"
        verdict, reason = Verdict.INSUFFICIENT, f"{whose} has no feature version"
    elif mine == theirs:
        verdict, reason = Verdict.PASS, "the feature version is the champion's"
    else:
        verdict = Verdict.FAIL
        reason = "the feature version changed; check what feeds the model, then allow the change"
    return (
        GateResult(
            gate="feature_version",
            result=verdict,
            observed=mine[:64] if mine else None,
            threshold=theirs[:64] if theirs else None,
            reason=reason,
        ),
    )
