"""Gate: a metric of one split must lie within its declared minimum and maximum (both included)."""

from __future__ import annotations

from collections.abc import Mapping

from governance.policy.facts import MetricLimit, finite
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_metric(
    limit: MetricLimit, metrics: Mapping[str, Mapping[str, float | None]]
) -> tuple[GateResult, ...]:
    """One result for each side that ``limit`` has.

    >>> limit = MetricLimit(metric="auc", split="test", min=0.6)
    >>> [str(r.result) for r in check_metric(limit, {"test": {"auc": 0.55}})]
    ['fail']
    >>> check_metric(limit, {})[0].reason
    'no auc was recorded on split test'
    """
    value = finite(metrics.get(limit.split, {}).get(limit.metric))
    results = []
    for side, threshold in (("min", limit.min), ("max", limit.max)):
        if threshold is None:
            continue
        if value is None:
            verdict = Verdict.INSUFFICIENT
            reason = f"no {limit.metric} was recorded on split {limit.split}"
        else:
            inside = value >= threshold if side == "min" else value <= threshold
            verdict = Verdict.PASS if inside else Verdict.FAIL
            relation = {"min": ("at least", "below"), "max": ("at most", "above")}[side][not inside]
            reason = (
                f"{limit.metric} {value:.6g} on split {limit.split} is {relation} {threshold:g}"
            )
        results.append(
            GateResult(
                gate=f"{limit.split}.{limit.metric}.{side}",
                result=verdict,
                observed=value,
                threshold=threshold,
                reason=reason,
                mode=limit.mode,
            )
        )
    return tuple(results)
