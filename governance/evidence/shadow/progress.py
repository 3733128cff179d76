"""How far a challenger is: its figures, each criterion with what is missing, the comparison. Pure.

The gates of ``governance.policy`` are asked here, so that what a list shows and what a promotion
asks are the same. Not promised: that a version whose criteria are all met is promoted; integrity,
approval, drift and the rest are looked at then (``gov.promotion.check_promotion_eligibility``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from governance.policy.facts import finite
from governance.policy.gates.champion_comparison import check_champion_comparison
from governance.policy.gates.shadow import check_shadow
from governance.policy.gates.soak import check_soak
from governance.policy.promotion.facts import PairedFacts, PromotionFacts, ShadowFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.policy.promotion.paired_test import PairedTest
from governance.policy.verdict import GateResult
from governance.values import Verdict

# For the interval that is shown where the policy asks for no comparison.
USUAL_ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowMetrics:
    """The sessions of a version together, in document 000's words; ``None``: no session has it."""

    sessions_completed: int = 0
    days: int = 0
    total_trades: int | None = None
    turnover_ratio: float | None = None
    live_sharpe_ratio: float | None = None
    max_drawdown: float | None = None
    drift_psi: float | None = None
    avg_latency_ms: float | None = None
    error_rate: float | None = None
    soak_hours: float | None = None

    @classmethod
    def of(cls, facts: ShadowFacts | None) -> ShadowMetrics:
        if facts is None:
            return cls()
        return cls(
            sessions_completed=facts.sessions,
            days=facts.days,
            total_trades=facts.trades,
            turnover_ratio=facts.turnover_ratio,
            live_sharpe_ratio=facts.sharpe_ratio,
            max_drawdown=facts.max_drawdown,
            drift_psi=facts.drift_psi,
            avg_latency_ms=facts.avg_latency_ms,
            error_rate=facts.error_rate,
            soak_hours=facts.soak_hours,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The paired comparison with the champion.

    Attributes:
        pairs: sessions that both recorded. mean: of candidate minus champion.
        low, high: where the true mean lies, valid at every look; ``None`` before there is a spread.
        p_value: of "no better than the champion", at every look, for all candidates together.
        candidates: versions tried against this champion.
        verdict: better, worse or open.
        sessions_needed: how many more show it better at the present estimate; ``None``: never.
    """

    champion: str
    pairs: int
    mean: float | None
    low: float | None
    high: float | None
    p_value: float | None
    candidates: int
    verdict: str
    sessions_needed: int | None

    @classmethod
    def of(cls, paired: PairedFacts | None, *, champion: str, alpha: float) -> Comparison | None:
        if paired is None:
            return None
        test = PairedTest(paired.pairs, paired.mean, paired.sd, paired.candidates, alpha)
        low, high = test.interval or (None, None)
        return cls(
            champion=champion,
            pairs=paired.pairs,
            mean=paired.mean,
            low=finite(low),
            high=finite(high),
            p_value=test.p_value,
            candidates=paired.candidates,
            verdict=test.verdict,
            sessions_needed=test.sessions_needed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowProgress:
    """A version in its trial (or the champion beside it). ``progress["name"]`` reads a field, too.

    Attributes:
        id, name, version, stage: the version. benchmark: the version number it is compared with.
        metrics: its sessions together.
        criteria: one result for each criterion that the policy asks of its sessions.
        comparison: with the champion; ``None`` where there is none.
        sessions_needed: how many more the criteria need at least, the comparison included;
            ``None`` when at the present estimate no number of sessions would do.
        created: the session that was just recorded was not there before.
    """

    id: str
    name: str
    version: str
    stage: str
    benchmark_id: str | None = None
    benchmark: str | None = None
    started_at: datetime | None = None
    metrics: ShadowMetrics = field(default_factory=ShadowMetrics)
    criteria: tuple[GateResult, ...] = ()
    comparison: Comparison | None = None
    sessions_needed: int | None = 0
    created: bool = False

    @property
    def promotion_eligible(self) -> bool:
        """Are the criteria asked of its sessions met? The other gates are asked at promotion."""
        return bool(self.criteria) and all(
            said.result is Verdict.PASS for said in self.criteria if said.mode == "enforce"
        )

    def __getitem__(self, name: str) -> Any:
        return getattr(self, {"model_id": "id", "strategy": "name"}.get(name, name))

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "stage": self.stage,
            "benchmark_id": self.benchmark_id,
            "benchmark": self.benchmark,
            "started_at": self.started_at,
            "metrics": asdict(self.metrics),
            "criteria": [said.as_json() for said in self.criteria],
            "comparison": None if self.comparison is None else asdict(self.comparison),
            "sessions_needed": self.sessions_needed,
            "promotion_eligible": self.promotion_eligible,
        }


def judged_sessions(facts: PromotionFacts, limits: PromotionLimits) -> tuple[GateResult, ...]:
    """What the gates that look at sessions say, each in the mode that the policy gives it."""
    said = (
        *check_shadow(facts, limits),
        *check_soak(facts, limits),
        *check_champion_comparison(facts, limits),
    )
    return tuple(replace(result, mode=limits.mode_of(result.gate)) for result in said)


def sessions_needed(
    facts: PromotionFacts, limits: PromotionLimits, comparison: Comparison | None
) -> int | None:
    """The most that one of the criteria lacks; a day more needs one session at least.

    ``None`` when the policy enforces a comparison that would never be decided for the version.
    """
    seen = facts.shadow or ShadowFacts()
    lacking = [
        (limits.min_shadow_sessions or 0) - seen.sessions,
        (limits.min_shadow_days or 0) - seen.days,
    ]
    if limits.max_false_promotion is not None and comparison is not None:
        if comparison.sessions_needed is None:
            return None
        lacking.append(comparison.sessions_needed)
    return max(0, *lacking)
