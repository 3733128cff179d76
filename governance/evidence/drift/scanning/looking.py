"""One look, measured: the window of a version against its references, judged by the policy.

Everything is gathered here and nothing is decided about alarms or written but profiles that the
source gave (``recording`` does the rest, in one transaction). Neighbours: ``window``,
``reference_days``, ``comparison``, ``starting`` (a version's first baseline).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from governance.canonical import sha256_of
from governance.evidence.drift.normal.calendar import DAY
from governance.evidence.drift.normal.comparison import compare
from governance.evidence.drift.normal.reference import Reference
from governance.evidence.drift.profiles.histograms import histograms
from governance.evidence.drift.records import profile_store, report_store
from governance.evidence.drift.records.baseline_store import BaselineStore, KeptBaseline
from governance.evidence.drift.records.profile_store import DayHead
from governance.evidence.drift.scanning import rolling, window
from governance.evidence.drift.scanning.hour_profiles import Progress
from governance.evidence.drift.scanning.reference_days import ReferenceDays
from governance.evidence.drift.scanning.rolling import Rolling
from governance.evidence.drift.scanning.seen import (
    Seen,
    effective_lookback,
    needed_since,
    nothing_known,
)
from governance.evidence.drift.scanning.starting import first_baseline
from governance.evidence.drift.scanning.watching import Watch
from governance.evidence.drift.scanning.window import Window
from governance.evidence.drift.sources.live import LiveSource
from governance.history.activations import activation_at
from governance.policy.drift.facts import Look
from governance.policy.drift.findings import judge
from governance.policy.drift.limits import DriftLimits
from governance.store.database import Database
from governance.values import ModelVersion, Severity, iso

__all__ = ["Looking", "Seen"]

_PLOTTED = 8  # worst features whose histograms a report keeps


class Looking:
    """Measures. Built once; holds decoded baselines and references. Thread-safe."""

    def __init__(self, database: Database, baselines: BaselineStore) -> None:
        self._database = database
        self._baselines = baselines
        self.references = ReferenceDays(database)

    def look(
        self,
        version: ModelVersion,
        watch: Watch,
        source: LiveSource,
        *,
        at: datetime,
        days: int,
        limits: DriftLimits,
        progress: Progress | None = None,
    ) -> Seen:
        """The day before ``at`` against the last ``days`` usable days.

        Raises:
            LiveDataError: the source cannot be reached. IntegrityError: a damaged baseline.
            InvalidEvidenceError: a watched column that can never be watched.
        """
        lookback = effective_lookback(limits, days)
        kept = self.baseline(
            version, watch, source, at=at, days=days, limits=limits, progress=progress
        )
        if kept is None:
            return nothing_known(version, watch, at=at, days=days, limits=limits)
        layout, calendar = kept.baseline.layout, watch.calendar
        oldest = rolling.candidates(calendar, at, lookback)[-1].start
        with self._database.read() as connection:
            known = window.recorded(connection, version.id, at)
            heads = profile_store.read_day_heads(connection, version.id, oldest, at)
            before = report_store.latest_before(connection, version.id, at)
            live_since = activation_at(connection, version.name, at)
        seen = window.gather(
            self._database, source, layout, calendar, version.id, at=at, known=known
        )
        if any(period.period == "day" for period in seen.changed):
            # Once a day, and for late data: the reference below is made of recorded days.
            with self._database.begin() as tx:
                profile_store.put(tx, version.id, seen.changed)
            heads |= {
                day.start: DayHead(day.status, day.rows, day.digest)
                for day in seen.changed
                if day.period == "day"
            }
            seen.changed.clear()
        quarantined = frozenset(map(date.fromisoformat, before.get("quarantined", ())))
        lately = self.references.rolling(
            version.id,
            source,
            layout,
            calendar,
            at=at,
            heads=heads,
            quarantined=quarantined,
            wanted=days,
            lookback=lookback,
            minimum=limits.min_block_days,
            progress=progress,
        )
        frozen = self.references.frozen(version.id, kept, calendar, minimum=limits.min_block_days)
        # Before its activation the predictions in the live data are those of the version before.
        others = (
            live_since is not None
            and bool(lately.days)
            and lately.days[0] <= calendar.day_of(live_since.effective_at)
        )
        return _seen(
            version,
            watch,
            kept,
            seen,
            lately,
            frozen,
            quarantined,
            by_frozen=(watch.prediction,) if others and watch.prediction else (),
            at=at,
            days=days,
            limits=limits,
        )

    def baseline(
        self,
        version: ModelVersion,
        watch: Watch,
        source: LiveSource,
        *,
        at: datetime,
        days: int,
        limits: DriftLimits,
        progress: Progress | None = None,
    ) -> KeptBaseline | None:
        """What the version is watched against; made of the live data before ``at`` if it has none,
        and ``None`` where these are too few.
        """
        with self._database.read() as connection:
            kept = self._baselines.of_version(connection, version)
        if kept is not None:
            return kept
        started = first_baseline(
            source,
            watch,
            rolling.candidates(watch.calendar, at, effective_lookback(limits, days)),
            wanted=days,
            minimum=limits.min_block_days,
            progress=progress,
        )
        if started is None:
            return None
        kept = self._baselines.establish(version, started.baseline, "first_reference")
        if kept.sha256 == started.baseline.sha256:  # else somebody was first, on other edges
            with self._database.begin() as tx:
                profile_store.put(tx, version.id, started.days)
        return kept


def _seen(
    version: ModelVersion,
    watch: Watch,
    kept: KeptBaseline,
    seen: Window,
    lately: Rolling,
    frozen: Reference,
    quarantined: frozenset[date],
    *,
    by_frozen: tuple[str, ...],
    at: datetime,
    days: int,
    limits: DriftLimits,
) -> Seen:
    start, calendar = at - DAY, watch.calendar
    day_class = calendar.class_of_window(start, at)
    compared = compare(
        seen.current,
        day_class,
        rolling=lately.reference,
        frozen=frozen,
        importance=kept.baseline.importance,
        by_frozen=by_frozen,
    )
    pooled, fixed = lately.reference.classes.get(day_class), frozen.classes.get(day_class)
    look = Look(
        features=compared.features,
        rows=seen.current.rows,
        breadth_p=compared.breadth_p,
        missing_hours=seen.missing(lately.expected(calendar, start, at)),
        day_close=calendar.is_close(at),
        problems=seen.remarks(),
        stray_rows=seen.stray_rows,
        usual_rows=None if pooled is None else pooled.pooled.rows / pooled.days,
    )
    judged = judge(look, limits)
    reference: dict[str, Any] = {
        "window": {
            "start": iso(start),
            "end": iso(at),
            "class": day_class,
            "day_close": look.day_close,
            "missing_hours": look.missing_hours,
        },
        "rolling": {
            **_span(lately.days),
            "asked": days,
            "quarantined": sorted(day.isoformat() for day in quarantined),
        },
        "frozen": {**_span(frozen.days), "origin": kept.origin, "baseline": kept.sha256},
        "problems": list(look.problems),
        "breadth_p": look.breadth_p,
        "histograms": histograms(
            [
                verdict.figures.feature
                for verdict in judged.verdicts
                if verdict.severity is not Severity.NORMAL
            ][:_PLOTTED],
            current=seen.current,
            reference=None if pooled is None else pooled.pooled,
            frozen=None if fixed is None else fixed.pooled,
        ),
    }
    evidence = sha256_of(
        {
            "scheme": "drift-evidence-1",
            "baseline": kept.sha256,
            "rolling": lately.key,
            "hours": seen.evidence,
            "look": [day_class, look.day_close, look.missing_hours, look.problems],
            "policy": limits.as_json(),
            "by_frozen": by_frozen,
        }
    )
    since = needed_since(at, effective_lookback(limits, days))
    return Seen(
        version=version,
        watch=watch,
        at=at,
        limits=limits,
        look=look,
        judged=judged,
        reference=reference,
        evidence=evidence,
        needed_since=since if lately.since is None else min(since, lately.since),
        changed=seen.changed,
    )


def _span(days: tuple[date, ...]) -> dict[str, Any]:
    return {
        "days": len(days),
        "first": days[0].isoformat() if days else None,
        "last": days[-1].isoformat() if days else None,
    }
