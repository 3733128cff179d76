"""One model: what decided when, its versions and their metrics; and one version with its origin."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.routing import version_of
from governance.api.shapes.parts import ModelName, VersionRef
from governance.dashboard.charts.graph import feature_graph
from governance.dashboard.charts.lineage import lineage_graph
from governance.dashboard.charts.timeline import timeline
from governance.dashboard.pages import page
from governance.dashboard.reads.one_model import (
    feature_spec,
    metrics_beside,
    newest_report,
    staged_without_trial,
)
from governance.dashboard.routing import Cursor, page_router
from governance.dashboard.site import url_of
from governance.decisions.decision_queries import activation_history, list_decisions
from governance.evidence.shadow.runs import latest_trial, running_trials
from governance.history.incident_handling import list_incidents
from governance.lineage.tracing import lineage_of
from governance.registry import overview, records
from governance.store.database import database_time
from governance.values import ModelVersion, Stage

router = page_router()

VERSIONS, DECISIONS, ACTIVATIONS, STAGED = 20, 8, 50, 20
TRACED = 5  # newest versions whose lineage a model's page draws
_HASHES = (
    ("Data", "dataset_hash"),
    ("Feature graph", "feature_graph_hash"),
    ("Configuration", "training_config_hash"),
    ("Commit", "git_commit"),
)


@router.get("/models/{model}", openapi_extra=right("models.read"), response_class=Response)
def get_model(request: Request, caller: Asking, model: ModelName, cursor: Cursor = "") -> Response:
    """Activations in time, versions, metrics, what runs beside, what was decided last."""
    with caller.gov.database.read() as connection:
        row = overview.model(connection, model)
        versions = records.page(connection, name=model, limit=VERSIONS, cursor=cursor or None)
        champion = records.in_production(connection, model)
        newest = records.latest(connection, model)
        activations = activation_history(connection, model)
        compared = newest if newest is not None and newest != champion else None
        shown = champion or newest
        metrics = [] if shown is None else metrics_beside(connection, shown, compared)
        trials = running_trials(connection, model)
        staged = staged_without_trial(connection, model=model, limit=STAGED)
        incidents = list_incidents(connection, model=model, state="open", limit=10)
        decisions = list_decisions(connection, model=model, limit=DECISIONS, frozen=False)
        drift = newest_report(connection, model, None if champion is None else champion.id)
        now = database_time(connection)
        lineage = lineage_of(connection, model, limit=TRACED)
    return page(
        request,
        "model.html",
        caller=caller,
        model=model,
        row=row,
        versions=versions,
        champion=champion,
        shown=shown,
        compared=compared if shown is not compared else None,
        activations=list(reversed(activations))[:ACTIVATIONS],
        more_activations=max(0, len(activations) - ACTIVATIONS),
        picture=timeline(activations, now=now) if activations else None,
        metrics=metrics,
        trials=trials,
        staged=[version for _, version in staged],
        incidents=incidents,
        decisions=decisions,
        drift=drift,
        lineage=lineage,
        traced=lineage_graph(lineage, url_of(request)),
    )


@router.get(
    "/models/{model}/versions/{version}",
    openapi_extra=right("models.read"),
    response_class=Response,
)
def get_version(
    request: Request, caller: Asking, model: ModelName, version: VersionRef
) -> Response:
    """Where a version came from, what was measured of it, what was decided about it."""
    found = version_of(caller.gov, model, version)
    with caller.gov.database.read() as connection:
        champion = records.in_production(connection, model)
        beside = None if champion is None or champion.id == found.id else champion
        metrics = metrics_beside(connection, found, beside)
        spec = feature_spec(connection, found.id)
        trial = latest_trial(connection, found.id)
        decisions = list_decisions(
            connection, model=model, version_id=found.id, limit=DECISIONS, frozen=False
        )
        lineage = lineage_of(connection, found)
    return page(
        request,
        "version.html",
        caller=caller,
        model=model,
        version=found,
        beside=beside,
        metrics=metrics,
        spec=spec or {},
        picture=_drawn(spec),
        trial=trial,
        decisions=decisions,
        hashes=_hashes(found),
        manifest=found.manifest,
        lineage=lineage,
        traced=lineage_graph(lineage, url_of(request)),
        can_decide=found.stage in (Stage.STAGING, Stage.VALIDATED, Stage.RETIRED),
    )


def _hashes(version: ModelVersion) -> list[tuple[str, str | None]]:
    return [(word, version.manifest.get(key)) for word, key in _HASHES]


def _drawn(spec: Any) -> Any:
    """The feature graph; no picture of a spec that is not as it was registered."""
    try:
        return None if spec is None else feature_graph(spec)
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
