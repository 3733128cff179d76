"""Gate: the artifact was parsed by a fresh interpreter and could be used there."""

from __future__ import annotations

from governance.policy.facts import LoadFact
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_load(load: LoadFact | None) -> GateResult:
    """
    >>> check_load(None).result.value, check_load(LoadFact(loadable=True)).result.value
    ('insufficient', 'pass')
    """
    if load is None:
        verdict, observed, reason = Verdict.INSUFFICIENT, None, "the artifact was never probed"
    elif load.loadable is True:
        verdict, observed, reason = Verdict.PASS, "loadable", "the artifact loads"
    else:
        verdict, observed = Verdict.FAIL, load.code or "unloadable"
        reason = load.reason or "the artifact cannot be loaded"
    return GateResult(
        gate="load", result=verdict, observed=observed, threshold="loadable", reason=reason
    )
