"""The gates of document 004 on a foreign manifest: the same pure functions as in a promotion.

Asked are completeness of the bundle, age of the data, feature version and excursions; a foreign
trainer has no shadow, stage or registry. Missing evidence passes nothing, here as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from governance.errors import InvalidInputError
from governance.policy.gates.bundle import check_bundle
from governance.policy.gates.excursions import check_excursions
from governance.policy.gates.feature_version import check_feature_version
from governance.policy.gates.freshness import check_freshness
from governance.policy.promotion.effective import FORCE, environment_values
from governance.policy.promotion.facts import PromotionFacts, VersionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import Judgement
from governance.values import Kind, Stage, Verdict, iso

# What document 004 asks where its environment says nothing.
DEFAULTS: Mapping[str, Any] = {
    "required_targets": ("reject", "break"),
    "required_horizons": (5, 15, 60),
    "min_trained_end_delta_ms": 0,
    "max_mfe_regression_bps": 1.5,
    "max_mae_worsening_bps": 2.0,
    "allow_feature_version_change": False,
}
_YES, _NO = (
    frozenset({"1", "true", "yes", "y", "on"}),
    frozenset({"", "0", "false", "no", "n", "off"}),
)


def limits_of(environment: Mapping[str, str], **given: Any) -> PromotionLimits:
    """Document 004's limits: its defaults, its environment variables, then what was ``given``.

    >>> limits_of({"MODEL_GOV_REQUIRED_HORIZONS": "5,15"}).required_horizons
    (5, 15)
    """
    options = {name: value for name, value in given.items() if value is not None}
    try:
        return PromotionLimits.model_validate(
            {**DEFAULTS, **environment_values(environment), **options}
        )
    except ValidationError as error:
        wrong = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise InvalidInputError(f"{wrong}; correct the option") from None


def force_asked(environment: Mapping[str, str]) -> bool:
    """Whether ``MODEL_GOV_FORCE_PROMOTE`` says so; honoured here alone."""
    text = environment.get(FORCE, "").strip().lower()
    if text not in _YES | _NO:
        raise InvalidInputError(f"{FORCE}={text[:40]!r} is neither true nor false; write 1 or 0")
    return text in _YES


def judge(
    candidate: VersionFacts,
    active: VersionFacts | None,
    limits: PromotionLimits,
    *,
    at: datetime,
    ever_active: bool,
) -> Judgement:
    """What the gates say of ``candidate`` beside what is active."""
    facts = PromotionFacts(
        at=iso(at),
        kind=Kind.CLASSIFIER,
        stage=Stage.STAGING,
        candidate=candidate,
        champion=active,
        ever_active=ever_active,
    )
    checks = (
        *check_bundle(facts, limits),
        *check_freshness(facts, limits),
        *check_feature_version(facts, limits),
        *check_excursions(facts, limits),
    )
    return Judgement.of(checks, policy=limits.as_json(), facts=facts.as_json())


def failures(said: Judgement) -> list[str]:
    """What did not pass, in sentences."""
    return [
        f"{check.gate}: {check.reason}"
        for check in said.checks
        if check.mode == "enforce" and check.result is not Verdict.PASS
    ]
