"""The honesty loop: how often the alarm rules fire on days on which nothing happened.

Each reference day is looked at as if it were today, against the other days of the reference (A/A:
both sides are from the same time, and quarantined days are not among them). What fires is false, or
the reference is not as calm as believed; either way the measured rate stands beside the budget of
the policy. Pure.

Not promised: a sharp figure. Even without any alarm it takes 92 days to show at most one a month
(Poisson, 95 %), so the upper bound says how much is known; looks between the closes of days are not
repeated here (the rule for them asks for more).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from scipy.special import chdtri

from governance.evidence.drift.normal.comparison import compare
from governance.evidence.drift.normal.reference import Reference
from governance.evidence.drift.profiles.block import ProfileBlock
from governance.evidence.drift.profiles.layout import Layout
from governance.policy.drift.episodes import Episode, step
from governance.policy.drift.facts import Look
from governance.policy.drift.findings import judge
from governance.policy.drift.limits import DriftLimits
from governance.values import Verdict

DAYS_OF_A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """
    Attributes:
        days: days that could be looked at.
        features: watched features.
        flagged_share: share of features flagged on such a day, on average; None without days.
        alarm_days: days on which an alarm about drift would have begun.
        per_month: alarms in a month at that rate; `upper_bound` at 95 % (Poisson).
        budget: what the policy allows in a month.
        verdict: PASS where the upper 95 % bound is within the budget; FAIL where the lower one is
            above it; INSUFFICIENT where the days cannot tell.
    """

    days: int
    features: int
    flagged_share: float | None
    alarm_days: int
    per_month: float | None
    upper_bound: float | None
    budget: float
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def measure(
    layout: Layout, days: Sequence[tuple[date, str, ProfileBlock]], limits: DriftLimits
) -> FalseAlarms:
    """
    Args:
        days: the reference days with their classes and blocks, in any order.
    """
    ordered = sorted(days, key=lambda item: item[0])
    state, flagged, alarms, looked = Episode(), [], 0, 0
    for number, (day, day_class, block) in enumerate(ordered):
        others = [*ordered[:number], *ordered[number + 1 :]]
        reference = Reference.from_days(layout, others, minimum=limits.min_block_days)
        found = compare(block, day_class, rolling=reference)
        if not reference.calibrated or block.rows < limits.min_rows:
            continue
        looked += 1
        look = Look(
            features=found.features, rows=block.rows, breadth_p=found.breadth_p, day_close=True
        )
        judged = judge(look, limits)
        flagged.append(np.mean([verdict.flagged for verdict in judged.verdicts]))
        at = datetime.combine(day + timedelta(days=1), time(), UTC)
        state, events = step(state, judged, look, at=at, limits=limits)
        alarms += sum(event.kind == "drift" and event.event == "opened" for event in events)
    months = looked / DAYS_OF_A_MONTH
    rate = alarms / months if looked else None
    upper = float(chdtri(2 * (alarms + 1), 0.05) / 2 / months) if looked else None
    return FalseAlarms(
        days=looked,
        features=len(layout.features),
        flagged_share=float(np.mean(flagged)) if flagged else None,
        alarm_days=alarms,
        per_month=rate,
        upper_bound=upper,
        budget=limits.alarms_per_month,
        verdict=_verdict(alarms, months, upper, limits.alarms_per_month),
    )


def _verdict(alarms: int, months: float, upper: float | None, budget: float) -> Verdict:
    if upper is None:
        return Verdict.INSUFFICIENT
    if upper <= budget:
        return Verdict.PASS
    lower = float(chdtri(2 * alarms, 0.95) / 2 / months) if alarms else 0.0
    return Verdict.FAIL if lower > budget else Verdict.INSUFFICIENT
