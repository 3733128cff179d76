"""What is asked of a model, and what another policy would ask."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from governance.api.shapes.decisions import Overrides
from governance.api.shapes.parts import Asked, Shown, examples
from governance.values import Kind, Verdict

_FILE = "defaults:\n  promotion:\n    min_shadow_days: 5\n"
PolicyText = Annotated[
    str,
    StringConstraints(max_length=65_536),
    Field(description="A policy file's text (YAML).", examples=[_FILE]),
]


class EffectivePolicy(Shown):
    """What counts for one model, and which layer said it."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "model": "momentum",
                "kind": "trading",
                "declared": True,
                "mode": "enforce",
                "limits": {"min_shadow_days": 3},
                "limits_digest": "0" * 64,
                "origins": {"min_shadow_days": "default"},
                "loosened": [],
                "problem": None,
            }
        )
    )

    model: str
    kind: Kind
    declared: bool = Field(description="Does `governance.yaml` declare it?")
    mode: Literal["enforce", "observe"]
    limits: dict[str, Any]
    limits_digest: str
    origins: dict[str, str] = Field(
        description="Layer that said it: default, kind, model, environment, request."
    )
    loosened: list[str] = Field(description="Keys in which the request asks less than the policy.")
    problem: str | None = Field(description="What is wrong with the policy file now.")


class ExplainAsked(Asked):
    """The policy with a request's values laid over it."""

    model_config = ConfigDict(json_schema_extra=examples({"overrides": {"min_shadow_days": 5}}))

    overrides: Overrides = Field(default_factory=dict)


class PolicyAsked(Asked):
    model_config = ConfigDict(json_schema_extra=examples({"policy": _FILE}))

    policy: PolicyText


class PolicyChecked(Shown):
    """The file can be taken; else 422 with every mistake, its line and column."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {"mode": "enforce", "models": ["momentum"], "may_force": ["eve"]}
        )
    )

    mode: Literal["enforce", "observe"]
    models: list[str]
    may_force: list[str]


class FlipShown(Shown):
    id: str
    model: str
    version: str
    at: datetime
    forced: bool
    before: Verdict
    after: Verdict
    reasons: list[str]


class PolicyBacktestShown(Shown):
    """What another policy would have said of the promotions so far."""

    model_config = ConfigDict(
        json_schema_extra=examples({"judged": 12, "flips": [], "changed": 0, "not_replayable": {}})
    )

    judged: int
    flips: list[FlipShown]
    changed: int
    not_replayable: dict[str, str]
