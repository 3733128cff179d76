"""What is asked of a version: the policy in force with a request laid over it, and its record.

A request may ask more than the policy by itself. Asking less needs somebody who approved it, by the
rules that the policy itself has for approvers, and a reason; the decision then says ``overridden``.
The record is frozen into the decision with all that is needed to judge again, and to try another
policy on it: the limits that counted, what the environment said, and the request.

Neighbours: ``policy_in_force`` (which file counts), ``governance.policy.promotion.effective`` (how
layers are laid). Pure beyond its arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from governance.canonical import canonical_json, sha256_of
from governance.errors import (
    ApprovalRequiredError,
    ApproverNotAllowedError,
    InvalidInputError,
    ReasonRequiredError,
)
from governance.policy.gates.approval import check_approval
from governance.policy.people import visible
from governance.policy.promotion.criteria import PromotionCriteria
from governance.policy.promotion.decide import decide_promotion
from governance.policy.promotion.effective import Effective, loosened
from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.verdict import Judgement
from governance.values import Verdict

FORMAT = "promotion-1"
ENVIRONMENT = "environment"  # the name of that layer


@dataclass(frozen=True, slots=True)
class Asked:
    """
    Attributes:
        limits: what counts. in_force: the same without the request.
        record: what the decision keeps as its policy; digest: its hash, which approvals are bound
            to.
        loosened: the keys in which the request asks less than the policy.
    """

    limits: PromotionLimits
    in_force: PromotionLimits
    record: Mapping[str, Any]
    digest: str
    loosened: tuple[str, ...]

    def judge(self, facts: PromotionFacts) -> Judgement:
        """What the gates say, with the whole record as the policy that it is hashed with."""
        return decide_promotion(facts, self.limits, record=self.record)

    def check_loosening(self, facts: PromotionFacts, *, reason: str | None) -> None:
        """Refuse a request that asks less, unless somebody who may has approved it.

        Raises:
            ReasonRequiredError, ApprovalRequiredError, ApproverNotAllowedError
        """
        if not self.loosened:
            return
        keys = ", ".join(self.loosened)
        if not visible(reason or ""):
            raise ReasonRequiredError(
                f"the request asks less than the policy ({keys}), which needs a reason; say why, "
                "or leave it out"
            )
        if facts.approval.approved_by is None:
            raise ApprovalRequiredError(
                f"the request asks less than the policy ({keys}), which somebody must approve; "
                "name them (approved_by, or the id of an answered approval), or leave it out"
            )
        check_approver(facts, self.in_force)


def check_approver(facts: PromotionFacts, limits: PromotionLimits) -> None:
    """Refuse who is named in ``facts.approval`` if the policy does not let them approve.

    Raises:
        ApproverNotAllowedError: with the reason that the gate ``approval`` gives.
    """
    asked = limits.model_copy(update={"require_approval": True})
    for said in check_approval(facts, asked):
        if said.result is not Verdict.PASS:
            raise ApproverNotAllowedError(
                f"this approval does not count: {said.reason}; ask one who may ({said.threshold})"
            )


def check_force_approver(facts: PromotionFacts, limits: PromotionLimits) -> None:
    """The same for a force, if somebody is named at all: no record says that whoever made a version
    approved its force. Who answered a request is on ``force.allowed`` instead of ``approvers``.

    Raises:
        ApproverNotAllowedError
    """
    if facts.approval.bound:
        limits = limits.model_copy(update={"approvers": ()})
    if facts.approval.approved_by is not None:
        check_approver(facts, limits)


def ask(
    effective: Effective,
    in_force: PromotionLimits,
    *,
    request: Mapping[str, Any] | None = None,
    criteria: PromotionCriteria | Mapping[str, Any] | None = None,
) -> Asked:
    """
    Args:
        effective: with the request laid over; in_force: without it.
        criteria: document 000's, in place of the shadow part; for a look that decides nothing.
    """
    limits = effective.limits
    if criteria is not None:
        limits = PromotionCriteria.of(criteria).applied_to(limits)
    plain = limits.as_json()
    record = {
        "format": FORMAT,
        "mode": effective.mode,
        "limits": plain,
        ENVIRONMENT: {
            key: plain[key]
            for key, origin in effective.origins.items()
            if origin == ENVIRONMENT and key in plain
        },
        "request": request_of(request),
        **({} if criteria is None else {"criteria": asdict(PromotionCriteria.of(criteria))}),
    }
    return Asked(limits, in_force, record, sha256_of(record), loosened(in_force, limits))


def request_of(overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """Overrides as plain JSON.

    >>> request_of({"required_targets": ("reject", "break")})
    {'required_targets': ['reject', 'break']}
    """
    if overrides is None:
        return {}
    if not isinstance(overrides, Mapping):
        raise InvalidInputError("overrides are a mapping of policy keys to values")
    for key, value in overrides.items():
        try:
            canonical_json(value)
        except InvalidInputError as error:
            if isinstance(error.__cause__, ValueError):  # None would ask nothing
                raise InvalidInputError(
                    f"request: {str(key)[:120]} is NaN or infinite; give a finite number"
                ) from None
            raise
    plain: dict[str, Any] = json.loads(canonical_json(overrides))
    return plain
