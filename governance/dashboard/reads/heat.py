"""Features x days: what the last look of each day said of each feature of one version.

A day's look is the last one in it whose figures are still kept; what is kept of which look is said
in ``governance.evidence.drift.records.report_store``. Three statements, however many features and
days. A day is a calendar day of the model, and a look counts for the day in which its window ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, exists, select

from governance.policy.drift.findings import RANK
from governance.store.drift_tables import model_drift_report_features, model_drift_reports

_reports, _features = model_drift_reports.c, model_drift_report_features.c
_TICK = timedelta(microseconds=1)
MOST_DAYS = 90


class Cell(NamedTuple):
    """``place``: of the feature among those of its report, by name; the address of the cell."""

    report: str
    place: int
    severity: str


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
    last = day_of(until, zone)
    first = last - timedelta(days=days - 1)
    by_day = _looks(connection, version_id, first, until, zone)
    span = [first + timedelta(days=number) for number in range(days)]
    looks = tuple(by_day.get(day, DayLook(day)) for day in span)
    places = {
        look.report: place
        for place, look in enumerate(looks)
        if look.kept and look.report is not None
    }
    rows: dict[str, list[Cell | None]] = {}
    for report, number, feature, severity in _cells(connection, list(places)):
        cells = rows.get(feature)
        if cells is None:
            cells = rows[feature] = [None] * days
        cells[places[report]] = Cell(report[:12], number, severity)
    return Heat(looks, tuple(sorted(rows, key=lambda name: _badness(name, rows[name]))), rows)


def _badness(name: str, cells: list[Cell | None]) -> tuple[int, int, str]:
    """The worst first, then what was bad most often, then by name."""
    ranks = [_RANKS.get(cell.severity, 0) for cell in cells if cell is not None]
    return -max(ranks), -sum(ranks), name


def _looks(
    connection: Connection, version_id: str, first: date, until: datetime, zone: ZoneInfo
) -> dict[date, DayLook]:
    start = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
    kept = exists().where(_features.report_id == _reports.id)
    rows = connection.execute(
        select(_reports.id, _reports.at, _reports.severity, kept.label("kept"))
        .where(_reports.version_id == version_id, _reports.at > start, _reports.at <= until)
        .order_by(_reports.at)
    ).all()
    by_day: dict[date, tuple[str, str, bool]] = {}
    for report, at, severity, has in rows:
        day = day_of(at, zone)
        if has or day not in by_day or not by_day[day][2]:
            by_day[day] = (report, severity, bool(has))
    return {day: DayLook(day, *look) for day, look in by_day.items()}


def _cells(connection: Connection, reports: list[str]) -> Iterator[tuple[str, int, str, str]]:
    """Report, place of the feature in it, feature, severity."""
    number, before = 0, ""
    rows = connection.execute(
        select(_features.report_id, _features.feature, _features.severity)
        .where(_features.report_id.in_(reports))
        .order_by(_features.report_id, _features.feature)
    ).all()
    for report, feature, severity in rows:
        number = number + 1 if report == before else 0
        before = report
        yield report, number, feature, severity


def day_of(at: datetime, zone: ZoneInfo) -> date:
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
