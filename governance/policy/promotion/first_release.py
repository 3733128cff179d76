"""May a version decide in production? A pure function of facts.

Without a policy file document 000's criteria are in force: evidence from a shadow run. No such
evidence can be recorded in this release, so the check is INSUFFICIENT and only a person can go on,
by force, with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.canonical import sha256_of
from governance.policy.facts import LoadFact
from governance.policy.gates.load_probe import check_load
from governance.policy.verdict import GateResult, combine, verdict_hash
from governance.values import Stage, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionFacts:
    """
    Attributes:
        stage: where the version stood.
        digest: of its members.
        intact: the members on disk had this digest when they were read for the decision.
        load: stored verdict of the load probe; `None` when it was never run.
    """

    stage: Stage
    digest: str
    intact: bool
    load: LoadFact | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "digest": self.digest,
            "intact": self.intact,
            "load": None if self.load is None else self.load.as_json(),
        }


@dataclass(frozen=True, slots=True)
class PromotionVerdict:
    verdict: Verdict
    checks: tuple[GateResult, ...]
    policy: Mapping[str, Any]
    policy_digest: str
    verdict_hash: str

    @property
    def passed(self) -> bool:
        return self.verdict is Verdict.PASS


MIN_SHADOW_SESSIONS = 5


def decide_promotion(facts: PromotionFacts) -> PromotionVerdict:
    """
    >>> facts = PromotionFacts(stage=Stage.VALIDATED, digest="0" * 64, intact=True)
    >>> decide_promotion(facts).verdict.value
    'insufficient'
    """
    policy = {"min_shadow_sessions": MIN_SHADOW_SESSIONS}
    checks = (
        GateResult(
            gate="integrity",
            result=Verdict.PASS if facts.intact else Verdict.FAIL,
            observed=facts.digest[:12],
            threshold=facts.digest[:12],
            reason="the bytes are the registered ones"
            if facts.intact
            else "the bytes are not the registered ones",
        ),
        check_load(facts.load),
        GateResult(
            gate="shadow_sessions",
            result=Verdict.INSUFFICIENT,
            observed=None,
            threshold=MIN_SHADOW_SESSIONS,
            reason="no shadow session was recorded",
        ),
    )
    return PromotionVerdict(
        verdict=combine(checks),
        checks=checks,
        policy=policy,
        policy_digest=sha256_of(policy),
        verdict_hash=verdict_hash(checks, policy=policy, facts=facts.as_json()),
    )
