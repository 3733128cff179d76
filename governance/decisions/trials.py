"""Stands in until shadow trials are recorded: no version has run in one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from governance.policy.promotion.facts import PairedFacts, ShadowFacts
from governance.values import ModelVersion


def shadow_facts(
    connection: Connection, version: ModelVersion, *, at: datetime, timezone: str
) -> ShadowFacts | None:
    return None


def paired_facts(
    connection: Connection, version: ModelVersion, champion: ModelVersion, *, at: datetime
) -> PairedFacts | None:
    return None


def end_trial(
    tx: Connection, version_id: str, *, state: str, by: str, at: datetime, reason: str
) -> None:
    return None
