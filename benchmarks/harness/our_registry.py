"""Our registry as it is measured: one model, filled with older versions, and one round of calls.

The older versions are rows written in bulk, like a row that the registry wrote itself; their audit
entries are a sound chain; they have no files. What is timed goes through the public face only.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from benchmarks.harness.timing import Samples, milliseconds
from governance.canonical import canonical_json
from governance.history.chain import COLUMNS, Row, entry_hash
from governance.store.schema import audit_log
from governance.values import SemanticVersion, version_id
from governance.wiring import Governance

MODEL = "measured"
READS = 10  # a round has as many reads of each kind: they are short
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


class OurRegistry:
    """A governance home on SQLite, opened as users open one."""

    def __init__(self, home: Path) -> None:
        self.gov = Governance.open(home=home, database=f"sqlite:///{home / 'governance.db'}")

    def register(self, artifact: Path) -> None:
        """With what a retrain run gives: 20 features, a configuration, metrics of two splits."""
        self.gov.registry.register_model(
            MODEL,
            model_path=artifact,
            model_type="lightgbm",
            features=[f"feature_{number}" for number in range(20)],
            config={"num_leaves": 15, "learning_rate": 0.05, "artifact": artifact.name},
            metrics={split: {"auc": 0.6, "log_loss": 0.6} for split in ("train", "test")},
            tags=("benchmark",),
            created_by="benchmark",
        )

    def fill(self, versions: int) -> None:
        """Retired versions, until there are `versions`; one must be registered already."""
        with self.gov.database.begin() as tx:
            rows = list(_older_versions(tx, versions))
            if not rows:
                return
            names = ", ".join(rows[0])
            marks = ", ".join(f":{name}" for name in rows[0])
            tx.exec_driver_sql(f"INSERT INTO model_registry ({names}) VALUES ({marks})", rows)
            entries = list(audit_entries(tx, rows))
            marks = ", ".join("?" * len(COLUMNS))
            names = ", ".join(COLUMNS)
            tx.exec_driver_sql(f"INSERT INTO audit_log ({names}) VALUES ({marks})", entries)
        self.gov.audit.verify()

    def round(self, artifact: Path, samples: Samples) -> None:
        """Every operation once, the reads several times; each new version becomes the champion."""
        registry, promotion = self.gov.registry, self.gov.promotion
        samples.add("register_model", milliseconds(lambda: self.register(artifact)))
        newest = registry.get_latest_version(MODEL)
        assert newest is not None
        registry.transition(newest, "validated", by="benchmark", reason="benchmark")
        samples.add(
            "promote_forced",
            milliseconds(
                lambda: promotion.promote_to_production(
                    newest, by="benchmark", force=True, reason="benchmark"
                )
            ),
        )
        champion = registry.get_production_model(MODEL)
        assert champion is not None
        assert champion.id == newest.id
        reads = {
            "get_production_model": lambda: registry.get_production_model(MODEL),
            "get_production_model_at": lambda: registry.get_production_model(MODEL, at=FUTURE),
            "list_models": lambda: registry.list_models(MODEL),
        }
        for _ in range(READS):
            for name, read in reads.items():
                samples.add(name, milliseconds(read))


def _older_versions(tx: Connection, versions: int) -> Iterator[dict[str, Any]]:
    (newest,) = tx.exec_driver_sql("SELECT * FROM model_registry").mappings()
    for number in range(1, versions):
        version, digest = SemanticVersion(0, 1, number), f"{number:064x}"
        identity = version_id(MODEL, str(version), digest)
        yield {
            **newest,
            "id": identity,
            "version": str(version),
            "version_order": version.sort_key,
            "stage": "retired",
            "digest": digest,
            "artifact_path": f"models/{MODEL}/2013-02-01/{identity}",
        }


def audit_entries(tx: Connection, rows: list[dict[str, Any]]) -> Iterator[Row]:
    last = tx.execute(
        select(audit_log.c.seq, audit_log.c.hash, audit_log.c.recorded_at)
        .order_by(audit_log.c.seq.desc())
        .limit(1)
    ).one()
    previous = last.hash
    for seq, row in enumerate(rows, start=last.seq + 1):
        details = canonical_json({"version": row["version"], "digest": row["digest"]})
        fields = (last.recorded_at, "benchmark", "version.registered", MODEL, row["id"], details)
        computed = entry_hash(seq, *fields, previous)
        yield (seq, *fields, previous, computed)
        previous = computed
