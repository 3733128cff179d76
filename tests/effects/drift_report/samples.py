"""Reports and events as history records them: a storm, a calm day, a day without data."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from governance.policy.drift.facts import FeatureFigures, Finding, FrozenFigures
from governance.policy.drift.limits import DriftLimits
from governance.values import Severity, iso

AT = datetime(2013, 2, 8, 18, tzinfo=UTC)
LIMITS = DriftLimits().as_json()
EVIL = "<script>alert('x')</script> $\\frac{"


def feature(
    name: str,
    severity: Severity = Severity.NORMAL,
    finding: Finding = Finding.STABLE,
    *,
    reason: str = "",
    **figures: Any,
) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "kind": "numeric",
        "rows": 870,
        "reference_rows": 24_800,
        "missing_share": 0.002,
        "reference_missing_share": 0.003,
        "ks": 0.04,
        "ks_bound": 0.002,
        "psi": 0.011,
        "psi_null": 0.019,
        "mean_shift": -0.04,
        "variance_ratio": 0.97,
        "effect": figures.get("ks", 0.04),
        "q_value": 0.81,
        "importance": 0.05,
        "frozen": FrozenFigures(ks=0.05, psi=0.014, mean_shift=0.02, q_value=0.7),
    }
    made = FeatureFigures(feature=name, **{**usual, **figures}).as_json()
    return {**made, "severity": severity.value, "finding": finding.value, "reason": reason}


def upright(shift: float = 1.0) -> dict[str, Any]:
    """Ten groups of equal reference mass, the window moved to the right."""
    tilt = [math.exp(shift * (i - 4.5) / 3) for i in range(10)]
    edges = ["≤ 3.5", "3.5-5.8", "5.8-6.9", "6.9-8.1", "8.1-9.2", "9.2-10.4", "10.4-11.5",
             "11.5-13.8", "13.8-17.3", "> 17.3"]  # fmt: skip
    frozen = [0.09, 0.11, 0.1, 0.1, 0.12, 0.08, 0.1, 0.1, 0.09, 0.11]
    shares = [t / sum(tilt) for t in tilt]
    return {"labels": edges, "reference": [0.1] * 10, "current": shares, "frozen": frozen}


def lying() -> dict[str, Any]:
    return {
        "labels": ["EWR", "JFK", "LGA", "other or new"],
        "reference": [0.36, 0.33, 0.31, 0.0],
        "current": [0.12, 0.64, 0.21, 0.03],
    }


def report(severity: Severity, features: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "id": "5f0c2a9e7b1d4c68a3e2f1b09d8c7a65",
        "model": "arrival_delay",
        "version_id": "3f9a1c0b7d2e",
        "version": "1.2.0",
        "at": iso(AT),
        "severity": severity.value,
        "rows": 873,
        "reasons": [],
        "reference": {
            "window": {"start": iso(AT - timedelta(days=1)), "end": iso(AT), "class": "weekday"},
            "rolling": {
                "days": 30,
                "first": "2013-01-06",
                "last": "2013-02-06",
                "quarantined": ["2013-01-30", "2013-01-31"],
            },
            "frozen": {"days": 31, "first": "2013-01-01", "last": "2013-01-31"},
        },
        "event": None,
        "incident_id": None,
        "retrain_requested": False,
        "revision": 1,
        "features": features,
    }
    return {**given, **changes}


def storm() -> dict[str, Any]:
    features = [
        feature("wind_speed", Severity.SEVERE, Finding.SHIFTED, ks=0.412, psi=0.934,
                mean_shift=1.318, variance_ratio=1.84, q_value=2.1e-7, importance=0.114,
                frozen=FrozenFigures(ks=0.44, psi=1.02),
                reason="wind_speed moved: KS 0.41, q 2e-07 against its own days"),
        feature("visib", Severity.SEVERE, Finding.SHIFTED, ks=0.371, psi=0.702, mean_shift=-1.62,
                variance_ratio=4.2, q_value=8.8e-6, importance=0.071,
                frozen=FrozenFigures(ks=0.39, psi=0.75),
                reason="visib moved: KS 0.37, q 9e-06 against its own days"),
        feature("new_feed", Severity.SEVERE, Finding.COLUMN_MISSING, rows=0, ks=None,
                ks_bound=None, psi=None, psi_null=None, mean_shift=None, variance_ratio=None,
                effect=None, q_value=None, missing_share=None, reference_missing_share=None,
                importance=None, frozen=None,
                reason="new_feed: the column is not in the live data; was it dropped or renamed?"),
        feature("origin", Severity.MODERATE, Finding.SHIFTED, kind="categorical", ks=None,
                ks_bound=None, psi=0.32, mean_shift=None, variance_ratio=None, effect=0.31,
                q_value=0.013, importance=0.02, frozen=FrozenFigures(psi=0.3),
                reason="origin moved: excess variation 0.31, q 0.01 against its own days"),
        feature("precip", Severity.MODERATE, Finding.MISSING_VALUES, missing_share=0.183, ks=0.11,
                psi=0.08, q_value=0.2, importance=0.034,
                reason="precip: 18% is missing, at most 0% on other days"),
        *(feature(name) for name in ("distance", "dep_delay", "hour", "temp", "humid", "dewp",
                                     "pressure")),
    ]  # fmt: skip
    return report(
        Severity.SEVERE,
        features,
        incident_id="9c41f07a2be3",
        event="opened",
        retrain_requested=True,
        reasons=[f["reason"] for f in features if f["reason"]],
    )


def calm() -> dict[str, Any]:
    names = ["wind_speed", "visib", "origin", "precip", "distance", "dep_delay", "hour", "temp"]
    return report(Severity.NORMAL, [feature(name) for name in names])


def insufficient() -> dict[str, Any]:
    blank = dict.fromkeys(("ks", "ks_bound", "psi", "psi_null", "mean_shift", "variance_ratio",
                           "effect", "q_value", "missing_share", "frozen"))  # fmt: skip
    features = [
        feature(name, Severity.INSUFFICIENT, Finding.TOO_FEW_ROWS, rows=4, **blank,
                reason="the window has 4 rows, fewer than 30; wait for data")
        for name in ("wind_speed", "visib", "origin", "precip")
    ]  # fmt: skip
    made = report(
        Severity.INSUFFICIENT,
        features,
        rows=4,
        reasons=["the window has 4 rows, fewer than 30; wait for data"],
    )
    hours = {iso(AT - timedelta(hours=h)): "no file at date=…/hour=…" for h in range(1, 21)}
    made["reference"] = {
        "window": {**made["reference"]["window"], "missing_hours": hours},
        "rolling": {"days": 0, "first": None, "last": None, "quarantined": []},
        "frozen": None,
    }
    return made


def history(days: int = 30, *, incident: str | None = "9c41f07a2be3") -> list[dict[str, Any]]:
    """Hourly looks that end in a storm, with an earlier incident and a morning without data."""
    looks = []
    for hour in range(24 * days):
        at = AT - timedelta(hours=hour)
        effect: float | None = 0.06 + 0.03 * math.sin(hour / 7) ** 2 + 0.02 * math.cos(hour / 31)
        severity, flagged, opened = Severity.NORMAL, 0, None
        if incident and hour < 9:
            severity, flagged, opened = Severity.SEVERE, 4, incident if hour < 2 else None
            effect = 0.41 - 0.02 * hour
        elif incident and 200 < hour < 262:
            severity = Severity.MODERATE if hour % 5 else Severity.SEVERE
            flagged, opened, effect = 2, "aaaaaaaaaaaa", 0.19 + 0.02 * math.sin(hour)
        elif 400 < hour < 409:
            severity, effect = Severity.INSUFFICIENT, None
        looks.append(
            {
                "at": iso(at),
                "severity": severity.value,
                "flagged": flagged,
                "worst_effect": effect,
                "incident_id": opened,
            }
        )
    return looks


def incident(**changes: Any) -> dict[str, Any]:
    given = {
        "id": "9c41f07a2be3",
        "state": "open",
        "severity": "severe",
        "rule": "urgent",
        "opened_at": iso(AT),
        "acknowledged_by": None,
        "snoozed_until": None,
        "retrain_requested": True,
    }
    return {**given, **changes}


def histograms() -> dict[str, dict[str, Any]]:
    return {
        "wind_speed": upright(1.0),
        "visib": upright(-1.3),
        "precip": upright(0.1),
        "origin": lying(),
    }


def event(name: str = "opened", **changes: Any) -> dict[str, Any]:
    source = storm()
    pictures = histograms()
    features = [
        {**f, "histogram": pictures[f["feature"]]} if f["feature"] in pictures else f
        for f in source["features"]
        if f["severity"] != "normal"
    ]
    given = {
        "model": "arrival_delay",
        "version_id": source["version_id"],
        "version": "1.2.0",
        "kind": "drift",
        "event": name,
        "at": iso(AT),
        "opened_at": iso(AT),
        "severity": "severe",
        "rule": "urgent",
        "headline": "5 of 12 features drifted: wind_speed, visib, new_feed and 2 more.",
        "reasons": source["reasons"],
        "features": features,
        "report_id": source["id"],
        "incident_id": "9c41f07a2be3",
        "rows": 873,
        "retrain": True,
        "closed_reason": None,
    }
    return {**given, **changes}
