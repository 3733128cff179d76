"""Decisions, replays, approvals, and what is asked for them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from governance.api.shapes.parts import TEXT, VERSION, Asked, Moment, Reason, Shown, examples
from governance.values import Verdict

Overrides = Annotated[
    dict[str, Any],
    Field(
        max_length=64,
        description="Policy values for this call alone. To ask less than the policy takes an "
        "approval and a reason.",
        examples=[{"min_shadow_days": 5}],
    ),
]
ApprovalId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    Field(examples=["0123456789abcdef0123456789abcdef"]),
]


class CheckShown(Shown):
    """What one gate said."""

    gate: str
    result: Verdict
    observed: float | str | None
    threshold: float | str | None
    reason: str
    mode: Literal["enforce", "observe"]


_DECISION = {
    "id": "0123456789abcdef0123456789abcdef",
    "operation": "promotion",
    "model": "momentum",
    "version": "1.2.0",
    "version_id": "922cc995d975",
    "verdict": "pass",
    "eligible": True,
    "forced": False,
    "overridden": False,
    "checks": [
        {
            "gate": "integrity",
            "result": "pass",
            "observed": None,
            "threshold": None,
            "reason": "the bytes are the registered ones",
            "mode": "enforce",
        }
    ],
    "policy_digest": "0" * 64,
    "verdict_hash": "0" * 64,
    "by": "ann",
    "approved_by": None,
    "reason": None,
    "approval": None,
    "at": "2013-02-01T00:00:00Z",
    "recorded_at": "2013-02-01T00:00:00Z",
    "generation": 3,
}


class DecisionShown(Shown):
    """What was decided, by whom, and what each gate said. `id` is null for a mere question."""

    model_config = ConfigDict(json_schema_extra=examples(_DECISION))

    id: str | None
    operation: str
    model: str
    version: str
    version_id: str
    verdict: Verdict
    eligible: bool
    forced: bool
    overridden: bool
    checks: list[CheckShown]
    policy_digest: str
    verdict_hash: str
    by: str
    approved_by: str | None
    reason: str | None
    approval: str | None
    at: datetime
    recorded_at: datetime | None
    generation: int | None


class DecisionWhole(DecisionShown):
    """A decision with the facts and the policy that were frozen in it."""

    facts: dict[str, Any]
    policy: dict[str, Any]


class CheckAsked(Asked):
    """What would the gates say?"""

    model_config = ConfigDict(json_schema_extra=examples({"overrides": {"min_shadow_days": 5}}))

    overrides: Overrides | None = None
    at: Moment | None = Field(default=None, description="Evidence cut-off; now if not given.")


class ValidateAsked(Asked):
    model_config = ConfigDict(json_schema_extra=examples({}))

    at: Moment | None = None


class PromoteAsked(Asked):
    """Who promotes is who sends this; who approved is who answered `approval_id`."""

    model_config = ConfigDict(
        json_schema_extra=examples({}, {"approval_id": "0123456789abcdef0123456789abcdef"})
    )

    approval_id: ApprovalId | None = None
    overrides: Overrides | None = None
    reason: Reason | None = None
    at: Moment | None = Field(
        default=None, description="Evidence cut-off and effective time; now if not given."
    )


class ForceAsked(Asked):
    """Skips the gates, never integrity. Takes the right, and a place in `force.allowed`."""

    model_config = ConfigDict(
        json_schema_extra=examples({"reason": "the champion loses money by the minute"})
    )

    reason: Annotated[str, StringConstraints(min_length=10, max_length=2000, pattern=TEXT)]
    approval_id: ApprovalId | None = None
    at: Moment | None = None


class RollbackAsked(Asked):
    model_config = ConfigDict(
        json_schema_extra=examples(
            {"reason": "errors since the promotion"},
            {"reason": "errors", "to_version": "1.1.0"},
        )
    )

    reason: Reason
    to_version: Annotated[str, StringConstraints(pattern=VERSION, max_length=64)] | None = Field(
        default=None,
        description="A number or an id; the latest earlier one that may take over if not given.",
    )
    at: Moment | None = None


class ReplayShown(Shown):
    """A stored decision judged again from what was frozen in it."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": "0123456789abcdef0123456789abcdef",
                "operation": "promotion",
                "model": "momentum",
                "version": "1.2.0",
                "same": True,
                "replayable": True,
                "reason": "",
                "verdict": "pass",
                "verdict_hash": "0" * 64,
                "stored_verdict_hash": "0" * 64,
            }
        )
    )

    id: str
    operation: str
    model: str
    version: str
    same: bool
    replayable: bool
    reason: str
    verdict: Verdict
    verdict_hash: str
    stored_verdict_hash: str | None


class ApprovalAsked(Asked):
    """Somebody is asked; bound to the bytes, the policy and the generation of now."""

    model_config = ConfigDict(json_schema_extra=examples({"purpose": "promotion"}))

    purpose: Literal["promotion", "force"] = "promotion"
    overrides: Overrides | None = None


class AnswerAsked(Asked):
    model_config = ConfigDict(
        json_schema_extra=examples({"approve": True, "comment": "looked at the trial"})
    )

    approve: bool
    comment: Reason


class ApprovalShown(Shown):
    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": "0123456789abcdef0123456789abcdef",
                "model": "momentum",
                "version_id": "922cc995d975",
                "version": "1.2.0",
                "purpose": "promotion",
                "digest": "0" * 64,
                "policy_digest": "0" * 64,
                "generation": 2,
                "state": "pending",
                "requested_by": "ann",
                "requested_at": "2013-02-01T00:00:00Z",
                "expires_at": "2013-02-04T00:00:00Z",
                "answered_by": None,
                "answered_at": None,
                "comment": None,
                "decision_id": None,
            }
        )
    )

    id: str
    model: str
    version_id: str
    version: str
    purpose: Literal["promotion", "force"]
    digest: str
    policy_digest: str
    generation: int
    state: Literal["pending", "approved", "rejected", "used"]
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    answered_by: str | None
    answered_at: datetime | None
    comment: str | None
    decision_id: str | None
