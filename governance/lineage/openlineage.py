"""A graph as OpenLineage run events (spec 2-0-2), each ready to be sent to a collector. Pure.

Trainings, decisions and drift reports are runs; snapshots and versions are datasets with a version
of their own. A run has the id that follows from what it stands for, so that to send it again
changes nothing. Governance records when something was done, not when it began: the START of a run
carries the time of its end. What the spec has no word for stands in facets of our own
(``governance_...``), whose schema has a name (a URN) and no address.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from governance.lineage.graph import Lineage, Node, Thing
from governance.values import ModelVersion, iso

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "urn:airflow-model-governance"
NAMESPACE = "governance"

_FACETS = "https://openlineage.io/spec/facets"
_VERSION = f"{_FACETS}/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
_TYPE = f"{_FACETS}/1-0-1/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet"
_JOB_TYPE = f"{_FACETS}/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, PRODUCER)

Json = dict[str, Any]


def events(lineage: Lineage) -> list[Json]:
    """Two events for each run, START and how it ended, in the order of their times."""
    versions = {f"version:{one.id}": one for one in lineage.versions}
    nodes = {one.id: one for one in lineage.nodes}
    sources: dict[str, list[str]] = {}
    for edge in lineage.edges:
        sources.setdefault(edge.target, []).append(edge.source)
    found = [
        event
        for node in lineage.nodes
        for event in _run(lineage.model, node, nodes, versions, sources)
    ]
    return sorted(
        found, key=lambda one: str(one["eventTime"])
    )  # stable: START stays before its end


def _run(
    model: str,
    node: Node,
    nodes: Mapping[str, Node],
    versions: Mapping[str, ModelVersion],
    sources: Mapping[str, Sequence[str]],
) -> Iterator[Json]:
    ended, outputs = "COMPLETE", list[Json]()
    before = [nodes[one] for one in sources.get(node.id, ())]
    match node.thing:
        case Thing.TRAINING:
            job = f"{model}.training"
            made = versions[f"version:{node.id.partition(':')[2]}"]
            outputs = [_version(model, made.version, made)]
        case Thing.DECISION:
            job = f"{model}.{node.facts['operation']}"
            ended = "COMPLETE" if node.state == "pass" or node.facts["forced"] else "FAIL"
        case Thing.DRIFT:
            job = f"{model}.drift"
        case _:
            return
    inputs = [
        _data(model, one) if one.thing is Thing.DATA else _version(model, **_named(one, versions))
        for one in before
        if one.thing in (Thing.DATA, Thing.VERSION)
    ]
    assert node.at is not None
    for state in ("START", ended):
        yield {
            "eventType": state,
            "eventTime": iso(node.at),
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
            "run": {
                "runId": str(uuid.uuid5(_IDS, node.id)),
                "facets": {f"governance_{node.thing}": _own(node.thing, node.facts)},
            },
            "job": {
                "namespace": NAMESPACE,
                "name": job,
                "facets": {
                    "jobType": _facet(
                        _JOB_TYPE,
                        processingType="BATCH",
                        integration="GOVERNANCE",
                        jobType=node.thing.value.upper(),
                    )
                },
            },
            "inputs": inputs,
            "outputs": outputs,
        }


def _named(node: Node, versions: Mapping[str, ModelVersion]) -> dict[str, Any]:
    known = versions.get(node.id)
    return {"number": node.facts.get("version") or node.label, "known": known}


def _data(model: str, node: Node) -> Json:
    return {
        "namespace": NAMESPACE,
        "name": f"{model}/data/{node.facts.get('name') or 'data'}",
        "facets": {
            "version": _facet(_VERSION, datasetVersion=node.facts["hash"]),
            "datasetType": _facet(_TYPE, datasetType="FILE"),
        },
    }


def _version(model: str, number: str, known: ModelVersion | None) -> Json:
    facets = {
        "version": _facet(_VERSION, datasetVersion=number),
        "datasetType": _facet(_TYPE, datasetType="MODEL"),
    }
    if known is not None:
        about = {"id": known.id, "digest": known.digest, "stage": known.stage.value}
        facets["governance_version"] = _own("version", about)
    return {"namespace": NAMESPACE, "name": model, "facets": facets}


def _own(what: str, facts: Mapping[str, Any]) -> Json:
    return _facet(f"{PRODUCER}:facet:1-0-0:{what}", **facts)


def _facet(schema: str, **content: Any) -> Json:
    given = {key: value for key, value in content.items() if value is not None}
    return {"_producer": PRODUCER, "_schemaURL": schema, **given}
