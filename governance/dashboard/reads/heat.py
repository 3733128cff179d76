"""Features x days: what the last look of each day said of each feature of one version.

A day's look is the last one in it whose figures are still kept; what is kept of which look is said
in ``governance.evidence.drift.records.report_store``. Three statements, however many features and
days. A day is a calendar day of the model, and a look counts for the day in which its window ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, exists, select

from governance.policy.drift.findings import RANK
from governance.store.drift_tables import model_drift_report_features, model_drift_reports

_reports, _features = model_drift_reports.c, model_drift_report_features.c
_TICK = timedelta(microseconds=1)
MOST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Cell:
    """``place``: of the feature among those of its report, by name; the address of the cell."""

    report: str
    place: int
    severity: str
    finding: str
    ks: float | None
    psi: float | None


@dataclass(frozen=True, slots=True)
class DayLook:
    """The look of a day: ``report`` is ``None`` on a day without one."""

    day: date
    report: str | None = None
    severity: str | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Heat:
    """
    Attributes:
        days: every day of the span, oldest first.
        features: names, the worst first; rows: by name, one cell or ``None`` for each day.
    """

    days: tuple[DayLook, ...]
    features: tuple[str, ...]
    rows: dict[str, list[Cell | None]]

    @property
    def looks(self) -> int:
        return sum(day.report is not None for day in self.days)


def heat(
    connection: Connection, version_id: str, *, until: datetime, days: int, timezone: str
) -> Heat:
    """The ``days`` calendar days that end with the one of ``until``."""
    zone = ZoneInfo(timezone)
    last = _day(until, zone)
    first = last - timedelta(days=days - 1)
    by_day = _looks(connection, version_id, first, until, zone)
    span = [first + timedelta(days=number) for number in range(days)]
    looks = tuple(by_day.get(day, DayLook(day)) for day in span)
    places = {look.report: place for place, look in enumerate(looks) if look.kept}
    rows: dict[str, list[Cell | None]] = {}
    worst: dict[str, tuple[int, int]] = {}
    for report, number, row in _cells(connection, [one for one in places if one is not None]):
        cells = rows.setdefault(row.feature, [None] * days)
        cells[places[report]] = Cell(
            report[:12], number, row.severity, row.finding, row.ks, row.psi
        )
        rank = _RANKS.get(row.severity, 0)
        top, often = worst.get(row.feature, (0, 0))
        worst[row.feature] = (max(top, rank), often + rank)
    order = sorted(rows, key=lambda name: (-worst[name][0], -worst[name][1], name))
    return Heat(looks, tuple(order), rows)


def _looks(
    connection: Connection, version_id: str, first: date, until: datetime, zone: ZoneInfo
) -> dict[date, DayLook]:
    start = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
    kept = exists().where(_features.report_id == _reports.id)
    found: dict[date, DayLook] = {}
    for row in connection.execute(
        select(_reports.id, _reports.at, _reports.severity, kept.label("kept"))
        .where(_reports.version_id == version_id, _reports.at > start, _reports.at <= until)
        .order_by(_reports.at)
    ):
        day = _day(row.at, zone)
        if row.kept or not found.get(day, DayLook(day)).kept:
            found[day] = DayLook(day, row.id, row.severity, bool(row.kept))
    return found


def _cells(connection: Connection, reports: list[str]) -> Any:
    """Report, place of the feature in it, row."""
    number, before = 0, ""
    for row in connection.execute(
        select(
            _features.report_id,
            _features.feature,
            _features.severity,
            _features.finding,
            _features.ks,
            _features.psi,
        )
        .where(_features.report_id.in_(reports))
        .order_by(_features.report_id, _features.feature)
    ):
        number = number + 1 if row.report_id == before else 0
        before = row.report_id
        yield row.report_id, number, row


def _day(at: datetime, zone: ZoneInfo) -> date:
    return (at - _TICK).astimezone(zone).date()


_RANKS = {severity.value: rank + 1 for severity, rank in RANK.items()}


def report_by_prefix(connection: Connection, model: str, prefix: str) -> str | None:
    """The id of the model's one report that begins so."""
    found = connection.execute(
        select(_reports.id)
        .where(
            _reports.id >= prefix,
            _reports.id < prefix + "g",
            _reports.model_name == model,
        )
        .limit(2)
    ).scalars()
    ids = list(found)
    return ids[0] if len(ids) == 1 else None


def looks_of_feature(
    connection: Connection, version_id: str, feature: str, *, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """What the looks of since < at <= until said of one feature, oldest first."""
    rows = connection.execute(
        select(
            _reports.at, _features.severity, _features.ks, _features.psi, _features.missing_share
        )
        .select_from(model_drift_reports)
        .join(model_drift_report_features, _features.report_id == _reports.id)
        .where(
            _reports.version_id == version_id,
            _reports.at > since,
            _reports.at <= until,
            _features.feature == feature,
        )
        .order_by(_reports.at)
    )
    return [dict(row._mapping) for row in rows]
