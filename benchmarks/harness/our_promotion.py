"""Our promotion as it is measured: every gate asked, a person's approval, and what follows from it.

One trading model with many older versions. Each round makes a version that has all the evidence the
policy asks for, and promotes it through the public face. A second model has two versions of a
larger artifact, between which it is rolled back. Evidence is made outside of what is timed.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select

from benchmarks.harness.large_model import large_model
from benchmarks.harness.our_registry import MODEL, OurRegistry
from governance.policy.facts import MetricLimit
from governance.policy.promotion.facts import OtherEvidence
from governance.registry.load_verdicts import record_verdict
from governance.registry.probe import ProbeResult, libraries
from governance.store.drift_tables import model_drift_report_features, model_drift_reports
from governance.store.schema import decisions, load_verdicts
from governance.values import ModelVersion, Verdict

LARGE = "large"
DAY = timedelta(days=1)
START = datetime(2000, 1, 1, tzinfo=UTC)
SESSIONS = 5

# Every gate that a trading model can be asked; the comparison with the champion needs hundreds of
# sessions to pass, so that it is computed and recorded.
POLICY = """\
defaults:
  promotion:
    min_shadow_sessions: 5
    min_shadow_days: 3
    min_trade_count: 10
    max_avg_latency_ms: 100
    max_error_rate: 0.1
    require_validation: true
    metrics: [{metric: auc, split: test, min: 0.5}]
    not_worse: [{metric: auc, split: test, tolerance: 0.1}]
    max_drift_severity: moderate
    min_soak_hours: 24
    min_trained_end_delta_ms: 0
    allow_feature_version_change: false
    required_provenance: [feature_graph_hash, training_config_hash]
    required_evidence: [experiment]
    max_false_promotion: 0.05
    require_approval: true
    modes: {champion_comparison: observe}
"""


class OurPromotion(OurRegistry):
    """A governance home on SQLite with the policy above."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        path = self.gov.settings.policy_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(POLICY)
        self.gov.evidence_providers["experiment"] = _experiment
        self._number = 0

    def candidate(self, artifact: Path) -> tuple[ModelVersion, str, datetime]:
        """A version with all its evidence, the id of its approval, and the cut-off."""
        gov, self._number = self.gov, self._number + 1
        begin = START + self._number * 30 * DAY
        version = gov.registry.register_model(
            MODEL,
            model_path=artifact,
            model_type="lightgbm",
            features=[f"feature_{number}" for number in range(20)],
            config={"num_leaves": 15, "artifact": artifact.name},
            metrics={split: {"auc": 0.6, "log_loss": 0.6} for split in ("train", "test")},
            provenance={"trained_end": begin},
            created_by="trainer",
            at=begin,
        )
        self._loads(version)
        gov.validate(
            version, by="trainer", at=begin, limits=[MetricLimit(metric="auc", split="test", min=0)]
        )
        gov.shadow.start_shadow_testing(version, by="trainer", at=begin)
        live = gov.registry.get_production_model(MODEL)
        for number in range(SESSIONS):
            at = begin + (number + 1) * DAY
            for of in (version, live):
                if of is not None:
                    gov.shadow.update_shadow_metrics(
                        of, _session(self._number * 100 + number), session_id=f"{at:%F}", at=at
                    )
        at = begin + 10 * DAY
        if live is not None:
            self._drift_report(live, at)
        asked = gov.approvals.request(version, by="trainer", idempotency_key=f"k{self._number}")
        gov.approvals.answer(asked.id, approve=True, by="reviewer", comment="benchmark")
        gov.files.catch_up()
        return gov.registry.resolve(version.id), asked.id, at

    def promote(self, version: ModelVersion, approval: str, at: datetime) -> None:
        """What is timed: gates, transaction, audit, and the files that follow."""
        decision = self.gov.promotion.promote_to_production(
            version, by="operator", approval_id=approval, idempotency_key=f"p{version.id}", at=at
        )
        assert decision.eligible

    def large_versions(self, folder: Path, size: int) -> tuple[ModelVersion, ModelVersion]:
        """Two versions of `size` bytes, the second in production."""
        made = []
        for seed in range(2):
            path = folder / f"large-{seed}.txt"
            path.write_bytes(large_model(size, seed=seed))
            version = self.gov.registry.register_model(
                LARGE, model_path=path, model_type="lightgbm", created_by="trainer"
            )
            path.unlink()
            self._loads(version)
            self.gov.registry.transition(version, "validated", by="trainer", reason="benchmark")
            self.gov.promotion.promote_to_production(
                version, by="operator", force=True, reason="benchmark"
            )
            made.append(version)
        self.gov.files.catch_up()
        return made[0], made[1]

    def roll_back(self, target: ModelVersion) -> None:
        """What is timed: back to `target`, whose load verdict is stored or not."""
        self.gov.promotion.rollback_model(
            LARGE, to_version=target, by="operator", reason="benchmark"
        )

    def forget_verdict(self, version: ModelVersion) -> None:
        with self.gov.database.begin() as tx:
            tx.execute(delete(load_verdicts).where(load_verdicts.c.digest == version.digest))

    def past(self, count: int) -> list[str]:
        """`count` copies of the last promotion, as decisions of their own; their ids."""
        with self.gov.database.begin() as tx:
            row = tx.execute(
                select(decisions)
                .where(decisions.c.operation == "promotion", decisions.c.model_name == MODEL)
                .order_by(decisions.c.seq.desc())
                .limit(1)
            ).one()
            copies = [
                {**row._mapping, "id": f"{number:032x}", "seq": 10**9 + number}
                for number in range(count)
            ]
            tx.execute(insert(decisions), copies)
        return [copy["id"] for copy in copies]

    def _loads(self, version: ModelVersion) -> None:
        said = ProbeResult(
            loadable=True, code="", reason="", duration_ms=1.0, libraries=libraries()
        )
        with self.gov.database.begin() as tx:
            record_verdict(tx, version.digest, said)

    def _drift_report(self, live: ModelVersion, at: datetime) -> None:
        report: dict[str, Any] = {
            "id": f"{self._number:032x}",
            "model_name": live.name,
            "version_id": live.id,
            "model_version": live.version,
            "at": at,
            "severity": "normal",
            "rows": 1000,
            "reasons": [],
            "reference": {},
            "policy": {},
            "evidence_digest": "0" * 64,
            "episode": {},
            "revision": 1,
            "passing": False,
            "recorded_at": at,
        }
        with self.gov.database.begin() as tx:
            tx.execute(insert(model_drift_reports).values(**report))
            tx.execute(
                insert(model_drift_report_features),
                [
                    {
                        "report_id": report["id"],
                        "feature": f"feature_{number}",
                        "severity": "normal",
                        "finding": "none",
                        "psi": 0.01,
                        "figures": {},
                    }
                    for number in range(20)
                ],
            )


def _experiment(*_: object) -> OtherEvidence:
    return OtherEvidence(result=Verdict.PASS, observed=0.01, threshold=0.05, reason="better")


def _session(seed: int) -> dict[str, Any]:
    source = random.Random(seed)
    return {
        "trade_count": 15,
        "turnover_ratio": 1.2,
        "drift_psi": 0.1,
        "avg_latency_ms": 45.0,
        "error_rate": 0.001,
        "returns": [0.001 + source.gauss(0, 0.0005) for _ in range(60)],
    }
