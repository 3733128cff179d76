"""The graph of a model's versions: from data over training to decisions and what followed. Pure.

Nodes and edges stand in an order that depends on the records alone, so that the same records give
the same text. An edge is only drawn where a record says so: a retrain is known by its content (the
same configuration and features as an earlier version), never by nearness in time. Neighbours:
``records`` (what it is made of), ``showing`` (the texts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from governance.lineage.records import Records
from governance.values import ModelVersion, SemanticVersion, iso

_SHORT = 12  # digits of a hash that people see


class Thing(StrEnum):
    DATA = "data"
    TRAINING = "training"
    VERSION = "version"
    METRICS = "metrics"
    TRIAL = "trial"
    DECISION = "decision"
    ACTIVATION = "activation"
    DRIFT = "drift"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """
    Attributes:
        id: stable, such as ``version:922cc995d975``.
        label: for people, one line. at: when it happened. state: a stage, a verdict, a severity.
    """

    id: str
    thing: Thing
    label: str
    at: datetime | None = None
    state: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "thing": self.thing.value,
            "label": self.label,
            "at": None if self.at is None else iso(self.at),
            "state": self.state,
            "facts": dict(self.facts),
        }


@dataclass(frozen=True, slots=True)
class Edge:
    """What ``source`` did to ``target``, read in this direction: data *trained* a version."""

    source: str
    target: str
    relation: str

    def as_json(self) -> dict[str, Any]:
        return {"source": self.source, "target": self.target, "relation": self.relation}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """
    Attributes:
        versions: those that it is about, the newest first. left_out: what it does not show, by
            kind.
    """

    model: str
    versions: tuple[ModelVersion, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    left_out: Mapping[str, int]

    @property
    def note(self) -> str:
        """What is not shown, in a sentence; empty if nothing is left out."""
        said = ", ".join(f"{number} {kind}" for kind, number in sorted(self.left_out.items()))
        return f"older ones are left out: {said}" if said else ""

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "nodes": [one.as_json() for one in self.nodes],
            "edges": [one.as_json() for one in self.edges],
            "left_out": dict(self.left_out),
        }


def build(records: Records) -> Lineage:
    """The graph of what is on record."""
    made = _Made()
    for version in reversed(records.versions):
        _add_origin(made, version)
    for other, number in sorted(records.others.items()):
        made.node(f"version:{other}", Thing.VERSION, f"{records.model} {number}", version=number)
    for before, after in retrains((*records.versions, *records.kin)):
        made.edge(f"version:{before.id}", f"version:{after.id}", "retrained as")
    _add_evidence(made, records)
    _add_outcome(made, records)
    return Lineage(
        model=records.model,
        versions=tuple(records.versions),
        nodes=tuple(made.nodes.values()),
        edges=tuple(dict.fromkeys(made.edges)),
        left_out=records.left_out,
    )


def retrains(versions: Iterable[ModelVersion]) -> list[tuple[ModelVersion, ModelVersion]]:
    """Pairs of a version and the next one that was made by the same recipe from other data."""
    last: dict[tuple[str, str | None], ModelVersion] = {}
    found = []
    for version in sorted(versions, key=lambda one: SemanticVersion.parse(one.version)):
        config = version.manifest.get("training_config_hash")
        if config is None:
            continue
        recipe = (config, version.manifest.get("feature_graph_hash"))
        before = last.get(recipe)
        if before is not None and _data_of(before) != _data_of(version):
            found.append((before, version))
        last[recipe] = version
    return found


def _data_of(version: ModelVersion) -> object:
    return version.manifest.get("dataset_hash")


class _Made:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []

    def node(
        self,
        key: str,
        thing: Thing,
        label: str,
        *,
        at: datetime | None = None,
        state: str | None = None,
        **facts: Any,
    ) -> str:
        if key not in self.nodes:
            self.nodes[key] = Node(
                id=key, thing=thing, label=label, at=at, state=state, facts=facts
            )
        return key

    def edge(self, source: str, target: str, relation: str) -> None:
        """Nothing where one end was left out."""
        if source in self.nodes and target in self.nodes:
            self.edges.append(Edge(source, target, relation))


def _add_origin(made: _Made, version: ModelVersion) -> None:
    """Data, training, version. A version without provenance has no training that is known of."""
    manifest = version.manifest
    target = made.node(
        f"version:{version.id}",
        Thing.VERSION,
        f"{version.name} {version.version}",
        at=version.registered_at,
        state=version.stage.value,
        version=version.version,
        digest=version.digest,
        model_type=version.model_type,
        created_by=version.created_by,
    )
    facts = {
        key: manifest.get(key)
        for key in ("training_config_hash", "feature_graph_hash", "seed", "git_commit")
    }
    data = manifest.get("datasets") or ()
    if not data and not any(value is not None for value in facts.values()):
        return
    config = facts["training_config_hash"]
    training = made.node(
        f"training:{version.id}",
        Thing.TRAINING,
        "training" if config is None else f"training {config[:_SHORT]}",
        at=version.registered_at,
        run=version.metadata.get("run"),
        trained_end=manifest.get("trained_end"),
        **facts,
    )
    made.edge(training, target, "made")
    for one in data:
        source = made.node(
            f"data:{one['hash']}",
            Thing.DATA,
            f"{one.get('name') or 'data'} {one['hash'][:_SHORT]}",
            name=one.get("name"),
            hash=one["hash"],
            rows=one.get("rows"),
        )
        made.edge(source, training, "trained")


def _add_evidence(made: _Made, records: Records) -> None:
    for one in records.measured:
        name = made.node(
            f"metrics:{one.version_id}:{one.split}",
            Thing.METRICS,
            f"{one.metrics} metrics on {one.split}",
            at=one.at,
            split=one.split,
            metrics=one.metrics,
        )
        made.edge(f"version:{one.version_id}", name, "measured by")
    for trial in records.tried:
        name = made.node(
            f"trial:{trial.id}", Thing.TRIAL, "shadow trial", at=trial.at, state=trial.state
        )
        made.edge(f"version:{trial.version_id}", name, "tried in")
        if trial.benchmark_id is not None:
            made.edge(f"version:{trial.benchmark_id}", name, "compared in")
    for decision in records.decided:
        forced = " (forced)" if decision.forced else ""
        name = made.node(
            f"decision:{decision.id}",
            Thing.DECISION,
            f"{decision.operation}: {decision.verdict}{forced}",
            at=decision.at,
            state=decision.verdict,
            operation=decision.operation,
            forced=decision.forced,
            overridden=decision.overridden,
            by=decision.by,
            approved_by=decision.approved_by,
        )
        made.edge(f"version:{decision.version_id}", name, "judged in")


def _add_outcome(made: _Made, records: Records) -> None:
    for one in records.activated:
        name = made.node(
            f"activation:{records.model}:{one.generation}",
            Thing.ACTIVATION,
            f"generation {one.generation} by {one.operation}",
            at=one.at,
            state="nothing live" if one.version_id is None else None,
            generation=one.generation,
            operation=one.operation,
            forced=one.forced,
        )
        back = one.operation != "promotion"
        made.edge(f"decision:{one.decision_id}", name, "led to")
        made.edge(name, f"version:{one.version_id}", "rolled back to" if back else "activated")
        if one.before_id not in (None, one.version_id):
            made.edge(f"version:{one.before_id}", name, "replaced in")
    for incident in records.alarmed:
        asks = ", asks for a retrain" if incident.retrain_requested else ""
        made.node(
            f"incident:{incident.id}",
            Thing.INCIDENT,
            f"{incident.kind} incident, {incident.severity}{asks}",
            at=incident.at,
            state=incident.state,
            severity=incident.severity,
            retrain_requested=incident.retrain_requested,
        )
        made.edge(f"version:{incident.version_id}", f"incident:{incident.id}", "alarmed in")
    for report in records.watched:
        name = made.node(
            f"drift:{report.id}",
            Thing.DRIFT,
            f"drift {report.severity}, newest of {report.reports}",
            at=report.at,
            state=report.severity,
            reports=report.reports,
        )
        made.edge(f"version:{report.version_id}", name, "watched in")
        made.edge(name, f"incident:{report.incident_id}", "belongs to")
