"""What one look saw, and the looks that saw nothing.

A look without evidence is recorded like any other, as INSUFFICIENT, so that missed looks count and
raise an alarm in the end. Neighbours: ``looking`` (measures), ``recording`` (makes it a record).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from governance.canonical import sha256_of
from governance.evidence.drift.normal.calendar import DAY
from governance.evidence.drift.records import profile_store
from governance.evidence.drift.records.profile_store import StoredProfile, storable
from governance.evidence.drift.scanning.watching import Watch
from governance.policy.drift.facts import Look
from governance.policy.drift.findings import Judged, judge
from governance.policy.drift.limits import DriftLimits
from governance.values import ModelVersion, iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    Attributes:
        reference: as ``DriftReport.reference`` has it.
        evidence: digest of all that the report hangs on, but for the state of the alarm rules.
        needed_since: no later look needs a recorded day that began before.
        changed: profiles that are to be recorded with the report.
    """

    version: ModelVersion
    watch: Watch
    at: datetime
    limits: DriftLimits
    look: Look
    judged: Judged
    reference: Mapping[str, Any]
    evidence: str
    needed_since: datetime
    changed: list[StoredProfile] = field(default_factory=list)


def effective_lookback(limits: DriftLimits, days: int) -> int:
    """Days among which a reference of ``days`` days is looked for."""
    return max(limits.lookback_days, days)


def needed_since(at: datetime, lookback: int) -> datetime:
    """Where recorded days begin that looks from ``at`` on may ask for."""
    return at - timedelta(days=lookback) - profile_store.KEPT_BEYOND_LOOKBACK


def nothing_known(
    version: ModelVersion, watch: Watch, *, at: datetime, days: int, limits: DriftLimits
) -> Seen:
    """A version that nothing is known of, and nothing can be learnt of yet."""
    problem = (
        f"the live data before the window have fewer than {limits.min_block_days} whole days with "
        "rows, so there is nothing to compare with; wait for data, or look at drift.live"
    )
    evidence = sha256_of(["drift-evidence-1", None, limits.as_json()])
    return _without_evidence(version, watch, problem, evidence, at=at, days=days, limits=limits)


def unreachable(
    version: ModelVersion,
    watch: Watch,
    problem: str,
    *,
    at: datetime,
    days: int,
    limits: DriftLimits,
) -> Seen:
    """A look at a source that gave no answer; ``problem`` is what it failed with."""
    told = storable(problem)
    evidence = sha256_of(["drift-evidence-1", "unreachable", told, limits.as_json()])
    return _without_evidence(version, watch, told, evidence, at=at, days=days, limits=limits)


def _without_evidence(
    version: ModelVersion,
    watch: Watch,
    problem: str,
    evidence: str,
    *,
    at: datetime,
    days: int,
    limits: DriftLimits,
) -> Seen:
    look = Look(features=(), rows=0, day_close=watch.calendar.is_close(at), problems=(problem,))
    start = at - DAY
    return Seen(
        version=version,
        watch=watch,
        at=at,
        limits=limits,
        look=look,
        judged=judge(look, limits),
        reference={
            "window": {
                "start": iso(start),
                "end": iso(at),
                "class": watch.calendar.class_of_window(start, at),
                "day_close": look.day_close,
                "missing_hours": {},
            },
            "rolling": None,
            "frozen": None,
            "problems": [problem],
            "breadth_p": None,
            "histograms": {},
        },
        evidence=evidence,
        needed_since=needed_since(at, effective_lookback(limits, days)),
    )
