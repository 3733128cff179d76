"""What one gate says, and how several gates make one verdict.

Laws: the order of the results changes nothing; a further result never turns FAIL or INSUFFICIENT
into PASS; results in ``observe`` mode are recorded and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from governance.canonical import sha256_of
from governance.policy.facts import Mode
from governance.values import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """
    Attributes:
        gate: stable name of what was asked, such as ``out_of_sample.auc.min``.
        observed, threshold: the figures compared; ``None`` where there is none.
        reason: one sentence for people.
    """

    gate: str
    result: Verdict
    observed: float | str | None
    threshold: float | str | None
    reason: str
    mode: Mode = "enforce"

    def as_json(self) -> dict[str, Any]:
        return {
            "gate": self.gate,
            "result": self.result.value,
            "observed": self.observed,
            "threshold": self.threshold,
            "reason": self.reason,
            "mode": self.mode,
        }


def combine(results: Iterable[GateResult]) -> Verdict:
    """FAIL if any gate failed, else INSUFFICIENT if any lacked evidence, else PASS.

    No enforced result at all is INSUFFICIENT: nothing was looked at.

    >>> combine([]).value
    'insufficient'
    """
    said = {result.result for result in results if result.mode == "enforce"}
    for verdict in (Verdict.FAIL, Verdict.INSUFFICIENT):
        if verdict in said:
            return verdict
    return Verdict.PASS if said else Verdict.INSUFFICIENT


def verdict_hash(
    checks: Iterable[GateResult], *, policy: Mapping[str, Any], facts: Mapping[str, Any]
) -> str:
    """SHA-256 over checks, policy and facts; a replay of the decision must give it again."""
    rendered = [check.as_json() for check in checks]
    return sha256_of({"checks": rendered, "policy": policy, "facts": facts})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gates said together, with what they were asked and given.

    ``verdict_hash`` covers checks, policy and facts: the same three give it again, always.
    """

    verdict: Verdict
    checks: tuple[GateResult, ...]
    policy: Mapping[str, Any]
    policy_digest: str
    verdict_hash: str

    @property
    def passed(self) -> bool:
        return self.verdict is Verdict.PASS

    @classmethod
    def of(
        cls, checks: Iterable[GateResult], *, policy: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> Self:
        """
        >>> Judgement.of([], policy={}, facts={}).verdict.value
        'insufficient'
        """
        said = tuple(checks)
        return cls(
            verdict=combine(said),
            checks=said,
            policy=policy,
            policy_digest=sha256_of(policy),
            verdict_hash=verdict_hash(said, policy=policy, facts=facts),
        )
