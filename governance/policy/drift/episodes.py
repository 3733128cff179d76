"""When looks at a model become an alarm, and when the alarm is over. Pure: a fold over the looks.

An alarm about drift begins by one of three rules:

* ``urgent``, at any hour: at least ``urgent_features`` features are severe at one look;
* ``sustained``, at the close of a day: a feature is flagged at ``days_running`` closes in a row;
* ``breadth``, at the close of a day: all features together moved more than they do by chance, over
  ``days_running`` closes taken together (Stouffer 1949), though none has to stand out.

It ends after ``calm_days`` closes at which nothing is flagged and the whole is not unusual. While
it lasts, its days are kept out of the rolling reference, so that drift which stays is not taken for
normal. An alarm about data begins with a severe data finding, or after ``missed_looks`` looks that
saw next to nothing, and ends after as many looks in a row that saw enough.

Not here: who is told (``governance.history.incidents``), and whether the policy keeps its budget
(``governance.evidence.drift.normal.false_alarms``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self

from governance.policy.drift.alarm_rules import (
    Alarm,
    Close,
    data_alarm,
    drift_alarm,
    drift_is_calm,
    is_blind,
    running,
    score_of,
)
from governance.policy.drift.facts import Look
from governance.policy.drift.findings import Judged, worst
from governance.policy.drift.limits import DriftLimits
from governance.values import Severity, iso, parse_time

Kind = Literal["drift", "data"]
Event = Literal["opened", "updated", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One alarm that is on. ``calm`` counts what speaks for its end."""

    opened_at: str
    rule: str
    severity: Severity
    features: tuple[str, ...]
    calm: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Where the rules stand after a look.

    >>> Episode.from_json(Episode().as_json()) == Episode()
    True
    """

    drift: Track | None = None
    data: Track | None = None
    closes: tuple[Close, ...] = ()
    missed: int = 0

    @property
    def alarmed(self) -> bool:
        """Is an alarm of either kind on? Days under alarm are kept out of the reference."""
        return self.drift is not None or self.data is not None

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "alarmed": self.alarmed}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            drift=_track(data.get("drift")),
            data=_track(data.get("data")),
            closes=tuple(
                Close(at=item["at"], flagged=tuple(item["flagged"]), breadth_z=item["breadth_z"])
                for item in data.get("closes", ())
            ),
            missed=data.get("missed", 0),
        )


def _track(data: dict[str, Any] | None) -> Track | None:
    if data is None:
        return None
    given = {**data, "severity": Severity(data["severity"]), "features": tuple(data["features"])}
    return Track(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeEvent:
    """A change that people should know of; ``closed_reason`` only where it closed."""

    kind: Kind
    event: Event
    opened_at: datetime
    rule: str
    severity: Severity
    features: tuple[str, ...]
    closed_reason: str | None = None


def step(
    before: Episode, judged: Judged, look: Look, *, at: datetime, limits: DriftLimits
) -> tuple[Episode, tuple[EpisodeEvent, ...]]:
    """The state after a look, and what changed by it.

    Args:
        before: the state after the look before, of the same version.
        at: time of this look; `before` is of an earlier one.
    """
    flagged = tuple(verdict.figures.feature for verdict in judged.verdicts if verdict.flagged)
    closes = before.closes
    if look.day_close:
        this = Close(at=iso(at), flagged=flagged, breadth_z=score_of(look.breadth_p))
        closes = running((*closes, this), limits)
    drifted = () if before.drift is None else before.drift.features
    drift, drift_event = _follow(
        "drift",
        before.drift,
        drift_alarm(judged, look, closes, limits),
        at=at,
        calm=drift_is_calm(drifted, judged, look, flagged, limits),
        needed=limits.calm_days,
    )
    missed = before.missed + 1 if is_blind(judged, look, limits) else 0
    alarm = data_alarm(judged, missed, limits)
    data, data_event = _follow(
        "data",
        before.data,
        alarm,
        at=at,
        calm=judged.severity is not Severity.INSUFFICIENT,
        needed=limits.missed_looks,
    )
    events = tuple(event for event in (drift_event, data_event) if event is not None)
    return Episode(drift=drift, data=data, closes=closes, missed=missed), events


def explained(judged: Judged, events: tuple[EpisodeEvent, ...]) -> Judged:
    """What is said of a look that raised an alarm: never less than the alarm itself.

    Features that only stand out together leave each of them calm; the look is not.
    """
    for event in events:
        if event.event == "opened" and event.rule == "breadth":
            names = ", ".join(event.features)
            reason = f"many features moved a little at once, on days in a row; most of all {names}"
            calm = judged.severity is Severity.NORMAL
            return replace(
                judged,
                severity=worst((judged.severity, event.severity)),
                reasons=(reason, *(() if calm else judged.reasons)),
            )
    return judged


def _follow(
    kind: Kind,
    track: Track | None,
    alarm: Alarm | None,
    *,
    at: datetime,
    calm: bool | None,
    needed: int,
) -> tuple[Track | None, EpisodeEvent | None]:
    if track is None:
        if alarm is None:
            return None, None
        track = Track(
            opened_at=iso(at), rule=alarm.rule, severity=alarm.severity, features=alarm.features
        )
        return track, _event(kind, "opened", track)
    if alarm is not None:
        severity = worst((track.severity, alarm.severity))
        joined = tuple(dict.fromkeys((*track.features, *alarm.features)))
        risen = severity is not track.severity
        rule = alarm.rule if risen else track.rule
        track = replace(track, rule=rule, severity=severity, features=joined, calm=0)
        return track, _event(kind, "updated", track) if risen else None
    if calm is None:
        return track, None
    track = replace(track, calm=track.calm + 1 if calm else 0)
    if track.calm < needed:
        return track, None
    what = "closes of a day" if kind == "drift" else "looks"
    reason = f"{needed} {what} in a row were calm"
    return None, _event(kind, "closed", track, reason)


def _event(kind: Kind, event: Event, track: Track, reason: str | None = None) -> EpisodeEvent:
    return EpisodeEvent(
        kind=kind,
        event=event,
        opened_at=parse_time(track.opened_at),
        rule=track.rule,
        severity=track.severity,
        features=track.features,
        closed_reason=reason,
    )
