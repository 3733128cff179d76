"""What the pages show in the browser: a home as a small team would have it, and a hostile model.

Made through the product's own face within seconds; only looks for drift are written as a scan does.
Nothing here decides what a page must say: the tests ask for what they need.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from governance import Governance
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import Session
from governance.registry.feature_definition import FeatureDefinition
from governance.registry.features import FeatureGraph
from governance.values import ModelVersion, Severity
from tests.alarms import event, record
from tests.browser.looks import ATTACK, DAY, looks
from tests.decisions.eligible import probed
from tests.model_bytes import model_bytes

DELAY, MOMENTUM, PIVOT, CHURN, HOSTILE = "arrival_delay", "momentum", "pivot", "churn", "hostile"
_RATIO = "governance.training.feature_logic:ratio"

# The people of Airflow: op may force, and answers what admin asks for.
_LOOSE = """{
      require_validation: false, not_worse: [], max_drift_severity: null, max_drift_psi: null,
      min_soak_hours: null, %s}
"""
_TRIAL = """min_shadow_sessions: 40, min_shadow_days: 20, min_trade_count: 200,
      min_live_sharpe: 0.5, max_drawdown_threshold: 0.05, max_turnover_ratio: 1.5,
      max_drift_psi: 0.25, max_false_promotion: 0.1"""
POLICY = "".join(
    [
        "force:\n  allowed: [op]\nmodels:\n",
        f"  {DELAY}:\n    promotion: {_LOOSE % ''}",
        f"  {PIVOT}:\n    promotion: {_LOOSE % 'min_shadow_sessions: 40'}",
        f"  {CHURN}:\n    promotion: {_LOOSE % 'require_approval: true, approvers: [op]'}",
        f"  {MOMENTUM}:\n    promotion: {{{_TRIAL}}}\n",
    ]
)
DECLARED = """\
models:
"""
ONE = """\
  {name}:
    kind: classifier
    owner: growth
    description: {description}
    source: {{function: "tests.dags.tiny_model:rows", params: {{}}}}
    label: {{function: "tests.dags.tiny_model:goes_up"}}
    features:
      inputs: [level]
      definitions:
        - {{name: level, version: "1", dependencies: [level]}}
    trainer: {{function: "governance.training.trainers.lightgbm:train", seed: 3, params: {{}}}}
    splits: {{method: time, validation_share: 0.15, test_share: 0.2, gap: 1d}}
    data_quality: {{min_rows: 100}}
    metrics: [auc, log_loss]
    schedule: null
    timezone: UTC
