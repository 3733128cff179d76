"""A foreign trainer as document 004 has it: it writes model files and `manifest_latest.json`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TARGETS, HORIZONS = ("reject", "break"), (5, 15, 60)
JANUARY = datetime(2026, 1, 31, tzinfo=UTC)


def manifest(version: str, **changed: Any) -> dict[str, Any]:
    """A complete one; ``changed`` replaces keys, ``None`` removes them."""
    whole = {
        "version": version,
        "trained_end_ts": int(JANUARY.timestamp() * 1000),
        "feature_version": "v3",
        "models": {
            target: {str(h): f"rf_{target}_{h}m_{version}.bin" for h in HORIZONS}
            for target in TARGETS
        },
        "thresholds": {target: {str(h): 0.55 for h in HORIZONS} for target in TARGETS},
        "stats": {
            str(h): {t: {f"mfe_bps_{t}": 12.0, f"mae_bps_{t}": -8.0} for t in TARGETS}
            for h in HORIZONS
        },
    } | changed
    return {key: value for key, value in whole.items() if value is not None}


def train(folder: Path, version: str, **changed: Any) -> dict[str, Any]:
    """Write the model files, `metadata_<version>.json` and the candidate's manifest."""
    whole = manifest(version, **changed)
    models = whole.get("models")
    for by_horizon in models.values() if isinstance(models, dict) else ():
        for name in by_horizon.values() if isinstance(by_horizon, dict) else ():
            if isinstance(name, str) and "/" not in name:
                (folder / name).write_bytes(f"model {version} {name}".encode())
    text = json.dumps(whole)
    (folder / f"metadata_{version}.json").write_text(text)
    (folder / "manifest_latest.json").write_text(text)
    return whole


def stats(mfe: float | None, mae: float | None) -> dict[str, Any]:
    """The same excursions for every model."""
    return {
        str(h): {t: {f"mfe_bps_{t}": mfe, f"mae_bps_{t}": mae} for t in TARGETS} for h in HORIZONS
    }


def read(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found
