"""What a scan says: one report for a model, a version and a moment. Values only; ``report_store``
keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.policy.drift.facts import FeatureFigures, FeatureVerdict, Finding
from governance.values import Severity, iso


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureReport:
    """One feature of a report. A figure that does not exist is ``None``."""

    feature: str
    severity: Severity
    finding: Finding
    reason: str
    figures: FeatureFigures

    @classmethod
    def of(cls, verdict: FeatureVerdict) -> FeatureReport:
        return cls(
            feature=verdict.figures.feature,
            severity=verdict.severity,
            finding=verdict.finding,
            reason=verdict.reason,
            figures=verdict.figures,
        )

    @property
    def ks(self) -> float | None:
        return self.figures.ks

    @property
    def psi(self) -> float | None:
        return self.figures.psi

    @property
    def p_value(self) -> float | None:
        return self.figures.p_value

    @property
    def q_value(self) -> float | None:
        return self.figures.q_value

    @property
    def mean_shift(self) -> float | None:
        return self.figures.mean_shift

    @property
    def variance_ratio(self) -> float | None:
        return self.figures.variance_ratio

    @property
    def missing_share(self) -> float | None:
        return self.figures.missing_share

    def as_json(self) -> dict[str, Any]:
        """All figures beside the verdict, as plain JSON."""
        return {
            **self.figures.as_json(),
            "severity": self.severity.value,
            "finding": self.finding.value,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """
    Attributes:
        at: the evidence cut-off; the window is the day before it.
        severity: the worst of the features, or INSUFFICIENT.
        features: every watched feature, the worst first; ``()`` when they are no longer kept.
        reference: ``window`` {start, end, class}, ``rolling`` {days, first, last, quarantined},
            ``frozen`` {days, first, last} or None.
        reasons: why the severity is what it is, one sentence each.
        event: ``opened``, ``updated`` or ``closed`` where this look changed an incident.
        retrain_requested: is this the look that asked for the model's retrain run?
        revision: how often the report was replaced because its evidence changed, from 1.
    """

    id: str
    model: str
    version_id: str
    version: str
    at: datetime
    severity: Severity
    rows: int
    features: tuple[FeatureReport, ...]
    reference: Mapping[str, Any]
    reasons: tuple[str, ...]
    policy: Mapping[str, Any]
    evidence_digest: str
    episode: Mapping[str, Any]
    revision: int
    event: str | None = None
    incident_id: str | None = None
    retrain_requested: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "model": self.model,
            "version_id": self.version_id,
            "version": self.version,
            "at": iso(self.at),
            "severity": self.severity.value,
            "rows": self.rows,
            "reasons": list(self.reasons),
            "reference": dict(self.reference),
            "event": self.event,
            "incident_id": self.incident_id,
            "retrain_requested": self.retrain_requested,
            "revision": self.revision,
            "features": [feature.as_json() for feature in self.features],
        }
