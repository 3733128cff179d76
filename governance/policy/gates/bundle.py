"""Gate: a bundle of several models is complete, as document 004 asks.

Asked where targets or horizons are required. A member is one model, ``target:horizon``; expected
are the required ones and all that the bundle names itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from governance.policy.facts import finite
from governance.policy.promotion.facts import BundleFacts, PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import GateResult
from governance.values import Verdict


def check_bundle(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """``bundle.targets``, ``.horizons``, ``.members`` (on disk), ``.thresholds`` (in [0, 1])."""
    if not limits.required_targets and not limits.required_horizons:
        return ()
    return tuple(_results(facts.candidate.bundle, limits))


def _results(bundle: BundleFacts | None, limits: PromotionLimits) -> Iterator[GateResult]:
    targets, horizons = limits.required_targets, limits.required_horizons
    required = [f"{target}:{horizon}" for target, horizon in product(targets, horizons)]
    if targets:
        yield _named("targets", targets, None if bundle is None else bundle.targets)
    if horizons:
        yield _named("horizons", horizons, None if bundle is None else bundle.horizons)
    expected = sorted({*required, *(() if bundle is None else bundle.members)})
    if bundle is None or not expected:
        for part, threshold in (("members", "on disk"), ("thresholds", "0 to 1")):
            yield _said(part, Verdict.INSUFFICIENT, None, threshold, "no bundle was recorded")
        return
    yield _members(bundle, expected)
    yield _thresholds(bundle, expected)


def _named(
    part: str, required: Sequence[str | int], given: Sequence[str | int] | None
) -> GateResult:
    threshold = _listed(required)
    if not given:
        return _said(part, Verdict.INSUFFICIENT, None, threshold, f"no {part} were recorded")
    missing = [one for one in required if one not in given]
    if missing:
        return _said(
            part, Verdict.FAIL, _listed(given), threshold, f"missing {part}: {_listed(missing)}"
        )
    return _said(part, Verdict.PASS, _listed(given), threshold, f"all required {part} are there")


def _members(bundle: BundleFacts, expected: list[str]) -> GateResult:
    missing = [key for key in expected if bundle.members.get(key) is not True]
    there = f"{len(expected) - len(missing)} of {len(expected)}"
    if missing:
        reason = f"not on disk: {_listed(missing)}"
        return _said("members", Verdict.FAIL, there, "on disk", reason)
    return _said("members", Verdict.PASS, there, "on disk", "every model is on disk")


def _thresholds(bundle: BundleFacts, expected: list[str]) -> GateResult:
    keys = sorted({*expected, *bundle.thresholds})
    values = {key: finite(bundle.thresholds.get(key)) for key in keys}
    outside = [f"{key} {value:g}" for key, value in values.items() if not _bounded(value)]
    missing = [key for key, value in values.items() if value is None]
    if outside:
        verdict, reason = Verdict.FAIL, f"outside 0 to 1: {_listed(outside)}"
    elif missing:
        verdict, reason = Verdict.INSUFFICIENT, f"no threshold: {_listed(missing)}"
    else:
        verdict, reason = Verdict.PASS, "every threshold lies in 0 to 1"
    known = [value for value in values.values() if value is not None]
    observed = f"{min(known):g} to {max(known):g}" if known else None
    return _said("thresholds", verdict, observed, "0 to 1", reason)


def _bounded(value: float | None) -> bool:
    return value is None or 0 <= value <= 1


def _listed(items: Iterable[object]) -> str:
    """Comma-separated, not longer than a line."""
    text = ",".join(map(str, items))
    return text if len(text) <= 200 else f"{text[:197]}..."


def _said(
    part: str, verdict: Verdict, observed: str | None, threshold: str, reason: str
) -> GateResult:
    return GateResult(
        gate=f"bundle.{part}", result=verdict, observed=observed, threshold=threshold, reason=reason
    )
