"""Gate: the candidate's measured quality is not below the champion's by more than a tolerance."""

from __future__ import annotations

from governance.policy.facts import finite
from governance.policy.promotion.facts import PromotionFacts, VersionFacts
from governance.policy.promotion.limits import NotWorse, PromotionLimits
from governance.policy.promotion.no_champion import without_champion
from governance.policy.verdict import GateResult
from governance.values import Verdict

# The split that says most of unseen data comes first.
_SPLITS = ("out_of_sample", "test", "registered")


def check_not_worse(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """One result for each metric that is asked; equal to the tolerance passes.

    Compared on one split that both versions have; a value there that is no number is INSUFFICIENT,
    even if another split has one.
    """
    return tuple(_compared(asked, facts) for asked in limits.not_worse)


def _compared(asked: NotWorse, facts: PromotionFacts) -> GateResult:
    gate = f"not_worse.{asked.metric}"
    if facts.champion is None:
        return without_champion(gate, ever_active=facts.ever_active)
    split = asked.split or _shared_split(asked.metric, facts.candidate, facts.champion)
    if split is None:
        where = "a split that both versions have"
        return _insufficient(gate, f"no {asked.metric} was recorded on {where}")
    mine = finite(facts.candidate.metrics.get(split, {}).get(asked.metric))
    theirs = finite(facts.champion.metrics.get(split, {}).get(asked.metric))
    if mine is None or theirs is None:
        whose = "the candidate" if mine is None else "the champion"
        return _insufficient(gate, f"{whose} has no {asked.metric} on split {split}")
    if asked.lower_is_better:
        threshold = theirs + asked.tolerance
        good, words = mine <= threshold, ("at most", "above")
    else:
        threshold = theirs - asked.tolerance
        good, words = mine >= threshold, ("at least", "below")
    return GateResult(
        gate=gate,
        result=Verdict.PASS if good else Verdict.FAIL,
        observed=mine,
        threshold=threshold,
        reason=f"{asked.metric} {mine:.6g} on split {split} is {words[not good]} {threshold:.6g}, "
        f"the champion's {theirs:.6g} with tolerance {asked.tolerance:g}",
    )


def _shared_split(metric: str, candidate: VersionFacts, champion: VersionFacts) -> str | None:
    for split in _SPLITS:
        if all(metric in version.metrics.get(split, {}) for version in (candidate, champion)):
            return split
    return None


def _insufficient(gate: str, reason: str) -> GateResult:
    return GateResult(
        gate=gate, result=Verdict.INSUFFICIENT, observed=None, threshold=None, reason=reason
    )
