"""Gate: somebody else than who made the version approved it. Always enforced.

Asked where the policy requires an approval, and of every approval that is named although none is
required: a record never says "approved" of what its creator waved through. However that name is
spelled (``same_person``); a name on the policy's list counts as it is written there.
"""

from __future__ import annotations

from governance.policy.people import same_person, visible
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_approval(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """No approval: INSUFFICIENT; by its creator, its owner or somebody not on the list: FAIL."""
    person = facts.approval.approved_by
    if not limits.require_approval and person is None:
        return ()
    if person is None or not visible(person):
        verdict, reason = Verdict.INSUFFICIENT, "nobody approved; request an approval"
    elif not limits.creator_may_approve and same_person(person, facts.candidate.created_by):
        verdict, reason = Verdict.FAIL, f"{person} created the version; somebody else must approve"
    elif not limits.creator_may_approve and facts.owner and same_person(person, facts.owner):
        verdict = Verdict.FAIL
        reason = f"{person} answers for the model's scheduled runs; somebody else must approve"
    elif limits.approvers and person not in limits.approvers:
        verdict, reason = Verdict.FAIL, f"{person} is not among the approvers of the policy"
    else:
        how = "an answered request" if facts.approval.bound else "named by who promotes"
        verdict, reason = Verdict.PASS, f"approved by {person} ({how})"
    threshold = ", ".join(limits.approvers)[:200] or "somebody else than the creator"
    if limits.creator_may_approve and not limits.approvers:
        threshold = "anybody"
    return (
        GateResult(
            gate="approval", result=verdict, observed=person, threshold=threshold, reason=reason
        ),
    )
