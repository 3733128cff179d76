"""Our scan as it is measured: a governance home on SQLite, models in production, live Parquet.

Everything goes through the public face; only the size of the profiles is read from their table.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from benchmarks.harness.drift_workload import LAYOUT, TIME, Workload
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.report import DriftReport
from governance.store.drift_tables import drift_baselines, drift_profiles
from governance.wiring import Governance

BY: Final = "benchmark"
LIVE_FROM: Final = datetime(2025, 1, 1, tzinfo=UTC)  # before all data


def declaration(workload: Workload) -> dict[str, Any]:
    """A model that watches every column of the workload; it is never trained, so nothing of its
    training exists.
    """
    first = workload.features[0]
    return {
        "kind": "classifier",
        "owner": BY,
        "source": {"function": "measured:source"},
        "label": {"function": "measured:label"},
        "trainer": {"function": "measured:train"},
        "time_column": TIME,
        "features": {
            "inputs": list(workload.features),
            "definitions": [{"name": first, "version": "1", "dependencies": [first]}],
        },
        "splits": {"method": "time", "validation_share": 0.1, "test_share": 0.1},
        "metrics": ["auc"],
        "drift": {"live": {"kind": "parquet", "path": str(workload.long), "layout": LAYOUT}},
    }


def declare(home: Path, models: Sequence[str], workload: Workload) -> None:
    """Write ``governance.yaml``; incidents are told to somebody, so that looks fill the outbox."""
    declared = declaration(workload)
    document = {
        "models": {name: declared for name in models},
        "alerts": {"email": ["duty@example.com"]},
    }
    path = home / "config" / "governance.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))  # JSON is YAML, and quicker to read


def put_into_production(gov: Governance, name: str, folder: Path) -> None:
    """One version of the model, registered and promoted."""
    artifact = folder / f"{name}.txt"
    artifact.write_bytes(b"tree\nversion=v4\n" + random.Random(name).randbytes(1024))
    gov.registry.register_model(
        name, model_path=artifact, model_type="lightgbm", features=["x"], created_by=BY
    )
    artifact.unlink()
    version = gov.registry.get_latest_version(name)
    assert version is not None
    gov.registry.transition(version, "validated", by=BY, reason=BY)
    gov.promotion.promote_to_production(version, by=BY, force=True, reason=BY, at=LIVE_FROM)


class OurDrift:
    """One model that is watched, with a reference of so many days.

    Args:
        home: an empty folder on the disk that is measured.
        workload: the data.
        days: length of the rolling reference.
    """

    def __init__(self, home: Path, workload: Workload, days: int) -> None:
        home.mkdir(parents=True, exist_ok=True)
        declare(home, [BY], workload)
        self.gov = Governance.open(home=home, database=f"sqlite:///{home / 'governance.db'}")
        put_into_production(self.gov, BY, home)
        self._reference = f"{days}d"

    def scan(self, at: datetime) -> DriftReport:
        """One look, as users call it."""
        return self.gov.drift.scan(BY, at=at, window="1d", reference=self._reference)

    def baseline(self) -> Baseline:
        """What the first look made of the data before it, and keeps: edges, frozen reference."""
        with self.gov.database.read() as connection:
            data = connection.execute(select(drift_baselines.c.data)).scalar_one()
        return Baseline.decode(bytes(data))

    def profiles_mb(self) -> float:
        """All profiles that are kept of the model: days, and the hours of the last two; 10^6."""
        with self.gov.database.read() as connection:
            size = connection.execute(select(func.sum(func.length(drift_profiles.c.data))))
            return float(size.scalar_one()) / 1e6

    def close(self) -> None:
        self.gov.close()
