"""A home with a champion to serve, the bodies that are sent to it, and a large one to manage.

The champion is a LightGBM booster of a hundred trees on twelve numbers. In the large home one model
is registered, promoted and watched by the package itself; a thousand others with ten versions each
are copies of its rows, with a sound audit chain.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import insert, select

from benchmarks.harness.our_registry import audit_entries
from governance.evidence.drift.records import report_store
from governance.evidence.drift.report import DriftReport
from governance.history.chain import COLUMNS
from governance.policy.drift.episodes import Episode
from governance.policy.drift.limits import DriftLimits
from governance.registry.load_verdicts import record_verdict
from governance.registry.probe import ProbeResult, libraries
from governance.store.schema import activations, decisions, governed_models, model_registry
from governance.values import ModelVersion, SemanticVersion, Severity, version_id
from governance.wiring import Governance

MODEL = "measured"
FEATURES = tuple(f"feature_{number}" for number in range(12))
AT = datetime(2013, 2, 8, 18, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bodies:
    """Files with rows for the champion: one row for us and for MLflow, many rows."""

    one_row: Path
    one_row_mlflow: Path
    arrow: Path
    parquet: Path


def booster(trees: int = 100, *, seed: int = 0) -> lightgbm.Booster:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(5000, len(FEATURES)))
    target = 2 * rows[:, 0] + np.sin(rows[:, 1]) + random.normal(size=len(rows)) / 10
    data = lightgbm.Dataset(rows, target, feature_name=list(FEATURES))
    given = {"verbose": -1, "num_leaves": 31, "num_threads": 1, "seed": seed}
    return lightgbm.train(given, data, trees)


def put_into_production(gov: Governance, model: lightgbm.Booster, version: str) -> ModelVersion:
    """Registered, known to load, promoted."""
    made = register(gov, model, version)
    promote(gov, made)
    return made


def register(gov: Governance, model: lightgbm.Booster, version: str) -> ModelVersion:
    made = gov.registry.register_model(
        MODEL, model, model_type="lightgbm", features=FEATURES, created_by="bench", version=version
    )
    said = ProbeResult(loadable=True, code="", reason="", duration_ms=1.0, libraries=libraries())
    with gov.database.begin() as tx:
        record_verdict(tx, made.digest, said)
    return gov.registry.transition(made, "validated", by="bench", reason="a benchmark")


def promote(gov: Governance, version: ModelVersion) -> None:
    gov.promotion.promote_to_production(version, by="bench", force=True, reason="a benchmark")


def token(gov: Governance, role: str) -> str:
    secret, _ = gov.access.tokens.create(role, role=role, models="*", expires_in=None, by="bench")
    return secret


def write_bodies(folder: Path, rows: int) -> Bodies:
    matrix = np.random.default_rng(1).normal(size=(rows, len(FEATURES)))
    first = [round(float(one), 4) for one in matrix[0]]
    made = Bodies(*(folder / name for name in ("one.json", "mlflow.json", "arrow", "parquet")))
    made.one_row.write_text(json.dumps({"rows": [dict(zip(FEATURES, first, strict=True))]}))
    split = {"columns": FEATURES, "data": [first]}
    made.one_row_mlflow.write_text(json.dumps({"dataframe_split": split}))
    table = pa.table({name: matrix[:, place] for place, name in enumerate(FEATURES)})
    with pa.ipc.new_stream(made.arrow, table.schema) as writer:
        writer.write_table(table)
    pq.write_table(table, made.parquet, compression="none", use_dictionary=False)
    return made


def fill(gov: Governance, models: int, versions: int) -> None:
    """Other models like the one that is here, each with so many versions."""
    with gov.database.begin() as tx:
        head = tx.execute(select(governed_models)).mappings().one()
        first = tx.execute(select(model_registry)).mappings().one()
        decision = tx.execute(select(decisions).order_by(decisions.c.seq.desc())).mappings().first()
        active = tx.execute(select(activations)).mappings().one()
        assert decision is not None
        names = [f"model-{number:05d}" for number in range(1, models)]
        rows = [row for name in names for row in _versions(dict(first), name, versions)]
        live = {row["name"]: row for row in rows if row["stage"] == "production"}
        tx.execute(insert(governed_models), [{**head, "name": name} for name in names])
        tx.execute(insert(model_registry), rows)
        entries = list(audit_entries(tx, rows))
        marks = ", ".join("?" * len(COLUMNS))
        tx.exec_driver_sql(
            f"INSERT INTO audit_log ({', '.join(COLUMNS)}) VALUES ({marks})", entries
        )
        made = [
            {"model_name": name, "version_id": live[name]["id"], "id": f"{number:032x}"}
            for number, name in enumerate(names)
        ]
        tx.execute(
            insert(decisions),
            [{**decision, **one, "seq": 10**9 + at} for at, one in enumerate(made)],
        )
        tx.execute(
            insert(activations),
            [
                {**active, **{key: one[key] for key in ("model_name", "version_id")}}
                | {"decision_id": one["id"]}
                for one in made
            ],
        )
        for name in names:
            report_store.write(tx, _report(name, live[name]), now=AT)


def _versions(first: dict[str, Any], name: str, number: int) -> Iterator[dict[str, Any]]:
    for patch in range(number):
        version, digest = SemanticVersion(1, 0, patch), f"{patch + 1:064x}"
        identity = version_id(name, str(version), digest)
        yield {
            **first,
            "id": identity,
            "name": name,
            "version": str(version),
            "version_order": version.sort_key,
            "stage": "production" if patch == number - 1 else "retired",
            "digest": digest,
            "artifact_path": f"models/{name}/2013-02-01/{identity}",
        }


def _report(model: str, version: dict[str, Any]) -> DriftReport:
    return DriftReport(
        id=report_store.report_id(model, version["id"], AT),
        model=model,
        version_id=version["id"],
        version=version["version"],
        at=AT,
        severity=Severity.NORMAL,
        rows=1000,
        features=(),
        reference={"window": {}, "histograms": {}},
        reasons=(),
        policy=DriftLimits().as_json(),
        evidence_digest="0" * 64,
        episode={**Episode().as_json(), "closes": [], "quarantined": []},
        revision=1,
    )
