"""Document 004: an external trainer's manifests, governed in place.

    python examples/manifest_gates.py

The trainer keeps writing `manifest_latest.json` and its model files; its server keeps reading
`manifest_active.json`. Between the two stands `governance manifest --models-dir DIR evaluate`, with
the document's own verbs and its variables `MODEL_GOV_*`; here it is called from Python. Everything
happens in a temporary folder.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from governance import Governance
from governance.decisions.manifests.judging import limits_of
from governance.errors import ArtifactIntegrityError, ReasonRequiredError

TARGETS, HORIZONS = ("reject", "break"), (5, 15, 60)


def train(folder: Path, version: str, *, end: int, mfe: float, features: str = "v3") -> None:
    """What the external trainer leaves behind: a model file for each target and horizon."""
    names = {t: {str(h): f"rf_{t}_{h}m_{version}.bin" for h in HORIZONS} for t in TARGETS}
    for by_horizon in names.values():
        for name in by_horizon.values():
            (folder / name).write_bytes(f"{version} {name}".encode())
    manifest: dict[str, Any] = {
        "version": version,
        "trained_end_ts": end,
        "feature_version": features,
        "models": names,
        "thresholds": {t: {str(h): 0.6 for h in HORIZONS} for t in TARGETS},
        "stats": {
            str(h): {t: {f"mfe_bps_{t}": mfe, f"mae_bps_{t}": -9.0} for t in TARGETS}
            for h in HORIZONS
        },
    }
    for name in ("manifest_latest.json", f"metadata_{version}.json"):
        (folder / name).write_text(json.dumps(manifest))


def main(folder: Path) -> list[str]:
    said: list[str] = []
    models, ops = folder / "models", folder / "pivot_events.sqlite"
    models.mkdir()
    january, february = 1_767_225_600_000, 1_769_904_000_000
    limits = limits_of({"MODEL_GOV_MAX_MFE_REGRESSION_BPS": "1.5"})
    with Governance.open(home=folder / "home") as gov:
        governed = gov.manifests(models, ops_db=ops)

        train(models, "v010", end=january, mfe=12.0)
        said.append(f"v010: {governed.evaluate(limits, by='cron').action}")
        train(models, "v011", end=february, mfe=11.0)
        said.append(f"v011: {governed.evaluate(limits, by='cron').action}")

        train(models, "v012", end=february, mfe=7.0)
        refused = governed.evaluate(limits, by="cron")
        said.append(f"v012: {refused.action}, {refused.reason}")

        # MODEL_GOV_FORCE_PROMOTE=1: an emergency needs a name and a reason.
        try:
            governed.evaluate(limits, by="ann", force=True)
        except ReasonRequiredError as error:
            said.append(f"refused [{error.code}]")
        forced = governed.evaluate(limits, by="ann", force=True, reason="feed of v011 is gone")
        said.append(f"v012: {forced.action}, forced {forced.forced}")

        said.append(f"rollback: {governed.rollback(by='ann').active_version}")
        (models / "rf_reject_5m_v010.bin").write_bytes(b"somebody wrote here")
        try:
            governed.rollback(to_version="v010", by="ann")
        except ArtifactIntegrityError as error:
            said.append(f"refused [{error.code}]")

        entries = [e.action for e in gov.audit.entries() if e.action.startswith("manifest.")]
        said.append(
            f"audit: {', '.join(sorted(set(entries)))}; verified {bool(gov.audit.verify())}"
        )
    with closing(sqlite3.connect(ops)) as connection:
        rows = dict(connection.execute("SELECT key, value FROM ops_status").fetchall())
    said.append(
        f"ops_status: {rows['model_active_version']} by {rows['model_governance_last_action']}"
    )
    return said


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(*main(Path(folder)), sep="\n")
