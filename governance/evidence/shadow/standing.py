"""Where a version stands: its sessions and the champion's, read from the tables and judged by the
gates that look at sessions.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection

from governance.config.model import ModelDeclaration
from governance.evidence.shadow.gathering import (
    calendar_of,
    facts_of,
    paired_sessions,
)
from governance.evidence.shadow.progress import (
    USUAL_ALPHA,
    Comparison,
    ShadowMetrics,
    ShadowProgress,
    judged_sessions,
    sessions_needed,
)
from governance.evidence.shadow.records import recorded_sessions
from governance.evidence.shadow.runs import running_trial
from governance.policy.promotion.facts import PromotionFacts, VersionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.registry import records
from governance.store.schema import activations
from governance.values import ModelVersion, iso

_HOUR = timedelta(hours=1)


def standing(
    connection: Connection,
    version: ModelVersion,
    *,
    declared: ModelDeclaration | None,
    limits: PromotionLimits,
    now: datetime,
    at: datetime | None = None,
) -> ShadowProgress:
    """
    Args:
        declared: chooses time zone and calendar. limits: what is asked.
        now: to which the soak time counts. at: the evidence cut-off; none if not given.
    """
    zone, periods = calendar_of(declared)
    trial = running_trial(connection, version.id)
    champion = records.in_production(connection, version.name)
    found = recorded_sessions(connection, version.id, at=at)
    shadow = None
    if trial is not None or found.sessions:
        soak = None if trial is None else max((now - trial.started_at) / _HOUR, 0.0)
        shadow = facts_of(found, timezone=zone, periods_per_year=periods, soak_hours=soak)
    paired = None
    if champion is not None and champion.id != version.id:
        paired = paired_sessions(connection, version, champion, found, at=at)
    facts = PromotionFacts(
        at=iso(now),
        kind=version.kind,
        stage=version.stage,
        candidate=_named(version),
        champion=None if champion is None else _named(champion),
        ever_active=_ever_active(connection, version.name),
        shadow=shadow,
        paired=paired,
    )
    comparison = Comparison.of(
        paired,
        champion="" if champion is None else champion.version,
        alpha=limits.max_false_promotion or USUAL_ALPHA,
    )
    return ShadowProgress(
        id=version.id,
        name=version.name,
        version=version.version,
        stage=version.stage,
        benchmark_id=None if trial is None else trial.benchmark_id,
        benchmark=None if trial is None else trial.benchmark,
        started_at=None if trial is None else trial.started_at,
        metrics=ShadowMetrics.of(shadow),
        criteria=judged_sessions(facts, limits),
        comparison=comparison,
        sessions_needed=sessions_needed(facts, limits, comparison),
    )


def _named(version: ModelVersion) -> VersionFacts:
    return VersionFacts(
        version_id=version.id,
        version=version.version,
        digest=version.digest,
        created_by=version.created_by,
    )


def _ever_active(connection: Connection, model: str) -> bool:
    found = connection.execute(
        select(activations.c.generation)
        .where(activations.c.model_name == model, activations.c.version_id.is_not(None))
        .limit(1)
    ).first()
    return found is not None
