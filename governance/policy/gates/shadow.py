"""Gate: document 000's criteria on the shadow sessions, one result each. Limits are included.

Too few sessions, days or trades are INSUFFICIENT, since more of them can still come; a figure
beyond its limit is FAIL.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance.policy.facts import finite
from governance.policy.promotion.facts import PromotionFacts, ShadowFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Kind, Verdict

_NONE = ShadowFacts(trades=None)


def check_shadow(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """One result for each criterion that is asked.

    The PSI of a kind other than trading is judged by its drift reports (gate ``drift``).
    """
    return tuple(_results(facts.shadow, limits, facts.kind))


def _results(
    given: ShadowFacts | None, limits: PromotionLimits, kind: Kind
) -> Iterator[GateResult]:
    seen = given or _NONE
    counts = (
        ("sessions", "session", seen.sessions, limits.min_shadow_sessions),
        ("days", "day", seen.days, limits.min_shadow_days),
        ("trades", "trade", seen.trades, limits.min_trade_count),
    )
    for name, noun, count, least in counts:
        if least is not None:
            yield _enough(name, noun, None if given is None else count, least)
    least_sharpe = limits.min_live_sharpe
    if least_sharpe is not None:
        yield _limit("sharpe_ratio", seen.sharpe_ratio, least_sharpe, seen, at_least=True)
    psi = limits.max_drift_psi if kind is Kind.TRADING else None
    largest = (
        ("turnover_ratio", seen.turnover_ratio, limits.max_turnover_ratio),
        ("max_drawdown", seen.max_drawdown, limits.max_drawdown_threshold),
        ("drift_psi", seen.drift_psi, psi),
        ("avg_latency_ms", seen.avg_latency_ms, limits.max_avg_latency_ms),
        ("error_rate", seen.error_rate, limits.max_error_rate),
    )
    for name, value, most in largest:
        if most is not None:
            yield _limit(name, value, most, seen, at_least=False)


def _enough(name: str, noun: str, count: int | None, least: int) -> GateResult:
    if count is not None and count >= least:
        verdict, reason = Verdict.PASS, f"{count} {name}, at least {least} are asked"
    elif count is None:
        verdict, reason = Verdict.INSUFFICIENT, f"no shadow {noun} was recorded"
    else:
        more = least - count
        verdict = Verdict.INSUFFICIENT
        reason = f"{count} of {least} {name}; {more} more {noun if more == 1 else name} needed"
    return GateResult(
        gate=f"shadow.{name}", result=verdict, observed=count, threshold=least, reason=reason
    )


def _limit(
    name: str, given: float | None, limit: float, seen: ShadowFacts, *, at_least: bool
) -> GateResult:
    value = finite(given)
    if value is None:
        verdict, reason = Verdict.INSUFFICIENT, f"no {name} was recorded in shadow sessions"
    else:
        inside = value >= limit if at_least else value <= limit
        verdict = Verdict.PASS if inside else Verdict.FAIL
        relation = ("at least", "below") if at_least else ("at most", "above")
        reason = f"{name} {value:.6g} is {relation[not inside]} {limit:g}"
        if inside and name in seen.lacking:  # the sessions that have it do not stand for all
            verdict, reason = Verdict.INSUFFICIENT, f"some sessions with trades have no {name}"
    return GateResult(
        gate=f"shadow.{name}", result=verdict, observed=value, threshold=limit, reason=reason
    )
