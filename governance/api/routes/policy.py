"""What is asked: the policy in force, explained; another file checked, and tried on the past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.api.guard import Asking, right
from governance.api.routing import router as new_router
from governance.api.shapes.parts import ModelName
from governance.api.shapes.policy import (
    EffectivePolicy,
    ExplainAsked,
    PolicyAsked,
    PolicyBacktestShown,
    PolicyChecked,
)
from governance.canonical import sha256_of
from governance.config.policy_file import parse_policy
from governance.decisions.policy_in_force import holds_several
from governance.policy.promotion.loosening import loosened
from governance.values import Kind
from governance.wiring import Governance

router = new_router("policy")
_SOURCE = "the policy"


@router.get("/models/{model}/policy", openapi_extra=right("policy.read"))
def get_policy(caller: Asking, model: ModelName) -> EffectivePolicy:
    """What a version of this model must show before it decides, and which layer asks it."""
    return _effective(caller.gov, model, None)


@router.post("/models/{model}/policy/explain", openapi_extra=right("policy.read"))
def explain_policy(caller: Asking, model: ModelName, asked: ExplainAsked) -> EffectivePolicy:
    """The same with a request's values laid over it, and where they ask less."""
    return _effective(caller.gov, model, asked.overrides)


@router.post("/models/{model}/policy/backtest", openapi_extra=right("policy.try"))
def backtest_policy(caller: Asking, model: ModelName, asked: PolicyAsked) -> PolicyBacktestShown:
    """Try a policy file on every promotion of this model that was decided; nothing is stored."""
    return _tried(caller.gov, asked, model)


@router.post("/policy/backtest", openapi_extra=right("policy.try"))
def backtest_policy_on_all(caller: Asking, asked: PolicyAsked) -> PolicyBacktestShown:
    """Try a policy file on every promotion of all models."""
    return _tried(caller.gov, asked, None)


@router.post("/policy/check", openapi_extra=right("policy.check"))
def check_policy(caller: Asking, asked: PolicyAsked) -> PolicyChecked:
    """Can this policy file be taken? 422 with every mistake, its line and column."""
    policy = parse_policy(asked.policy.encode(), source=_SOURCE)
    return PolicyChecked(
        mode=policy.mode, models=sorted(policy.models), may_force=list(policy.force.allowed)
    )


def _tried(gov: Governance, asked: PolicyAsked, model: str | None) -> PolicyBacktestShown:
    proposed = parse_policy(asked.policy.encode(), source=_SOURCE)
    return PolicyBacktestShown.model_validate(
        gov.promotion.try_policy(proposed, model=model).as_json()
    )


def _effective(gov: Governance, model: str, request: Mapping[str, Any] | None) -> EffectivePolicy:
    declared = gov.config.models.get(model)
    kind = Kind.TRADING if declared is None else declared.kind
    several = any(map(holds_several, gov.registry.list_models(model, limit=1)))
    found = gov.policy.promotion(model, kind, request, bundle=several)
    in_force = gov.policy.promotion(model, kind, bundle=several) if request else found
    limits = found.limits.as_json()
    return EffectivePolicy(
        model=model,
        kind=kind,
        declared=declared is not None,
        mode=found.mode,
        limits=limits,
        limits_digest=sha256_of(limits),
        origins=dict(found.origins),
        loosened=list(loosened(in_force.limits, found.limits)),
        problem=gov.policy.problem,
    )
