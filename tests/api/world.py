"""One of everything that a route can name, and a request for every route made from its document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from governance import Governance
from governance.evidence.drift.records import detections, report_store
from governance.evidence.drift.records.detections import DetectedFeature
from governance.evidence.drift.report import DriftReport
from governance.policy.drift.episodes import Episode
from governance.policy.drift.facts import Finding
from governance.policy.drift.limits import DriftLimits
from governance.values import ModelVersion, Severity
from tests.alarms import event, record
from tests.decisions.eligible import policy, promoted, staged
from tests.model_bytes import model_bytes
from tests.versions import NAME

AT = datetime(2013, 2, 8, 18, tzinfo=UTC)
PREFIX = "/api/v1"
UPLOADS = {"upload_version"}


@dataclass(frozen=True)
class World:
    """Ids by the name of the path parameter that takes them."""

    ids: dict[str, str]
    champion: ModelVersion
    challenger: ModelVersion


def build(gov: Governance, name: str = NAME) -> World:
    """A champion, a challenger in its trial, an approval that waits, drift and its incident."""
    policy(gov)
    live = promoted(gov, 1, name=name)
    challenger = staged(gov, 2, name=name)
    gov.shadow.start_shadow_testing(challenger, by="ann")
    asked = gov.approvals.request(challenger, by="ann", idempotency_key=f"{name}-asked")
    return World(
        ids={
            "model": name,
            "version": challenger.version,
            "version_id": challenger.id,
            "decision_id": str(gov.promotion.decisions(name)[0].id),
            "approval_id": asked.id,
            "incident_id": incident(gov, live),
            "report_id": report(gov, live),
            "alert_id": str(drift_alert(gov, live)),
            "job_id": "0" * 32,
        },
        champion=live,
        challenger=challenger,
    )


def incident(gov: Governance, version: ModelVersion) -> str:
    (found,) = record(
        gov.database, event(model=version.name, version_id=version.id, version=version.version)
    )
    return found


def report(gov: Governance, version: ModelVersion, at: datetime = AT, **given: Any) -> str:
    fields: dict[str, Any] = {
        "id": report_store.report_id(version.name, version.id, at),
        "model": version.name,
        "version_id": version.id,
        "version": version.version,
        "at": at,
        "severity": Severity.SEVERE,
        "rows": 600,
        "features": (),
        "reference": {"window": {}, "histograms": {}},
        "reasons": ("visib moved",),
        "policy": DriftLimits().as_json(),
        "evidence_digest": "0" * 64,
        "episode": {**Episode().as_json(), "closes": [], "quarantined": []},
        "revision": 1,
        **given,
    }
    with gov.database.begin() as tx:
        report_store.write(tx, DriftReport(**fields), now=at)
    return str(fields["id"])


def drift_alert(gov: Governance, version: ModelVersion) -> int:
    found = DetectedFeature(
        feature="visib",
        drift_type="data",
        method="psi",
        score=0.4,
        threshold=0.2,
        p_value=None,
        q_value=None,
        severity=Severity.SEVERE,
        finding=Finding.SHIFTED,
        is_alert=True,
        reason="PSI 0.4 is above 0.2",
    )
    with gov.database.begin() as tx:
        (number,) = detections.record(tx, version, [found], origin="scan", at=AT)
    return number


def routes(app: FastAPI) -> list[APIRoute]:
    """Every route, whatever it is; one that is no ``APIRoute`` fails the walk."""
    assert all(isinstance(route, APIRoute) for route in app.routes), app.routes
    return [route for route in app.routes if isinstance(route, APIRoute)]


def request_of(app: FastAPI, route: APIRoute, ids: dict[str, str]) -> dict[str, Any]:
    """Method, path and a right body for a route, the body from the first example of its shape."""
    path = route.path
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"the world has nothing for {path}"
    (method,) = route.methods
    given: dict[str, Any] = {"method": method, "path": path.removeprefix(PREFIX)}
    if route.name in UPLOADS:
        given["data"] = {"registration": '{"model_type": "lightgbm"}'}
        given["files"] = [("artifact", ("model.txt", model_bytes(9)))]
        return given
    document = app.openapi()
    body = document["paths"][route.path][method.lower()].get("requestBody")
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        for one in schema.get("anyOf", [schema]):
            if "$ref" in one:
                schema = document["components"]["schemas"][one["$ref"].rpartition("/")[2]]
        given["json"] = schema["examples"][0]
    return given
