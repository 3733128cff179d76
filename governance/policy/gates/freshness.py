"""Gate: the candidate's training data do not end before the champion's."""

from __future__ import annotations

from datetime import datetime, timedelta

from governance.errors import InvalidInputError
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.promotion.no_champion import without_champion
from governance.policy.verdict import GateResult
from governance.values import Verdict, iso, parse_time

_MILLISECOND = timedelta(milliseconds=1)


def check_freshness(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """``trained_end`` is later by ``min_trained_end_delta_ms`` at least; 0: not older."""
    least = limits.min_trained_end_delta_ms
    if least is None:
        return ()
    if facts.champion is None:
        return (without_champion("freshness", ever_active=facts.ever_active),)
    mine, theirs = _time(facts.candidate.trained_end), _time(facts.champion.trained_end)
    if mine is None or theirs is None:
        whose = "the candidate" if mine is None else "the champion"
        verdict, delta = Verdict.INSUFFICIENT, None
        reason = f"{whose} has no trained_end; record when its training data ended"
    else:
        delta = (mine - theirs) / _MILLISECOND
        verdict = Verdict.PASS if delta >= least else Verdict.FAIL
        reason = f"the data end {iso(mine)}, the champion's {iso(theirs)}"
    return (
        GateResult(
            gate="freshness", result=verdict, observed=delta, threshold=least, reason=reason
        ),
    )


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text, what="trained_end")
    except InvalidInputError:
        return None
