"""Challengers beside the champion: start a trial, record its sessions, see how far it is, stop."""

from __future__ import annotations

import json
from typing import Any

from governance.api.guard import Asking, right
from governance.api.paging import sliced_by
from governance.api.routing import router as new_router
from governance.api.routing import version_of
from governance.api.shapes.models import VersionWhole
from governance.api.shapes.parts import (
    Cursor,
    Limit,
    ModelFilter,
    ModelName,
    Page,
    VersionRef,
)
from governance.api.shapes.shadow import (
    ProgressShown,
    SessionAsked,
    SessionShown,
    ShadowStartAsked,
    ShadowStopAsked,
    TrialShown,
)
from governance.canonical import canonical_json
from governance.evidence.shadow.progress import ShadowProgress
from governance.evidence.shadow.runs import running_trials
from governance.evidence.shadow.summary import Session
from governance.values import iso

router = new_router("shadow")


@router.get("/shadow", openapi_extra=right("shadow.list"))
def list_trials(
    caller: Asking, model: ModelFilter = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[TrialShown]:
    """Trials that run now, of models that one sees; at most one for each version."""
    with caller.gov.database.read() as connection:
        found = running_trials(connection, model, patterns=caller.patterns)
    return sliced_by(
        found,
        limit,
        cursor,
        show=TrialShown.model_validate,
        key=lambda one: (one.model, f"{one.id:020}"),
    )


@router.get("/models/{model}/versions/{version}/shadow", openapi_extra=right("shadow.read"))
def get_progress(caller: Asking, model: ModelName, version: VersionRef) -> ProgressShown:
    """How far a challenger is: its figures, what is missing, the comparison with the champion."""
    return _progress(caller.gov.shadow.progress(version_of(caller.gov, model, version)))


@router.get(
    "/models/{model}/versions/{version}/shadow/sessions", openapi_extra=right("shadow.read")
)
def list_sessions(
    caller: Asking,
    model: ModelName,
    version: VersionRef,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[SessionShown]:
    """What a version recorded, in order of time."""
    found = caller.gov.shadow.sessions(version_of(caller.gov, model, version))
    return sliced_by(found, limit, cursor, show=_session, key=_place)


@router.post("/models/{model}/versions/{version}/shadow/start", openapi_extra=right("shadow.write"))
def start_trial(
    caller: Asking, model: ModelName, version: VersionRef, asked: ShadowStartAsked
) -> TrialShown:
    """Put a validated version beside the champion. A trial that runs already is given as it is."""
    gov = caller.gov
    beside = None if asked.benchmark is None else version_of(gov, model, asked.benchmark)
    found = gov.shadow.start_shadow_testing(
        version_of(gov, model, version), beside, by=caller.name, at=asked.at
    )
    gov.files.catch_up()
    return TrialShown.model_validate(found)


@router.post(
    "/models/{model}/versions/{version}/shadow/sessions", openapi_extra=right("shadow.write")
)
def record_session(
    caller: Asking, model: ModelName, version: VersionRef, asked: SessionAsked
) -> ProgressShown:
    """Record one session. The same again changes nothing; other figures for it are a 409."""
    found = caller.gov.shadow.update_shadow_metrics(
        version_of(caller.gov, model, version),
        asked.stats.model_dump(exclude_none=True),
        session_id=asked.session_id,
        at=asked.at,
        by=caller.name,
    )
    return _progress(found)


@router.post("/models/{model}/versions/{version}/shadow/stop", openapi_extra=right("shadow.write"))
def stop_trial(
    caller: Asking, model: ModelName, version: VersionRef, asked: ShadowStopAsked
) -> VersionWhole:
    """End the trial: the version is validated again."""
    found = caller.gov.shadow.stop_shadow_testing(
        version_of(caller.gov, model, version), by=caller.name, reason=asked.reason, at=asked.at
    )
    caller.gov.files.catch_up()
    return VersionWhole.model_validate(found)


def _place(one: Session) -> tuple[str, ...]:
    """A session that is recorded late stands where its time is."""
    return iso(one.at), one.id


def _session(one: Session) -> SessionShown:
    return SessionShown(id=one.id, at=one.at, stats=one.stats.as_json())


def _progress(found: ShadowProgress) -> ProgressShown:
    plain: dict[str, Any] = json.loads(canonical_json(found.as_json()))
    return ProgressShown.model_validate(plain)
