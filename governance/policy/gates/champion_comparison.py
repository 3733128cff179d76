"""Gate: the candidate is shown to be better than the champion on the sessions that both saw.

``max_false_promotion`` is the chance that a candidate which is no better is ever passed, over all
looks and all candidates tried against this champion; `paired_test` has the mathematics. Shown worse
is FAIL; everything between is INSUFFICIENT, with what is missing.
"""

from __future__ import annotations

from math import isfinite

from governance.policy.facts import finite
from governance.policy.promotion.facts import PairedFacts, PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.promotion.no_champion import without_champion
from governance.policy.promotion.paired_test import MIN_PAIRS, PairedTest
from governance.policy.verdict import GateResult
from governance.values import Verdict

GATE = "champion_comparison"


def check_champion_comparison(
    facts: PromotionFacts, limits: PromotionLimits
) -> tuple[GateResult, ...]:
    """One result where the policy asks for the comparison.

    Observed is the e-value, threshold ``candidates / max_false_promotion``; for a candidate that is
    shown worse, the e-value of that.
    """
    alpha = limits.max_false_promotion
    if alpha is None:
        return ()
    if facts.champion is None:
        return (without_champion(GATE, ever_active=facts.ever_active),)
    paired = facts.paired
    if paired is None or paired.pairs < 1 or paired.benchmark != facts.champion.version_id:
        reason = (
            "no session was recorded by both the candidate and the champion; "
            f"{MIN_PAIRS} more sessions are needed at least"
        )
        return (_said(Verdict.INSUFFICIENT, None, None, reason),)
    return (judge_pairs(paired, alpha),)


def judge_pairs(paired: PairedFacts, alpha: float) -> GateResult:
    """
    >>> paired = PairedFacts(benchmark="a" * 12, pairs=60, mean=0.5, sd=1.0)
    >>> judge_pairs(paired, 0.05).result.value
    'pass'
    >>> few = PairedFacts(benchmark="a" * 12, pairs=5, mean=0.5, sd=1.0)
    >>> judge_pairs(few, 0.05).reason
    '5 sessions shared with the champion; 15 more sessions are needed at least'
    """
    test = PairedTest(paired.pairs, paired.mean, paired.sd, paired.candidates, alpha)
    shared = f"{_sessions(paired.pairs)} shared with the champion"
    if paired.pairs < MIN_PAIRS:
        reason = f"{shared}; {_sessions(MIN_PAIRS - paired.pairs, more=True)} needed at least"
        return _said(Verdict.INSUFFICIENT, None, test.threshold, reason)
    if (interval := test.interval) is None:
        spread = finite(paired.sd)
        why = "all differ by the same" if spread == 0 else "their differences are no finite numbers"
        return _said(
            Verdict.INSUFFICIENT, None, test.threshold, f"{shared}; {why}, so nothing can be said"
        )
    bounds = "still without bounds"
    if isfinite(interval[0]) and isfinite(interval[1]):
        bounds = f"between {interval[0]:.6g} and {interval[1]:.6g} at every look"
    tried = f"{paired.candidates} candidate{'' if paired.candidates == 1 else 's'} tried"
    span = f"mean difference {test.mean:.6g}, {bounds}, {tried}"
    if test.verdict == "better":
        return _said(
            Verdict.PASS, test.e_value, test.threshold, f"better than the champion: {span}"
        )
    if test.verdict == "worse":
        mirrored = PairedTest(
            paired.pairs, -(test.mean or 0.0), paired.sd, paired.candidates, alpha
        )
        return _said(
            Verdict.FAIL, mirrored.e_value, test.threshold, f"worse than the champion: {span}"
        )
    needed = test.sessions_needed
    outlook = (
        "at the present estimate it will not be shown better"
        if needed is None
        else f"{_sessions(needed, more=True)} needed at the present estimate"
    )
    reason = f"not shown better than the champion in {_sessions(paired.pairs)}: {span}; {outlook}"
    return _said(Verdict.INSUFFICIENT, test.e_value, test.threshold, reason)


def _said(
    verdict: Verdict, observed: float | None, threshold: float | None, reason: str
) -> GateResult:
    return GateResult(
        gate=GATE, result=verdict, observed=observed, threshold=threshold, reason=reason
    )


def _sessions(number: int, *, more: bool = False) -> str:
    word = "session" if number == 1 else "sessions"
    if more:
        return f"{number} more {word} {'is' if number == 1 else 'are'}"
    return f"{number} {word}"
