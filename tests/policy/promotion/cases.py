"""Facts that pass every gate and limits that ask every gate, to be worsened one by one.

``strong`` holds nothing that ``STRICT`` does not ask: every figure of it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governance.policy.promotion.facts import PromotionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.values import Kind

HASH = "0" * 64
KINDS = (Kind.TRADING, Kind.REGRESSOR)

STRICT = PromotionLimits.from_json(
    {
        "min_shadow_sessions": 5,
        "min_shadow_days": 3,
        "min_trade_count": 10,
        "max_turnover_ratio": 1.5,
        "min_live_sharpe": 0.5,
        "max_drawdown_threshold": 0.05,
        "max_drift_psi": 0.25,
        "max_avg_latency_ms": 50,
        "max_error_rate": 0.01,
        "require_validation": True,
        "metrics": [{"metric": "auc", "split": "out_of_sample", "min": 0.6, "max": 0.95}],
        "not_worse": [{"metric": "auc", "tolerance": 0.02}, {"metric": "rmse", "split": "test"}],
        "max_drift_severity": "moderate",
        "min_soak_hours": 24,
        "min_trained_end_delta_ms": 0,
        "allow_feature_version_change": False,
        "required_targets": ["reject", "break"],
        "required_horizons": [5, 15],
        "max_mfe_regression_bps": 1,
        "max_mae_worsening_bps": 1,
        "required_provenance": ["dataset_hash"],
        "required_evidence": ["fairness"],
        "require_approval": True,
        "approvers": ["bob", "eve"],
        "max_false_promotion": 0.05,
    }
)


def strong_json(kind: Kind = Kind.TRADING) -> dict[str, Any]:
    """Facts under which every gate of ``STRICT`` passes, as plain JSON."""
    trading = kind is Kind.TRADING
    members = [f"{target}:{horizon}" for target in ("break", "reject") for horizon in (5, 15)]

    def version(number: str, auc: float, rmse: float) -> dict[str, Any]:
        metrics: dict[str, Any] = {"out_of_sample": {"auc": auc}, "test": {"rmse": rmse}}
        return {
            "version_id": number * 12,
            "version": f"1.0.{number}",
            "digest": HASH,
            "created_by": "ann",
            "trained_end": f"2013-02-0{number}T00:00:00Z",
            "feature_version": "v3",
            "metrics": metrics,
            "bundle": {
                "mfe_bps": dict.fromkeys(members, 12.0),
                "mae_bps": dict.fromkeys(members, -8.0),
                "members": dict.fromkeys(members, True),
            },
        }

    candidate = version("2", 0.7, 1.0)
    candidate["provenance"] = {"dataset_hash": HASH}
    candidate["bundle"] |= {
        "targets": ["reject", "break"],
        "horizons": [5, 15],
        "thresholds": dict.fromkeys(members, 0.6),
    }
    return {
        "at": "2013-02-03T00:00:00Z",
        "kind": kind.value,
        "stage": "staging",
        "candidate": candidate,
        "champion": version("1", 0.71, 1.0),
        "ever_active": True,
        "intact": True,
        "load": {"loadable": True, "code": "", "reason": ""},
        "validation": "pass",
        "shadow": {
            "sessions": 5,
            "days": 3,
            "trades": 10,
            "turnover_ratio": 1.5,
            "sharpe_ratio": 0.5,
            "max_drawdown": 0.05,
            "drift_psi": 0.25 if trading else None,
            "avg_latency_ms": 50.0,
            "error_rate": 0.01,
            "soak_hours": 24.0,
        },
        "paired": {
            "benchmark": "1" * 12,
            "pairs": 250,
            "mean": 1.0,
            "sd": 1.0,
        },
        "drift": {
            "severity": "moderate",
            "report_id": "r",
            "at": "2013-02-02T00:00:00Z",
            "age_hours": 48.0,
            "max_psi": None if trading else 0.25,
        },
        "approval": {"approved_by": "bob", "bound": True},
        "other": {"fairness": {"result": "pass", "observed": 0.9, "threshold": 0.8}},
    }


def strong(kind: Kind = Kind.TRADING) -> PromotionFacts:
    return PromotionFacts.from_json(strong_json(kind))


Path = tuple[str | int, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every plain value of nested JSON with its path."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def parts(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of everything in nested JSON objects, from the outside in."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from parts(inner, (*path, key))


def put(data: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """``data`` with another value at ``path``."""
    return _changed(data, path, lambda at, key: at.__setitem__(key, value))


def without(data: dict[str, Any], path: Path) -> dict[str, Any]:
    return _changed(data, path, lambda at, key: at.__delitem__(key))


def _changed(data: dict[str, Any], path: Path, change: Any) -> dict[str, Any]:
    import copy

    changed = copy.deepcopy(data)
    at: Any = changed
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1])
    return changed
