"""A home that is as full as the pages are measured with; made once, then kept.

A thousand models with ten versions each, a million audit entries, ten thousand incidents. One model
(`FULL`) has all that a page can show: 100 features looked at every hour for 90 days, a challenger
with 250 sessions, 40 activations. Rows of the others are copies of rows that the product wrote.

Not promised: that the log verifies; its entries are chained, the copied decisions are not in it.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from benchmarks.harness.pages_drift import write_looks
from governance.canonical import canonical_json
from governance.evidence.shadow.session_stats import SessionStats
from governance.evidence.shadow.summary import Session
from governance.history.chain import COLUMNS, Row, entry_hash
from governance.registry.feature_definition import FeatureDefinition
from governance.registry.features import FeatureGraph
from governance.store.alert_tables import incidents
from governance.store.drift_tables import model_drift_reports
from governance.store.schema import (
    activations,
    audit_log,
    decisions,
    governed_models,
    model_registry,
)
from governance.values import SemanticVersion, iso, version_id
from governance.wiring import Governance

FULL = "arrival_delay"
NOW = datetime(2013, 6, 30, tzinfo=UTC)
_DAY = timedelta(days=1)
_ACTIONS = ("version.registered", "promotion.decided", "shadow.session", "incident.opened")


@dataclass(frozen=True, slots=True)
class Sizes:
    models: int = 1000
    versions: int = 10  # of each model
    entries: int = 1_000_000
    incidents: int = 10_000
    features: int = 100
    days: int = 90

    @property
    def name(self) -> str:
        """Of the folder: another size is another home."""
        return (
            f"pages-{self.models}-{self.versions}-{self.entries}-{self.incidents}-{self.features}"
        )


def ready(folder: Path, sizes: Sizes) -> Path:
    """The home of this size below ``folder``; made if it is not there as a whole."""
    home = folder / sizes.name
    done = home / "done"
    if not done.exists():
        home.mkdir(parents=True, exist_ok=True)
        for left in home.glob("governance.db*"):
            left.unlink()
        with Governance.open(home=home, database=f"sqlite:///{home / 'governance.db'}") as gov:
            _full_model(gov, sizes)
            _others(gov, sizes)
            _log(home / "governance.db", sizes.entries)
        done.write_text("")
    return home


def _graph() -> FeatureGraph:
    columns = ["sched_dep", "dep_delay", "distance", "carrier", "wind", "visib", "precip"]
    made = [FeatureDefinition(name, "1", (name,), "column") for name in columns[1:]]
    made = [FeatureDefinition(f"{one.name}_now", "1", (one.name,), "column") for one in made]
    return FeatureGraph(made, columns)


def _full_model(gov: Governance, sizes: Sizes) -> None:
    source = random.Random(1)
    path = gov.settings.home / "model.txt"
    found = []
    for number in range(sizes.versions):
        path.write_bytes(b"tree\nversion=v4\n" + source.randbytes(4096))
        version = gov.registry.register_model(
            FULL, model_path=path, model_type="lightgbm", created_by="ann", features=_graph()
        )
        metrics = {"test": {"mae": 12 - number / 5 + source.random(), "r2": 0.6 + number / 90}}
        gov.validation.log_metrics(version, metrics, by="trainer")
        version = gov.registry.transition(version, "validated", "ann", "looked at it")
        found.append(version)
        if number < sizes.versions - 1:
            gov.promotion.promote_to_production(
                version, by="eve", force=True, reason=f"release {number}"
            )
    champion, challenger = found[-2:]
    gov.shadow.start_shadow_testing(challenger, by="ann")
    for version, better in ((champion, 0.0), (challenger, 0.004)):
        gov.shadow.record_sessions(version, _sessions(better), by="trader")
    with gov.database.begin() as tx:
        write_looks(
            tx, gov.registry.resolve(champion.id), until=NOW, days=sizes.days, count=sizes.features
        )


def _sessions(better: float) -> Iterator[Session]:
    shared, own = random.Random(7), random.Random(int(better * 1000))
    for number in range(250):
        base = shared.gauss(0, 0.01)
        stats = SessionStats(
            trade_count=20 + number % 9,
            turnover_ratio=1.1,
            sharpe_ratio=0.9,
            max_drawdown=0.02,
            drift_psi=0.08,
            avg_latency_ms=3.2,
            error_rate=0.001,
            returns=(base + own.gauss(better, 0.012),),
        )
        yield Session(id=f"s{number:03}", at=NOW - _DAY * (250 - number), stats=stats)


def _others(gov: Governance, sizes: Sizes) -> None:
    names = [f"model-{number:04}" for number in range(sizes.models - 1)]
    with gov.database.begin() as tx:
        version = _template(tx, model_registry, model_registry.c.name == FULL)
        decision = _template(tx, decisions, decisions.c.operation == "promotion")
        report = _template(tx, model_drift_reports, model_drift_reports.c.model_name == FULL)
        tx.execute(
            insert(governed_models),
            [{"name": name, "generation": 1, "created_at": NOW} for name in names],
        )
        tx.execute(
            insert(model_registry),
            [row for name in names for row in _versions(version, name, sizes)],
        )
        live = {name: version_id(name, f"1.0.{sizes.versions - 2}", "d" * 64) for name in names}
        first = sizes.entries - len(names) * 4
        rows = [
            {
                **decision,
                "id": f"{number:032x}",
                "seq": first + number,
                "model_name": names[number % len(names)],
                "version_id": live[names[number % len(names)]],
                "recorded_at": NOW - timedelta(minutes=number),
            }
            for number in range(len(names) * 3)
        ]
        tx.execute(insert(decisions), rows)
        tx.execute(
            insert(activations),
            [
                {
                    "model_name": name,
                    "generation": 1,
                    "version_id": live[name],
                    "decision_id": f"{number:032x}",
                    "operation": "promotion",
                    "forced": number % 40 == 0,
                    "effective_at": NOW - _DAY * 30,
                    "recorded_at": NOW - _DAY * 30,
                }
                for number, name in enumerate(names)
            ],
        )
        tx.execute(insert(model_drift_reports), list(_reports(report, live)))
        tx.execute(insert(incidents), list(_incidents(live, sizes.incidents)))


def _template(tx: Connection, table: Table, which: Any) -> dict[str, Any]:
    return dict(tx.execute(select(table).where(which).limit(1)).one()._mapping)


def _versions(template: dict[str, Any], name: str, sizes: Sizes) -> Iterator[dict[str, Any]]:
    for number in range(sizes.versions):
        text = f"1.0.{number}"
        last = sizes.versions - 1
        stage = {last: "staging", last - 1: "production"}.get(number, "retired")
        yield {
            **template,
            "id": version_id(name, text, "d" * 64),
            "name": name,
            "version": text,
            "version_order": SemanticVersion.parse(text).sort_key,
            "stage": stage if number < last or name.endswith(("0", "5")) else "validated",
            "digest": "d" * 64,
        }


def _reports(template: dict[str, Any], live: dict[str, str]) -> Iterator[dict[str, Any]]:
    source = random.Random(3)
    for number, (name, version) in enumerate(live.items()):
        for day in range(30):
            drifts = source.random()
            severity = "severe" if drifts < 0.02 else "moderate" if drifts < 0.07 else "normal"
            yield {
                **template,
                "id": f"{number:016x}{day:016x}",
                "model_name": name,
                "version_id": version,
                "at": NOW - _DAY * day,
                "severity": severity,
                "reference": {},
                "incident_id": None,
            }


def _incidents(live: dict[str, str], count: int) -> Iterator[dict[str, Any]]:
    names = list(live)
    for number in range(count):
        name = names[number % len(names)]
        is_open = number < len(names) // 4
        opened = NOW - timedelta(hours=number)
        yield {
            "id": f"{number:012x}",
            "model_name": name,
            "version_id": live[name],
            "model_version": "1.0.8",
            "kind": "drift",
            "state": "open" if is_open else "closed",
            "severity": "severe" if number % 3 == 0 else "moderate",
            "rule": "urgent",
            "opened_at": opened,
            "updated_at": opened,
            "closed_at": None if is_open else opened + _DAY,
            "closed_reason": None if is_open else "calm again",
            "features": ["visib", "wind", "precip"],
            "report_id": "0" * 32,
            "retrain_requested": False,
            "recorded_at": opened,
        }


def _log(path: Path, entries: int) -> None:
    """Behind the entries that the product wrote, as many as are asked for."""
    marks = ", ".join("?" * len(COLUMNS))
    with sqlite3.connect(path) as file:
        last = file.execute("SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1").fetchone()
        rows = _rows(last[0], last[1], entries)
        file.executemany(f"INSERT INTO {audit_log.name} VALUES ({marks})", rows)
    file.close()


def _rows(seq: int, previous: str, entries: int) -> Iterator[Row]:
    details = canonical_json({"digest": "e" * 64, "reason": "scheduled retraining"})
    for number in range(seq + 1, entries + 1):
        fields = (
            iso(NOW + timedelta(seconds=number)),
            f"user{number % 10}",
            _ACTIONS[number % 4],
            f"model-{number % 999:04}",
            f"{number:012x}",
            details,
        )
        computed = entry_hash(number, *fields, previous)
        yield (number, *fields, previous, computed)
        previous = computed
