"""A look becomes a record: one transaction with profiles, report, incidents and what is to be told.

The model's head row is locked first, so that looks at a model are recorded one after the other.
The alarm rules are stepped here, on the state that stands in the database at that moment. A look
whose evidence is that of the recorded report changes nothing. Neighbours: ``looking`` (measures),
``incident_changes`` (what the state means for incidents), ``report_store``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from governance.canonical import canonical_json, sha256_of
from governance.evidence.drift.normal.calendar import HOUR, DayCalendar
from governance.evidence.drift.records import detections, profile_store, report_store
from governance.evidence.drift.report import DriftReport, FeatureReport
from governance.evidence.drift.scanning.incident_changes import Changes, incident_changes
from governance.evidence.drift.scanning.looking import Seen
from governance.history.incidents import record_incident
from governance.policy.drift.episodes import Episode, EpisodeEvent, explained, step
from governance.registry.heads import lock_head
from governance.store.database import Database, database_time

KEPT_FIGURES = timedelta(days=35)  # longer than the history that a page shows
_ORDER = {"opened": 0, "closed": 1, "updated": 2}


def record(database: Database, seen: Seen, *, channels: Sequence[str]) -> DriftReport:
    """The report of this look: recorded by this call, or as it stands.

    Raises:
        DatabaseUnavailableError, StorageFullError: nothing was recorded; repeat the call.
    """
    with database.begin() as tx:
        lock_head(tx, seen.version.name)
        profile_store.put(tx, seen.version.id, seen.changed)
        report = _report(tx, seen, channels)
        profile_store.forget(
            tx,
            seen.version.id,
            hours_before=seen.at - profile_store.KEPT_HOURS,
            days_before=seen.needed_since,
        )
        return report


def _report(tx: Connection, seen: Seen, channels: Sequence[str]) -> DriftReport:
    version, at = seen.version, seen.at
    before = report_store.latest_before(tx, version.id, at)
    digest = sha256_of([seen.evidence, before])
    name = report_store.report_id(version.name, version.id, at)
    stands = report_store.standing(tx, name)
    if stands is not None and stands.evidence_digest == digest:
        found = report_store.find(tx, name)
        assert found is not None  # seen a moment ago in this transaction
        if found.features:
            return found
        # Its figures are no longer kept; the same evidence gives them again.
        return replace(found, features=_features(seen))
    episode, events = step(
        Episode.from_json(dict(before)), seen.judged, seen.look, at=at, limits=seen.limits
    )
    seen = replace(seen, judged=explained(seen.judged, events))
    newest = report_store.newest(tx, version.name)
    features = _features(seen)
    changes = incident_changes(
        tx,
        seen,
        report=name,
        features=features,
        episode=episode,
        events=events,
        is_newest=newest is None or at >= newest,
    )
    event = _foremost(changes.said)
    report = DriftReport(
        id=name,
        model=version.name,
        version_id=version.id,
        version=version.version,
        at=at,
        severity=seen.judged.severity,
        rows=seen.look.rows,
        features=features,
        reference=seen.reference,
        reasons=seen.judged.reasons,
        policy=seen.limits.as_json(),
        evidence_digest=digest,
        episode=_as_recorded(
            {
                **episode.as_json(),
                "quarantined": _quarantined(before, episode, seen.watch.calendar, at),
            }
        ),
        revision=1 if stands is None else stands.revision + 1,
        event=None if event is None else event.event,
        incident_id=changes.incident_id,
        retrain_requested=changes.retrain,
    )
    now = database_time(tx)
    report_store.write(tx, report, now=now, day_close=seen.look.day_close)
    if seen.look.day_close:
        report_store.forget_figures(tx, version.name, before=at - KEPT_FIGURES)
    _tell(tx, seen, changes, channels=channels, now=now)
    return report


def _features(seen: Seen) -> tuple[FeatureReport, ...]:
    return report_store.worst_first(map(FeatureReport.of, seen.judged.verdicts))


def _as_recorded(value: Mapping[str, Any]) -> dict[str, Any]:
    """Lists for tuples, as the database gives it back: both reports are to be equal."""
    plain: dict[str, Any] = json.loads(canonical_json(value))
    return plain


def _foremost(events: Sequence[EpisodeEvent]) -> EpisodeEvent | None:
    """Of two changes at one look the one that a reader should see first."""
    return min(events, key=lambda item: (_ORDER[item.event], item.kind != "drift"), default=None)


def _quarantined(
    before: Mapping[str, Any], episode: Episode, calendar: DayCalendar, at: datetime
) -> list[str]:
    """Days under an alarm about drift so far, kept as long as a reference may reach back.

    An alarm about data says what is wrong with the data, which are judged day by day anyway.
    """
    days = set(before.get("quarantined", ()))
    day = calendar.day_of(at - HOUR)  # the look at a close is about the day that ends with it
    if episode.drift is not None:
        days.add(day.isoformat())
    oldest = (day - _KEPT).isoformat()
    return sorted(day for day in days if day >= oldest)


_KEPT = date(2001, 1, 1) - date(1999, 1, 1)  # two years, the farthest that limits let a lookback be


def _tell(
    tx: Connection, seen: Seen, changes: Changes, *, channels: Sequence[str], now: datetime
) -> None:
    """Last in the transaction, since entries of the audit log queue up."""
    detections.record(tx, seen.version, changes.detections, origin="scan", at=seen.at)
    for event in changes.events:
        record_incident(tx, event, channels=channels, now=now)
