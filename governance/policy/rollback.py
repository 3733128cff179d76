"""May a version come back into production? A pure function of what was found of it.

A rollback asks no metric, no drift and no policy file: the bytes are the registered ones, they
load, and the version was in production before. A failover asks the same of the version that takes
over from a corrupt one; without such a version its verdict is FAIL, and nothing decides.

Neighbours: ``governance.decisions.rollback_target`` looks and gathers the facts. Not promised: that
the target is a better model than the one that it replaces.
"""

from __future__ import annotations

from dataclasses import replace

from governance.policy.facts import LoadFact
from governance.policy.gates.load_probe import check_load
from governance.policy.promotion.facts import Fact
from governance.policy.verdict import GateResult, Judgement
from governance.values import Verdict

ASKED = {"asks": ["target", "integrity", "load"]}


class PassedOver(Fact):
    """A version that was in production later than the target, and why it is not the target.

    Attributes:
        generation: of its latest activation.
        code: ``forced``, ``failed``, ``rolled_back``, or what its bytes were found to be.
    """

    version_id: str
    version: str
    generation: int
    code: str
    reason: str


class LeftFacts(Fact):
    """The version that decided until now.

    Attributes:
        code, reason: what is wrong with it, where that is why it is left (a failover).
    """

    version_id: str
    version: str
    digest: str
    code: str | None = None
    reason: str | None = None


class TargetFacts(Fact):
    """
    Attributes:
        generation: of its latest activation; the choice goes by it.
        named: a person asked for this version.
        intact: the bytes have the registered digest. load: what a probe said of them.
    """

    version_id: str
    version: str
    digest: str
    generation: int
    named: bool
    intact: bool
    load: LoadFact | None = None


class RollbackFacts(Fact):
    """
    Attributes:
        left: ``None`` where no version was in production.
        target: ``None`` where no version may take over.
        passed_over: the latest first; at most twenty.
    """

    left: LeftFacts | None
    target: TargetFacts | None
    passed_over: tuple[PassedOver, ...] = ()


def decide_rollback(facts: RollbackFacts) -> Judgement:
    """Versions that were passed over are recorded beside the gates and decide nothing.

    >>> decide_rollback(RollbackFacts(left=None, target=None)).verdict.value
    'fail'
    """
    checks = [*_champion(facts.left), *_target(facts.target), *map(_passed_over, facts.passed_over)]
    return Judgement.of(checks, policy=ASKED, facts=facts.as_json())


def _target(target: TargetFacts | None) -> tuple[GateResult, ...]:
    if target is None:
        none = "no earlier version may take over by itself"
        return (_result("target", Verdict.FAIL, None, "a version", none),)
    reason = "asked for by name"
    if not target.named:
        reason = (
            "the latest earlier version that was not forced, did not fail, was not rolled back "
            f"from, and loads (generation {target.generation})"
        )
    intact = Verdict.PASS if target.intact is True else Verdict.FAIL
    load = check_load(target.load)
    if target.load is not None and target.load.reason:
        load = replace(load, reason=target.load.reason)
    return (
        _result("target", Verdict.PASS, target.version, "a version", reason),
        _result(
            "integrity",
            intact,
            target.digest[:12] if target.intact is True else None,
            target.digest[:12],
            f"the bytes are {'' if intact is Verdict.PASS else 'not '}the registered ones",
        ),
        load,
    )


def _champion(left: LeftFacts | None) -> tuple[GateResult, ...]:
    if left is None or left.code is None:
        return ()
    found = _result("champion", Verdict.FAIL, left.code, "healthy", left.reason or left.code)
    return (replace(found, mode="observe"),)


def _passed_over(other: PassedOver) -> GateResult:
    gate = f"passed_over.{other.version}"
    found = _result(gate, Verdict.FAIL, other.code, None, other.reason)
    return replace(found, mode="observe")


def _result(
    gate: str, result: Verdict, observed: str | None, threshold: str | None, reason: str
) -> GateResult:
    return GateResult(
        gate=gate, result=result, observed=observed, threshold=threshold, reason=reason
    )
