"""Gate: the version was validated, and its metrics keep what a promotion asks of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from governance.policy.facts import MetricLimit
from governance.policy.gates.metric_limit import check_metric
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_validation(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """``validation`` is the stored verdict; ``validation.<split>.<metric>.min|max`` each limit."""
    return tuple(_results(facts, limits))


def _results(facts: PromotionFacts, limits: PromotionLimits) -> Iterator[GateResult]:
    if limits.require_validation:
        said = facts.validation
        reason = "it was never validated" if said is None else f"its validation said {said}"
        yield GateResult(
            gate="validation",
            result=Verdict.INSUFFICIENT if said is None else said,
            observed=None if said is None else said.value,
            threshold=Verdict.PASS.value,
            reason=reason,
        )
    for asked in limits.metrics:
        limit = MetricLimit(metric=asked.metric, split=asked.split, min=asked.min, max=asked.max)
        for result in check_metric(limit, facts.candidate.metrics):
            yield replace(result, gate=f"validation.{result.gate}")
