"""Gate: the mean excursions of a bundle's models did not get worse than the champion's allow.

MFE, the favourable excursion, must not fall by more than its tolerance; MAE, the adverse one, must
not grow by more than its own, whichever sign a trainer writes it with. Both in basis points, of
every model that the champion has.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance.policy.facts import finite
from governance.policy.promotion.facts import BundleFacts, PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.promotion.no_champion import without_champion
from governance.policy.verdict import GateResult
from governance.values import Verdict

_Figures = Mapping[str, float | None]


def check_excursions(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """``excursions.mfe`` and ``excursions.mae``: the worst change, tolerance included."""
    asked = (("mfe", limits.max_mfe_regression_bps), ("mae", limits.max_mae_worsening_bps))
    return tuple(_judged(name, most, facts) for name, most in asked if most is not None)


def _judged(name: str, most: float, facts: PromotionFacts) -> GateResult:
    gate = f"excursions.{name}"
    if facts.champion is None:
        return without_champion(gate, ever_active=facts.ever_active)
    mine, theirs = (_figures(name, v.bundle) for v in (facts.candidate, facts.champion))
    champions = () if facts.champion.bundle is None else facts.champion.bundle.members
    keys = sorted({*theirs, *champions})
    worst, where = None, ""
    missing = [key for key in keys if _change(name, key, mine, theirs) is None]
    for key in keys:
        change = _change(name, key, mine, theirs)
        if change is not None and (worst is None or change > worst):
            worst, where = change, key
    if worst is not None and not worst <= most:
        verdict, reason = Verdict.FAIL, f"{name} of {where} is worse by {worst:.6g} bps"
    elif missing or worst is None:
        verdict = Verdict.INSUFFICIENT
        reason = f"no {name} to compare: {', '.join(missing)[:200] or 'the champion has none'}"
    else:
        verdict, reason = Verdict.PASS, f"{name} is worse by at most {worst:.6g} bps ({where})"
    return GateResult(gate=gate, result=verdict, observed=worst, threshold=most, reason=reason)


def _figures(name: str, bundle: BundleFacts | None) -> _Figures:
    if bundle is None:
        return {}
    return bundle.mfe_bps if name == "mfe" else bundle.mae_bps


def _change(name: str, key: str, mine: _Figures, theirs: _Figures) -> float | None:
    """By how much it got worse; ``None`` where one of the two is missing."""
    now, before = finite(mine.get(key)), finite(theirs.get(key))
    if now is None or before is None:
        return None
    return finite(before - now if name == "mfe" else abs(now) - abs(before))
