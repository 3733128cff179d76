"""Gate: the live data of the model have not drifted, by its latest report.

The report looks at the data of the version in production. Where no version ever was, there is none
and can be none, which is said as ``no_champion``. Afterwards a missing, old or undecided report is
INSUFFICIENT, never fine.
"""

from __future__ import annotations

from governance.policy.facts import finite
from governance.policy.promotion.facts import DriftFacts, PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.promotion.no_champion import without_champion
from governance.policy.verdict import GateResult
from governance.values import Kind, Severity, Verdict

_RANK = {Severity.NORMAL: 0, Severity.MODERATE: 1, Severity.SEVERE: 2}


def check_drift(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """``drift.severity`` and ``drift.psi``; the PSI of trading models is the shadow sessions'."""
    asked: list[tuple[str, Severity | float]] = []
    if limits.max_drift_severity is not None:
        asked.append(("severity", Severity(limits.max_drift_severity)))
    if limits.max_drift_psi is not None and facts.kind is not Kind.TRADING:
        asked.append(("psi", limits.max_drift_psi))
    return tuple(_judged(name, most, facts, limits.max_drift_age_hours) for name, most in asked)


def _judged(name: str, most: Severity | float, facts: PromotionFacts, max_age: float) -> GateResult:
    report = facts.drift
    if report is None and facts.champion is None and not facts.ever_active:
        return without_champion(f"drift.{name}", ever_active=False)
    observed: str | float | None = None
    if report is None:
        verdict, reason = Verdict.INSUFFICIENT, "there is no drift report; scan the live data"
    elif (why := _too_old(report, max_age)) is not None:
        verdict, reason = Verdict.INSUFFICIENT, why
    elif isinstance(most, Severity):
        verdict, observed, reason = _severity(report, most)
    else:
        verdict, observed, reason = _psi(report, most)
    threshold = most.value if isinstance(most, Severity) else most
    return GateResult(
        gate=f"drift.{name}", result=verdict, observed=observed, threshold=threshold, reason=reason
    )


def _too_old(report: DriftFacts, max_age: float) -> str | None:
    age = finite(report.age_hours)
    if age is None:
        return "the age of the latest drift report is not known"
    if not age <= max_age:
        return f"the latest drift report is {age:.1f} hours old, more than {max_age:g}; scan again"
    return None


def _severity(report: DriftFacts, most: Severity) -> tuple[Verdict, str | None, str]:
    if report.severity not in _RANK:
        return Verdict.INSUFFICIENT, None, "the latest drift report saw too little"
    good = _RANK[report.severity] <= _RANK[most]
    reason = f"the latest drift report says {report.severity}, allowed is {most}"
    return Verdict.PASS if good else Verdict.FAIL, report.severity.value, reason


def _psi(report: DriftFacts, most: float) -> tuple[Verdict, float | None, str]:
    psi = finite(report.max_psi)
    if psi is None:
        return Verdict.INSUFFICIENT, None, "the latest drift report has no PSI"
    good = psi <= most
    relation = "at most" if good else "above"
    return Verdict.PASS if good else Verdict.FAIL, psi, f"PSI {psi:.6g} is {relation} {most:g}"
