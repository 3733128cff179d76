"""May a version decide in production? A pure function of facts and limits.

Every gate is asked, none stops the others, and their order changes nothing. What a policy does not
ask gives no result; a gate in mode ``observe`` is recorded and decides nothing. Integrity, load,
lifecycle and approval are always enforced: no policy lifts them.

Neighbours: ``effective`` says which limits count; ``governance.policy.gates`` has one gate a file.
Not here: force, which goes on in spite of the verdict and is recorded as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from governance.policy.gates.approval import check_approval
from governance.policy.gates.bundle import check_bundle
from governance.policy.gates.champion_comparison import check_champion_comparison
from governance.policy.gates.drift import check_drift
from governance.policy.gates.excursions import check_excursions
from governance.policy.gates.feature_version import check_feature_version
from governance.policy.gates.freshness import check_freshness
from governance.policy.gates.integrity import check_integrity
from governance.policy.gates.lifecycle import check_lifecycle
from governance.policy.gates.load_probe import check_load
from governance.policy.gates.not_worse import check_not_worse
from governance.policy.gates.other_evidence import check_other_evidence
from governance.policy.gates.provenance import check_provenance
from governance.policy.gates.shadow import check_shadow
from governance.policy.gates.soak import check_soak
from governance.policy.gates.validation import check_validation
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult, Judgement

Gate = Callable[[PromotionFacts, PromotionLimits], tuple[GateResult, ...]]


def _load(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    return (check_load(facts.load),)


def _provenance(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    recorded = facts.candidate.provenance
    return tuple(check_provenance(name, recorded) for name in limits.required_provenance)


# In the order in which people read them.
GATES: tuple[Gate, ...] = (
    check_integrity,
    _load,
    check_lifecycle,
    check_approval,
    _provenance,
    check_validation,
    check_not_worse,
    check_shadow,
    check_champion_comparison,
    check_soak,
    check_drift,
    check_bundle,
    check_excursions,
    check_freshness,
    check_feature_version,
    check_other_evidence,
)


def decide_promotion(
    facts: PromotionFacts, limits: PromotionLimits, *, record: Mapping[str, Any] | None = None
) -> Judgement:
    """What all gates say, and what that means together.

    Args:
        record: what the judgement keeps as its policy, where that is more than the limits.

    >>> from governance.policy.facts import LoadFact
    >>> from governance.policy.promotion.facts import VersionFacts
    >>> from governance.values import Kind, Stage
    >>> version = VersionFacts(
    ...     version_id="a" * 12, version="1.0.0", digest="0" * 64, created_by="x")
    >>> facts = PromotionFacts(
    ...     at="2013-02-01T00:00:00Z", kind=Kind.REGRESSOR, stage=Stage.STAGING, candidate=version,
    ...     intact=True, load=LoadFact(loadable=True))
    >>> decide_promotion(facts, PromotionLimits()).verdict.value
    'pass'
    >>> asked = PromotionLimits(min_soak_hours=24, modes={"soak": "observe"})
    >>> said = decide_promotion(facts, asked)
    >>> said.verdict.value, said.checks[-1].gate, said.checks[-1].result.value
    ('pass', 'soak', 'insufficient')
    """
    results = [result for gate in GATES for result in gate(facts, limits)]
    checks = [replace(result, mode=limits.mode_of(result.gate)) for result in results]
    policy = limits.as_json() if record is None else record
    return Judgement.of(checks, policy=policy, facts=facts.as_json())
