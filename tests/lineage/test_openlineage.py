"""The run events are what the OpenLineage spec 2-0-2 asks: shape, ids, times, states, facets.

The shape below is written after the spec's JSON schema; no package ships that file.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from governance import Governance
from governance.lineage.forms import Format
from governance.lineage.showing import shown
from governance.policy.facts import MetricLimit
from tests.api.world import build
from tests.lineage.test_tracing import traced, trained
from tests.versions import NAME

_URI = {"_producer", "_schemaURL", "producer", "schemaURL"}
_STATES = {"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}


def conforms(event: dict[str, Any]) -> None:
    assert set(event) == {
        *("eventType", "eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs")
    }
    assert event["eventType"] in _STATES
    assert datetime.fromisoformat(event["eventTime"]).utcoffset() is not None
    assert event["schemaURL"].startswith("https://openlineage.io/spec/2-0-2/OpenLineage.json#/")
    uuid.UUID(event["run"]["runId"])
    assert set(event["run"]) <= {"runId", "facets"}
    facets = [event["run"]["facets"], event["job"]["facets"]]
    for named in (event["job"], *event["inputs"], *event["outputs"]):
        assert isinstance(named["namespace"], str) and named["namespace"]
        assert isinstance(named["name"], str) and named["name"]
        assert set(named) <= {"namespace", "name", "facets"}
        facets.append(named["facets"])
    for group in facets:
        for name, facet in group.items():
            assert {"_producer", "_schemaURL"} <= set(facet)
            ours = not facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/")
            assert ours == name.startswith("governance_"), name
            for key in _URI & set(facet):
                assert urlsplit(facet[key]).scheme, facet[key]
    for one in (*event["inputs"], *event["outputs"]):
        assert isinstance(one["facets"]["version"]["datasetVersion"], str)
        assert one["facets"]["datasetType"]["datasetType"] in ("FILE", "MODEL")
    assert event["job"]["facets"]["jobType"]["processingType"] == "BATCH"


def events(gov: Governance) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shown(traced(gov, NAME), Format.OPENLINEAGE))
    return found


def test_every_event_conforms_and_every_run_starts_and_ends(sqlite_gov: Governance) -> None:
    build(sqlite_gov)
    trained(sqlite_gov, 5, "1,2")
    found = events(sqlite_gov)
    runs: dict[str, list[str]] = {}
    for event in found:
        conforms(event)
        runs.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert sorted(runs.values()) == [["START", "COMPLETE"]] * 3  # training, promotion, drift
    assert [one["eventTime"] for one in found] == sorted(one["eventTime"] for one in found)


def test_a_training_takes_data_and_makes_a_version(sqlite_gov: Governance) -> None:
    version = trained(sqlite_gov, 5, "1,2")
    first = events(sqlite_gov)
    (end,) = [one for one in first if one["eventType"] == "COMPLETE"]
    assert end["job"]["name"] == f"{NAME}.training"
    (data,), (made,) = end["inputs"], end["outputs"]
    assert data["name"] == f"{NAME}/data/train.csv"
    hash_ = version.manifest["datasets"][0]["hash"]
    assert data["facets"]["version"]["datasetVersion"] == hash_
    assert made["facets"]["version"]["datasetVersion"] == "1.0.0"
    assert made["facets"]["governance_version"]["digest"] == version.digest
    config = end["run"]["facets"]["governance_training"]["training_config_hash"]
    assert config == version.manifest["training_config_hash"]
    assert events(sqlite_gov) == first  # sent again, it changes nothing


def test_what_failed_is_a_run_that_failed(sqlite_gov: Governance) -> None:
    version = trained(sqlite_gov, 5, "1,2")
    sqlite_gov.validation.log_metric(version, "sharpe_ratio", 0.1, by="ann")
    limit = MetricLimit(metric="sharpe_ratio", split="test", min=1.0)
    sqlite_gov.validate(version, by="ann", limits=[limit])
    ends = [one["eventType"] for one in events(sqlite_gov) if one["job"]["name"].endswith("dation")]
    assert ends == ["START", "FAIL"]
