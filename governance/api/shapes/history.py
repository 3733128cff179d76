"""The audit log, the dashboard and the configuration."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from governance.api.shapes.decisions import ApprovalShown, DecisionShown
from governance.api.shapes.evidence import IncidentShown
from governance.api.shapes.parts import Shown, examples
from governance.api.shapes.shadow import TrialShown


class AuditEntryShown(Shown):
    """One entry, as it was written."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "seq": 1,
                "recorded_at": "2013-02-01T00:00:00.000000Z",
                "actor": "ann",
                "action": "version.registered",
                "model": "momentum",
                "version_id": "922cc995d975",
                "details": {},
                "previous_hash": "0" * 64,
                "hash": "1" * 64,
            }
        )
    )

    seq: int
    recorded_at: str
    actor: str
    action: str
    model: str
    version_id: str
    details: dict[str, Any]
    previous_hash: str
    hash: str


class Verified(Shown):
    """The log and its records are as they were written; else 409 with the first bad `seq`."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {"intact": True, "entries": 812, "head": "1" * 64, "anchored": False}
        )
    )

    intact: bool
    entries: int
    head: str
    anchored: bool = Field(
        description="Held against a checkpoint: never over HTTP, where a cut tail is not seen."
    )


class DashboardShown(Shown):
    """Of the models that one sees: how many, what runs, what waits, what happened last."""

    models: int
    versions_by_stage: dict[str, int]
    open_incidents: list[IncidentShown]
    running_trials: list[TrialShown]
    pending_approvals: list[ApprovalShown]
    latest_decisions: list[DecisionShown]
    drift: dict[str, int] = Field(
        description="Models by the severity of their latest report; `none`: never looked at."
    )


class ConfigShown(Shown):
    """Settings and `governance.yaml`, with every secret taken out."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "settings": {"home": "/srv/governance", "database_url": "postgresql://db"},
                "governance": {"models": {}, "access": {"grants": [], "others": "airflow"}},
                "policy_problem": None,
            }
        )
    )

    settings: dict[str, Any]
    governance: dict[str, Any]
    policy_problem: str | None
