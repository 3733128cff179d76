"""What every comparative gate answers when there is no champion to compare with."""

from __future__ import annotations

from governance.policy.verdict import GateResult
from governance.values import Verdict

NO_CHAMPION = "no_champion"


def without_champion(gate: str, *, ever_active: bool) -> GateResult:
    """PASS if no version was ever in production; else the comparison is missing.

    >>> without_champion("not_worse.auc", ever_active=False).result.value
    'pass'
    >>> without_champion("not_worse.auc", ever_active=True).result.value
    'insufficient'
    """
    if ever_active:
        verdict, reason = Verdict.INSUFFICIENT, "no version is in production now to compare with"
    else:
        verdict, reason = Verdict.PASS, NO_CHAMPION
    return GateResult(gate=gate, result=verdict, observed=None, threshold=None, reason=reason)
