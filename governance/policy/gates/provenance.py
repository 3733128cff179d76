"""Gate: the version's manifest says what it was made from."""

from __future__ import annotations

import re
from collections.abc import Mapping

from governance.policy.verdict import GateResult
from governance.values import Verdict

_HASH = re.compile(r"[0-9a-f]{64}")


def check_provenance(name: str, provenance: Mapping[str, str | None]) -> GateResult:
    """A missing hash is INSUFFICIENT; a text that is no SHA-256 in hex is FAIL.

    >>> check_provenance("dataset_hash", {}).reason
    'dataset_hash was not recorded'
    """
    value = provenance.get(name)
    if not value:
        verdict, reason = Verdict.INSUFFICIENT, f"{name} was not recorded"
    elif isinstance(value, str) and _HASH.fullmatch(value):
        verdict, reason = Verdict.PASS, f"{name} is recorded"
    else:
        verdict, reason = Verdict.FAIL, f"{name} is no SHA-256 in hex"
    observed = str(value)[:64] if value else None
    return GateResult(
        gate=f"provenance.{name}",
        result=verdict,
        observed=observed,
        threshold="sha256",
        reason=reason,
    )
