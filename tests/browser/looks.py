"""A month of looks for drift, written as a scan writes them; a storm passes six days ago."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from math import exp
from typing import Any

from benchmarks.harness.pages_drift import shifted_by
from governance import Governance
from governance.evidence.drift.records import report_store
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.policy.drift.episodes import Episode
from governance.policy.drift.limits import DriftLimits
from governance.values import ModelVersion, Severity

# A text that would run as a script where a page forgot to escape it.
ATTACK = """<img src=x onerror="window.hacked=1">'"`<script>window.hacked=2</script>&amp;{{7*7}}"""
DAY = timedelta(days=1)
FEATURES = (
    *("dep_delay", "wind_gust", "visibility", "precipitation", "temperature", "humidity"),
    *("pressure", "wind_speed", "distance", "sched_dep_hour", "carrier", "origin"),
    *("destination", "day_of_week", "aircraft_age", "dew_point"),
)
_STORM = {"visibility": 0.42, "wind_gust": 0.36, "precipitation": 0.3, "dep_delay": 0.22}


def looks(
    gov: Governance,
    version: ModelVersion,
    now: datetime,
    *,
    days: int = 30,
    names: tuple[str, ...] = FEATURES,
) -> str:
    """One look a day; a storm passes six days ago. Gives the path of the worst cell."""
    source, worst = random.Random(11), ("", 0.0)
    for ago in range(days, -1, -1):
        at = now - ago * DAY
        found = report_store.worst_first([_feature(source, name, ago) for name in names])
        severe = [one for one in found if one.severity is Severity.SEVERE]
        report = DriftReport(
            id=report_store.report_id(version.name, version.id, at),
            model=version.name,
            version_id=version.id,
            version=version.version,
            at=at,
            severity=Severity.SEVERE if severe else Severity.NORMAL,
            rows=960,
            features=found,
            reference={"window": {}, "rolling": {"days": 28}, "histograms": _shares(severe)},
            reasons=tuple(one.reason for one in severe[:3]),
            policy=DriftLimits().as_json(),
            evidence_digest="0" * 64,
            episode={**Episode().as_json(), "closes": [], "quarantined": []},
            revision=1,
        )
        with gov.database.begin() as tx:
            report_store.write(tx, report, now=at, day_close=True)
        highest = found[0].figures.ks or 0.0
        if severe and highest > worst[1]:
            worst = f"{report.id[:12]}.0", highest
    return worst[0]


def _feature(source: random.Random, name: str, ago: int) -> FeatureReport:
    peak = 0.4 if name == ATTACK else _STORM.get(name, 0.0)
    effect = 0.03 + abs(source.gauss(0, 0.022)) + peak * exp(-(((ago - 6) / 2.2) ** 2))
    effect += 0.4 if name == ATTACK else 0.0
    return shifted_by(effect, name, 0.1, f"{name}: KS {effect:.2f}", ks_bound=0.02)


def _shares(severe: list[FeatureReport]) -> dict[str, Any]:
    shares = {
        "labels": ["below 0.5", "0.5 to 2", "2 to 5", "5 to 8", "8 to 10", "10 and more"],
        "reference": [0.02, 0.05, 0.09, 0.14, 0.2, 0.5],
        "current": [0.16, 0.19, 0.17, 0.15, 0.12, 0.21],
    }
    return {one.feature: shares for one in severe[:8]}
