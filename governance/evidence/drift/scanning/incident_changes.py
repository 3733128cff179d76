"""What the state of the alarm rules after a look means for incidents: events to be recorded.

At the newest look of a model, incidents follow the state: what is on and not open is opened, what
is open and not on is closed, what was closed and is on is opened again, and incidents of a version
that no longer decides are closed. An older look, scanned late or again, settles nothing that came
after it: what it opens is an episode of the past, of which nobody is told, and it closes no open
incident. Neighbours: ``recording`` (writes), ``governance.history.incidents`` (what an event does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, or_, select

from governance.evidence.drift.records.detections import DetectedFeature
from governance.evidence.drift.report import FeatureReport
from governance.evidence.drift.scanning.looking import Seen
from governance.history.incidents import IncidentEvent, incident_id
from governance.policy.drift.episodes import Episode, EpisodeEvent, Kind, Track
from governance.policy.drift.findings import worst
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
        own = [row for row in rows if row.kind == kind and row.version_id == version.id]
        for event in _settled(kind, track, told.get(kind), own) if is_newest else _of(told, kind):
            known = _row_of(event.opened_at, own)
            changes.said.append(event)
            changes.incident_id = changes.incident_id or _id(seen, kind, event.opened_at)
            if event.event != "opened" and known is None:
                continue  # it was never opened, so nobody waits for its end
            is_open = known is not None and known.state == "open"
            if event.event == "closed" and is_open and not is_newest:
                continue  # a later look says whether it is over
            retrain = kind == "drift" and _asks_for_retraining(tx, seen, event, known, is_newest)
            changes.retrain = changes.retrain or retrain
            made = _event(event, seen, features, episode, report=report)
            made = replace(made, retrain=retrain, newest=is_newest)
            changes.events.append(replace(made, event="updated") if retrain and is_open else made)
            if event.event == "opened" and known is None:
                changes.detections = [_detected(item, seen) for item in features if _drifted(item)]
        if track is not None and changes.incident_id is None:
            changes.incident_id = _id(seen, kind, parse_time(track.opened_at))
    return changes


def _of(told: Mapping[Kind, EpisodeEvent], kind: Kind) -> list[EpisodeEvent]:
    return [told[kind]] if kind in told else []


def _settled(
    kind: Kind, track: Track | None, event: EpisodeEvent | None, own: Sequence[Row[Any]]
) -> list[EpisodeEvent]:
    """What makes incidents follow the state, whatever was recorded before."""
    if track is None:
        ending = None if event is None else event.opened_at
        ended = [_not_on(row) for row in own if row.state == "open" and row.opened_at != ending]
        return ended if event is None else [*ended, event]
    row = _row_of(parse_time(track.opened_at), own)
    if event is None:
        return [] if row is not None and row.state == "open" else [_on(kind, track)]
    return [replace(event, event=_at_newest(event, row))]


def _row_of(opened_at: datetime, own: Sequence[Row[Any]]) -> Row[Any] | None:
    return next((row for row in own if row.opened_at == opened_at), None)


def _at_newest(event: EpisodeEvent, row: Row[Any] | None) -> Literal["opened", "updated"]:
    """An alarm that is on at the newest look has an open incident, and its severity."""
    if row is None or row.state != "open":
        return "opened"
    worse = worst((Severity(row.severity), event.severity)) is not Severity(row.severity)
    return "updated" if worse or event.event != "opened" else "opened"


def _standing(
    tx: Connection, seen: Seen, told: dict[Kind, EpisodeEvent], episode: Episode
) -> Sequence[Row[Any]]:
    """Open incidents of the model, and those that this look speaks of."""
    names = [_id(seen, kind, event.opened_at) for kind, event in told.items()]
    names += [
        _id(seen, kind, parse_time(track.opened_at))
        for kind, track in (("drift", episode.drift), ("data", episode.data))
        if track is not None
    ]
    return tx.execute(
        select(incidents).where(
            _columns.model_name == seen.version.name,
            or_(_columns.state == "open", _columns.id.in_(names)),
        )
    ).all()


def _id(seen: Seen, kind: str, opened_at: datetime) -> str:
    return incident_id(seen.version.name, seen.version.id, kind, opened_at)


def _on(kind: Kind, track: Track) -> EpisodeEvent:
    return EpisodeEvent(
        kind=kind,
        event="opened",
        opened_at=parse_time(track.opened_at),
        rule=track.rule,
        severity=track.severity,
        features=track.features,
    )


def _not_on(row: Row[Any]) -> EpisodeEvent:
    return EpisodeEvent(
        kind=row.kind,
        event="closed",
        opened_at=row.opened_at,
        rule=row.rule,
        severity=Severity(row.severity),
        features=tuple(row.features),
        closed_reason="earlier looks were made again with other data, which show no alarm",
    )


def _asks_for_retraining(
    tx: Connection, seen: Seen, event: EpisodeEvent, row: Row[Any] | None, is_newest: bool
) -> bool:
    """At the newest look, once in ``retrain_every_days`` of event time; a look that asked has."""
    if seen.watch.retrain_on_drift != "severe" or event.severity is not Severity.SEVERE:
        return False
    if event.event == "closed":
        return False
    if row is not None and row.retrain_requested_at == seen.at:
        return True
    since: datetime = seen.at - timedelta(days=seen.limits.retrain_every_days)
    asked = select(_columns.id).where(
        _columns.model_name == seen.version.name, _columns.retrain_requested_at > since
    )
    return is_newest and tx.execute(asked.limit(1)).first() is None


def _event(
    event: EpisodeEvent,
    seen: Seen,
    features: Sequence[FeatureReport],
    episode: Episode,
    *,
    report: str,
) -> IncidentEvent:
    plots = seen.reference["histograms"]
    involved = [item for item in features if item.feature in event.features or _drifted(item)]
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
        headline=_headline(event, seen, features, episode),
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
        retrain=False,
        closed_reason=event.closed_reason,
    )


def _headline(
    event: EpisodeEvent, seen: Seen, features: Sequence[FeatureReport], episode: Episode
) -> str:
    who = seen.version.ref
    if event.event == "closed":
        return f"{who}: the {event.kind} incident is over"
    if event.rule == "missed":
        looks = max(episode.missed, seen.limits.missed_looks)
        why = "".join(f": {reason}" for reason in seen.judged.reasons[:1])
        return f"{who}: no usable data for {looks} looks{why}"
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