"""
_WORDS = {
    DELAY: "Minutes that a flight arrives late, as it leaves",
    MOMENTUM: "Direction of the index over the coming week",
    PIVOT: "Which support level holds",
    CHURN: "Customers who leave within a month",
}


@dataclass(frozen=True)
class Shown:
    """What the tests go to."""

    incident: str  # of DELAY, open
    hostile_incident: str
    challenger: ModelVersion  # of MOMENTUM, in its trial
    candidate: ModelVersion  # of CHURN, staged: asks for an approval
    forced: ModelVersion  # of PIVOT
    hostile: ModelVersion | None
    cell: str  # path of a cell of DELAY's heat map


def declare(home: Path) -> None:
    """The files beside the home: what is governed, and by which policy."""
    home.mkdir(parents=True, exist_ok=True)
    declared = {name: text for name, text in _WORDS.items() if name != MOMENTUM}  # a trading model
    models = "".join(ONE.format(name=name, description=text) for name, text in declared.items())
    (home / "governance.yaml").write_text(DECLARED + models)
    (home / "promotion_policy.yaml").write_text(POLICY)


def build(gov: Governance, *, with_hostile: bool) -> Shown:
    """
    Args:
        with_hostile: also a model every free text of which tries to run as a script.
    """
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    delay = _staged(gov, DELAY, 1, metrics={"test": {"mae": 12.7, "r2": 0.61}})
    gov.promotion.promote_to_production(delay, by="ann")
    delay = _staged(gov, DELAY, 2, metrics={"test": {"mae": 11.9, "r2": 0.64}})
    gov.promotion.promote_to_production(delay, by="ann")
    last = looks(gov, gov.registry.resolve(delay.id), now)
    (incident,) = record(gov.database, _incident(delay, now, "visibility", "wind_gust"), now=now)

    live = _staged(gov, MOMENTUM, 3)
    reason = "first version, before there was anything to compare"
    gov.promotion.promote_to_production(live, by="eve", force=True, reason=reason)
    challenger = _made(gov, MOMENTUM, 4)
    gov.shadow.start_shadow_testing(challenger, by="ann", at=now - 31 * DAY)
    for version, better in ((live, 0.0), (challenger, 0.006)):
        gov.shadow.record_sessions(version, _sessions(now, better), by="trader")

    first = _staged(gov, PIVOT, 5)
    gov.promotion.promote_to_production(first, by="ann", force=True, reason="the first release")
    forced = _staged(gov, PIVOT, 6)
    candidate = _staged(gov, CHURN, 7)

    hostile, hostile_incident = _hostile(gov, now) if with_hostile else (None, "")
    return Shown(
        incident=incident,
        hostile_incident=hostile_incident,
        challenger=challenger,
        candidate=candidate,
        forced=forced,
        hostile=hostile,
        cell=f"models/{DELAY}/drift/{last}",
    )


def _hostile(gov: Governance, now: datetime) -> tuple[ModelVersion, str]:
    hostile = _staged(
        gov, HOSTILE, 8, description=ATTACK, created_by=ATTACK,
        metadata={"note": ATTACK},
    )  # fmt: skip
    gov.promotion.promote_to_production(hostile, by=ATTACK, force=True, reason=ATTACK)
    looks(gov, gov.registry.resolve(hostile.id), now, days=3, names=(ATTACK, "calm"))
    (hostile_incident,) = record(
        gov.database, _incident(hostile, now, ATTACK, headline=ATTACK, reasons=(ATTACK,)), now=now
    )
    return hostile, hostile_incident


def _made(gov: Governance, name: str, seed: int, **given: Any) -> ModelVersion:
    """Validated, and known to load."""
    path = gov.settings.home / f"given-{seed}.txt"
    path.write_bytes(model_bytes(seed))
    columns = ["dep_time", "distance", "wind", "visib"]
    graph = FeatureGraph(
        [
            FeatureDefinition("hour", "1", ("dep_time",), "column"),
            FeatureDefinition("storm", "2", ("wind", "visib"), _RATIO),
            FeatureDefinition("risk", "1", ("hour", "storm"), _RATIO),
        ],
        columns,
    )
    version = gov.registry.register_model(
        name,
        model_path=path,
        **{
            "model_type": "lightgbm",
            "created_by": "ann",
            "features": graph,
            "config": {"seed": seed, "rounds": 60},
            "metrics": {"test": {"auc": 0.6 + seed / 100}},
            "description": _WORDS.get(name, ""),
            **given,
        },
    )
    return probed(gov, gov.registry.transition(version, "validated", "ann", "looked at it"))


def _staged(gov: Governance, name: str, seed: int, **given: Any) -> ModelVersion:
    return gov.registry.transition(_made(gov, name, seed, **given), "staging", "ann", "trial")


def _sessions(now: datetime, better: float) -> Iterator[Session]:
    shared, own = random.Random(7), random.Random(int(better * 1000))
    for number in range(28):
        gain = shared.gauss(0.001, 0.02) + own.gauss(better, 0.005)
        stats = SessionStats(
            trade_count=9 + number % 5,
            turnover_ratio=1.1,
            sharpe_ratio=1.4 if better else 0.8,
            max_drawdown=0.021,
            drift_psi=0.14 if better else 0.1,
            avg_latency_ms=3.2,
            error_rate=0.001,
            returns=(gain,),
        )
        yield Session(id=f"day-{number:02}", at=now - (28 - number) * DAY, stats=stats)


def _incident(version: ModelVersion, now: datetime, *features: str, **given: Any) -> Any:
    return event(
        **{
            "model": version.name,
            "version_id": version.id,
            "version": version.version,
            "at": now - 5 * DAY,
            "opened_at": now - 5 * DAY,
            "severity": Severity.SEVERE,
            "headline": f"{version.name} drifts",
            "features": tuple(
                {"feature": name, "ks": 0.4, "finding": "shifted", "severity": "severe"}
                for name in features
            ),
            **given,
        }
    )
