"""May a trained version become ``validated``? A pure function of facts and policy.

The rules, in order; every one is evaluated, none stops the others:

1. The load probe said that the artifact loads. Never probed: INSUFFICIENT.
2. Each required provenance hash is recorded. Missing: INSUFFICIENT; malformed: FAIL.
3. Each metric lies within its limits. Missing or not finite: INSUFFICIENT.
4. A policy without limits is satisfied by 1 and 2, and the check ``limits`` records that nothing
   was asked. That is a choice: a limit nobody declared is no missing evidence, and a team that
   registers from a DAG of its own must get further; whoever approves the promotion sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from governance.canonical import sha256_of
from governance.policy.facts import MetricLimit, ValidationFacts
from governance.policy.gates.load_probe import check_load
from governance.policy.gates.metric_limit import check_metric
from governance.policy.gates.provenance import check_provenance
from governance.policy.verdict import GateResult, Judgement
from governance.values import Verdict

PROVENANCE_HASHES = ("dataset_hash", "feature_graph_hash", "training_config_hash")


@dataclass(frozen=True, slots=True)
class ValidationPolicy:
    """
    Attributes:
        limits: limits on metrics.
        required_provenance: manifest fields that must hold a hash; empty for versions that were
            registered by somebody else's pipeline and are not declared here.
    """

    limits: tuple[MetricLimit, ...] = ()
    required_provenance: tuple[str, ...] = PROVENANCE_HASHES

    def as_json(self) -> dict[str, Any]:
        return {
            "limits": [limit.as_json() for limit in self.limits],
            "required_provenance": list(self.required_provenance),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            tuple(MetricLimit(**limit) for limit in data["limits"]),
            tuple(data["required_provenance"]),
        )

    @property
    def digest(self) -> str:
        return sha256_of(self.as_json())


def decide_validation(facts: ValidationFacts, policy: ValidationPolicy) -> Judgement:
    """
    >>> from governance.policy.facts import LoadFact
    >>> asked = ValidationPolicy((MetricLimit(metric="auc", split="test", min=0.6),), ())
    >>> loads = LoadFact(loadable=True)
    >>> decide_validation(ValidationFacts(load=loads), asked).verdict.value
    'insufficient'
    >>> good = ValidationFacts(load=loads, metrics={"test": {"auc": 0.61}})
    >>> decide_validation(good, asked).verdict.value
    'pass'
    """
    checks = [check_load(facts.load)]
    checks += [check_provenance(name, facts.provenance) for name in policy.required_provenance]
    for limit in policy.limits:
        checks += check_metric(limit, facts.metrics)
    if not policy.limits:
        checks.append(
            GateResult(
                gate="limits",
                result=Verdict.INSUFFICIENT,
                observed=None,
                threshold=None,
                reason="no limits are declared, so no metric was asked for",
                mode="observe",
            )
        )
    return Judgement.of(checks, policy=policy.as_json(), facts=facts.as_json())
