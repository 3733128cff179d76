"""Ninety days of hourly looks at one version, with what is kept of them after 35 days."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from math import exp
from typing import Any

from sqlalchemy import Connection

from governance.evidence.drift.records import report_store
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.policy.drift.episodes import Episode
from governance.policy.drift.facts import FeatureFigures, Finding
from governance.policy.drift.limits import DriftLimits
from governance.values import ModelVersion, Severity

KEPT_DAYS = 35  # of looks that end no day
_LABELS = ["below 0.5", "0.5 to 2", "2 to 5", "5 to 8", "8 to 10", "10"]


def write_looks(
    tx: Connection, version: ModelVersion, *, until: datetime, days: int, count: int
) -> None:
    """Looks of each hour; two episodes of drift move some of the features."""
    source = random.Random(11)
    names = [f"{word}_{number:02}" for number in range(count) for word in _word(number)]
    for hour in range(days * 24, -1, -1):
        at = until - timedelta(hours=hour)
        closes_day = at.hour == 0
        kept = closes_day or hour < KEPT_DAYS * 24
        features = [_feature(source, name, n, hour / 24) for n, name in enumerate(names)]
        severe = [one for one in features if one.severity is Severity.SEVERE]
        worst = Severity.SEVERE if len(severe) > 2 else Severity.NORMAL
        report_store.write(
            tx,
            DriftReport(
                id=report_store.report_id(version.name, version.id, at),
                model=version.name,
                version_id=version.id,
                version=version.version,
                at=at,
                severity=worst,
                rows=960,
                features=report_store.worst_first(features) if kept else (),
                reference=_reference(severe if closes_day else []),
                reasons=tuple(f"{one.feature} moved" for one in severe[:3]),
                policy=DriftLimits().as_json(),
                evidence_digest="0" * 64,
                episode={**Episode().as_json(), "closes": [], "quarantined": []},
                revision=1,
            ),
            now=at,
            day_close=True,
        )


def _word(number: int) -> tuple[str]:
    return (("visib", "wind", "precip", "dep_delay", "distance")[number % 5],)


def _feature(source: random.Random, name: str, number: int, ago: float) -> FeatureReport:
    storm = 0.35 * exp(-(((ago - 20 - number % 4) / 4) ** 2)) if number % 7 == 0 else 0.0
    trend = 0.22 * max(0.0, 1 - ago / 30) if number % 13 == 1 else 0.0
    effect = min(1.0, 0.03 + storm + trend + abs(source.gauss(0, 0.02)))
    reason = f"KS {effect:.2f}"
    return shifted_by(effect, name, 0.12, reason, ks_bound=0.01, p_value=0.2, q_value=0.4)


def shifted_by(
    effect: float, name: str, moderate: float, reason: str, **figures: Any
) -> FeatureReport:
    """What a look says of a feature whose distribution moved by ``effect``; moderate from
    ``moderate`` on. Stands in for one, so that weeks of looks are made at once.
    """
    severity = Severity.NORMAL
    if effect > moderate:
        severity = Severity.SEVERE if effect > 0.25 else Severity.MODERATE
    moved = severity is not Severity.NORMAL
    return FeatureReport(
        feature=name,
        severity=severity,
        finding=Finding.SHIFTED if moved else Finding.STABLE,
        reason=reason if moved else "",
        figures=FeatureFigures(
            feature=name,
            kind="numeric",
            rows=940,
            reference_rows=27_000,
            missing_share=0.01,
            reference_missing_share=0.012,
            ks=effect,
            psi=effect**2 * 4,
            psi_null=0.03,
            effect=effect,
            z=effect * 20,
            mean_shift=effect * 2,
            variance_ratio=1.1,
            importance=0.01,
            **figures,
        ),
    )


def _reference(severe: list[FeatureReport]) -> dict[str, Any]:
    shares = {
        "labels": _LABELS,
        "reference": [0.02, 0.05, 0.09, 0.14, 0.2, 0.5],
        "current": [0.16, 0.19, 0.17, 0.15, 0.12, 0.21],
    }
    histograms = {one.feature: shares for one in severe[:8]}
    return {"window": {}, "rolling": {"days": 28}, "histograms": histograms}
