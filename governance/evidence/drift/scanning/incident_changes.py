"""What the state of the alarm rules after a look means for incidents: events to be recorded.

At the newest look of a model, incidents follow the state: what is on and not open is opened, what
is open and not on is closed, and incidents of a version that no longer decides are closed. An older
look, scanned late or again, adds what it found and settles nothing that came after it. Neighbours:
``recording`` (writes), ``governance.history.incidents`` (what an event does).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from governance.evidence.drift.records.detections import DetectedFeature
from governance.evidence.drift.report import FeatureReport
from governance.evidence.drift.scanning.looking import Seen
from governance.history.incidents import IncidentEvent, incident_id
from governance.policy.drift.episodes import Episode, EpisodeEvent, Kind, Track
from governance.store.alert_tables import incidents
from governance.values import Severity, parse_time

_MOST_HISTOGRAMS = 5
_columns = incidents.c


@dataclass(slots=True)
class Changes:
    """
    Attributes:
        events: to be recorded, in this order.
        incident_id: the incident that this look belongs to; ``None`` while all is calm.
        detections: features to be listed as drift alerts.
        said: what is told of this look; also of incidents that nobody has to hear of again.
    """

    incident_id: str | None = None
    retrain: bool = False
    events: list[IncidentEvent] = field(default_factory=list)
    detections: list[DetectedFeature] = field(default_factory=list)
    said: list[EpisodeEvent] = field(default_factory=list)


def incident_changes(
    tx: Connection,
    seen: Seen,
    *,
    report: str,
    features: Sequence[FeatureReport],
    episode: Episode,
    events: Iterable[EpisodeEvent],
    is_newest: bool,
) -> Changes:
    """What this look changes about the incidents of its model.

    Args:
        report: id of the look's report; features: the worst first.
        episode, events: what the alarm rules say after the look.
        is_newest: has no later look of the model been recorded?
    """
    version, changes = seen.version, Changes()
    told = {event.kind: event for event in events}
    rows = _standing(tx, seen, told, episode)
    kinds: tuple[Kind, ...] = ("drift", "data")
    for row in rows:
        if is_newest and row.state == "open" and row.version_id != version.id:
            changes.events.append(_replaced(row, seen, report))
    for kind in kinds:
        track: Track | None = getattr(episode, kind)
        event = told.get(kind)
        own = [row for row in rows if row.kind == kind and row.version_id == version.id]
        if event is None and is_newest:
            event = _settled(kind, track, own, seen)
        if event is None:
            if track is not None:
                changes.incident_id = changes.incident_id or _id(seen, kind, track.opened_at)
            continue
        changes.said.append(event)
        name = incident_id(version.name, version.id, kind, event.opened_at)
        changes.incident_id = changes.incident_id or name
        known = any(row.id == name for row in own)
        if event.event != "opened" and not known:
            if not (is_newest and track is not None):
                continue  # it was never opened, so nobody waits for its end
            event = replace(event, event="opened")
        retrain = kind == "drift" and _asks_for_retraining(tx, seen, event, name)
        changes.retrain = changes.retrain or retrain
        changes.events.append(_event(event, seen, features, report=report, retrain=retrain))
        if event.event == "opened" and not known:
            changes.detections = [_detected(item, seen) for item in features if _drifted(item)]
    return changes


def _standing(
    tx: Connection, seen: Seen, told: dict[Kind, EpisodeEvent], episode: Episode
) -> Sequence[Row[Any]]:
    """Open incidents of the model, and those that this look speaks of."""
    version = seen.version
    names = [
        incident_id(version.name, version.id, kind, event.opened_at) for kind, event in told.items()
    ]
    names += [
        _id(seen, kind, track.opened_at)
        for kind, track in (("drift", episode.drift), ("data", episode.data))
        if track is not None
    ]
    return tx.execute(
        select(incidents).where(
            _columns.model_name == version.name,
            or_(_columns.state == "open", _columns.id.in_(names)),
        )
    ).all()


def _id(seen: Seen, kind: str, opened_at: str) -> str:
    return incident_id(seen.version.name, seen.version.id, kind, parse_time(opened_at))


def _settled(
    kind: Kind, track: Track | None, own: Sequence[Row[Any]], seen: Seen
) -> EpisodeEvent | None:
    """What is needed where state and incidents differ, because earlier looks were made again."""
    if track is not None:
        if any(row.id == _id(seen, kind, track.opened_at) for row in own):
            return None
        return EpisodeEvent(
            kind=kind,
            event="opened",
            opened_at=parse_time(track.opened_at),
            rule=track.rule,
            severity=track.severity,
            features=track.features,
        )
    still = next((row for row in own if row.state == "open"), None)
    if still is None:
        return None
    return EpisodeEvent(
        kind=kind,
        event="closed",
        opened_at=still.opened_at,
        rule=still.rule,
        severity=Severity(still.severity),
        features=tuple(still.features),
        closed_reason="earlier looks were made again with other data, which show no alarm",
    )


def _asks_for_retraining(tx: Connection, seen: Seen, event: EpisodeEvent, name: str) -> bool:
    if seen.watch.retrain_on_drift != "severe" or event.severity is not Severity.SEVERE:
        return False
    if event.event == "closed":
        return False
    since: datetime = seen.at - timedelta(days=seen.limits.retrain_every_days)
    other = tx.execute(
        select(_columns.id)
        .where(
            _columns.model_name == seen.version.name,
            _columns.retrain_requested.is_(True),
            _columns.opened_at > since,
            _columns.opened_at <= seen.at,
            _columns.id != name,
        )
        .limit(1)
    ).first()
    return other is None


def _event(
    event: EpisodeEvent,
    seen: Seen,
    features: Sequence[FeatureReport],
    *,
    report: str,
    retrain: bool,
) -> IncidentEvent:
    plots = seen.reference["histograms"]
    involved = [
        item
        for item in features
        if item.feature in event.features or item.severity is not Severity.NORMAL
    ]
    drawn = [item.feature for item in involved if item.feature in plots][:_MOST_HISTOGRAMS]
    return IncidentEvent(
        model=seen.version.name,
        version_id=seen.version.id,
        version=seen.version.version,
        kind=event.kind,
        event=event.event,
        at=seen.at,
        opened_at=event.opened_at,
        severity=event.severity,
        rule=event.rule,
        headline=_headline(event, seen, features),
        reasons=tuple(seen.judged.reasons),
        features=tuple(
            {
                **item.as_json(),
                **({"histogram": plots[item.feature]} if item.feature in drawn else {}),
            }
            for item in involved
        ),
        report_id=report,
        rows=seen.look.rows,
        retrain=retrain,
        closed_reason=event.closed_reason,
    )


def _headline(event: EpisodeEvent, seen: Seen, features: Sequence[FeatureReport]) -> str:
    who = seen.version.ref
    if event.event == "closed":
        return f"{who}: the {event.kind} incident is over"
    if event.rule == "missed":
        return f"{who}: too little data to say anything, {seen.limits.missed_looks} looks in a row"
    moved = [item.feature for item in features if _drifted(item)] or list(event.features)
    names = ", ".join(moved[:3]) + (", ..." if len(moved) > 3 else "")
    what = "drift" if event.kind == "drift" else "trouble with the data"
    return f"{who}: {event.severity} {what} in {len(moved)} of {len(features)} features: {names}"


def _replaced(row: Row[Any], seen: Seen, report: str) -> IncidentEvent:
    """The version that it was about decides no more."""
    return IncidentEvent(
        model=row.model_name,
        version_id=row.version_id,
        version=row.model_version,
        kind=row.kind,
        event="closed",
        at=seen.at,
        opened_at=row.opened_at,
        severity=Severity(row.severity),
        rule=row.rule,
        headline=f"{row.model_name}:{row.model_version}: the {row.kind} incident is over",
        reasons=(f"version {seen.version.version} is in production",),
        features=tuple({"feature": name} for name in row.features),
        report_id=report,
        rows=seen.look.rows,
        retrain=False,
        closed_reason=f"replaced by {seen.version.version}",
    )


def _drifted(item: FeatureReport) -> bool:
    return item.severity in (Severity.MODERATE, Severity.SEVERE)


def _detected(item: FeatureReport, seen: Seen) -> DetectedFeature:
    return DetectedFeature(
        feature=item.feature,
        drift_type="prediction" if item.feature == seen.watch.prediction else "data",
        method="day_blocks",
        score=item.figures.effect,
        threshold=seen.limits.flagged_effect,
        p_value=item.p_value,
        q_value=item.q_value,
        severity=item.severity,
        finding=item.finding,
        is_alert=_drifted(item),
        reason=item.reason,
    )
