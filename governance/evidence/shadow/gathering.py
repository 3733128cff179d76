"""Recorded sessions as facts for the gates: of one version, and paired with the champion's.

What is read ends at the evidence cut-off, so that a decision made for a past moment rests on what
was known of it. Not cut off is the number of candidates: who was tried is a fact about the person
who chooses, not about the market.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from governance.config.model import ModelDeclaration
from governance.evidence.shadow.pairing import paired_differences
from governance.evidence.shadow.records import recorded_sessions
from governance.evidence.shadow.runs import candidates, running_trial
from governance.evidence.shadow.summary import PERIODS_PER_YEAR, ShadowSummary
from governance.policy.promotion.facts import PairedFacts, ShadowFacts
from governance.values import ModelVersion

_HOUR = timedelta(hours=1)


def calendar_of(declared: ModelDeclaration | None) -> tuple[str, float]:
    """Time zone and periods a year of a model; UTC and 252 trading days where it declares none."""
    if declared is None:
        return "UTC", PERIODS_PER_YEAR
    trading = declared.trading
    return declared.timezone, PERIODS_PER_YEAR if trading is None else trading.periods_per_year


def shadow_facts(
    connection: Connection,
    version: ModelVersion,
    *,
    at: datetime,
    timezone: str,
    periods_per_year: float = PERIODS_PER_YEAR,
    found: ShadowSummary | None = None,
) -> ShadowFacts | None:
    """What the sessions of a version that ended by ``at`` say together.

    Args:
        timezone: IANA name; its calendar dates are the days.
        periods_per_year: returns in a year, which annualises the Sharpe ratio of pooled returns.
        found: the sessions by then, where they were read already.

    ``None`` if it has no session and no running trial. The soak time counts from the running
    trial's start, and is 0 for an ``at`` before it.
    """
    trial = running_trial(connection, version.id)
    if found is None:
        found = recorded_sessions(connection, version.id, at=at)
    if trial is None and not found.sessions:
        return None
    soak = None if trial is None else max((at - trial.started_at) / _HOUR, 0.0)
    return facts_of(found, timezone=timezone, periods_per_year=periods_per_year, soak_hours=soak)


def facts_of(
    found: ShadowSummary,
    *,
    timezone: str,
    periods_per_year: float = PERIODS_PER_YEAR,
    soak_hours: float | None = None,
) -> ShadowFacts:
    """A summary as the gates' facts."""
    performance = found.performance(periods_per_year)
    return ShadowFacts(
        sessions=found.sessions,
        days=found.days(timezone),
        trades=found.trades,
        turnover_ratio=found.mean("turnover_ratio"),
        sharpe_ratio=performance.sharpe_ratio,
        max_drawdown=performance.max_drawdown,
        drift_psi=found.maximum("drift_psi"),
        avg_latency_ms=found.mean("avg_latency_ms"),
        error_rate=found.mean("error_rate"),
        pooled=found.pooled,
        lacking=found.lacking,
        soak_hours=soak_hours,
    )


def paired_facts(
    connection: Connection,
    version: ModelVersion,
    champion: ModelVersion | None,
    *,
    at: datetime,
    found: ShadowSummary | None = None,
    beside: ShadowSummary | None = None,
) -> PairedFacts | None:
    """The sessions that both versions recorded by ``at``: the version's gain minus the champion's.

    Args:
        found, beside: the version's and the champion's by then, where they were read already.

    ``None`` where there is no champion to compare with.
    """
    if champion is None or champion.id == version.id:
        return None
    if found is None:
        found = recorded_sessions(connection, version.id, at=at)
    return paired_sessions(connection, version, champion, found, at=at, beside=beside)


def paired_sessions(
    connection: Connection,
    version: ModelVersion,
    champion: ModelVersion,
    found: ShadowSummary,
    *,
    at: datetime | None,
    beside: ShadowSummary | None = None,
) -> PairedFacts:
    """The same, with the version's sessions read already and a cut-off that may be missing."""
    if beside is None:
        beside = recorded_sessions(connection, champion.id, at=at)
    differences = paired_differences(found, beside)
    return PairedFacts(
        benchmark=champion.id,
        pairs=differences.pairs,
        mean=differences.mean,
        sd=differences.sd,
        candidates=candidates(connection, version.id, champion.id),
    )
