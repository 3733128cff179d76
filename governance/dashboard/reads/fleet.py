"""Every model one sees in one line: what decides, what challenges, drift, alerts, last decision.

All lines are read, then sorted and cut, since people sort by any column: six statements for
whatever number of models. Made for thousands of models, not for hundreds of thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from governance.policy.drift.findings import RANK
from governance.store.alert_tables import incidents
from governance.store.drift_tables import model_drift_reports
from governance.store.name_patterns import names_like
from governance.store.schema import decisions, governed_models, model_registry
from governance.values import Severity

_heads, _versions = governed_models.c, model_registry.c
_reports, _decided, _incidents = model_drift_reports.c, decisions.c, incidents.c


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """
    Attributes:
        champion: number of the version that decides.
        challengers: numbers of those in staging, the newest first.
        drift: of the champion's newest report; ``None`` where nobody has looked yet.
        alerts: open ones; worst: the worst of them.
        operation, verdict, forced, decided_by, decided_at: of the last decision.
    """

    name: str
    champion: str | None = None
    challengers: tuple[str, ...] = ()
    drift: str | None = None
    drift_at: datetime | None = None
    alerts: int = 0
    worst: str | None = None
    operation: str | None = None
    verdict: str | None = None
    forced: bool = False
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_id: str | None = field(default=None, repr=False)


def fleet(connection: Connection, *, patterns: Sequence[str] | None = None) -> list[ModelLine]:
    """By name."""
    seen = names_like(_heads.name, patterns)
    names = connection.scalars(select(_heads.name).where(seen).order_by(_heads.name)).all()
    champions, challengers = _running(connection, patterns)
    drift = _drift(connection, patterns)
    alerts = _alerts(connection, patterns)
    decided = _last_decisions(connection, patterns)
    return [
        ModelLine(
            name=name,
            champion=champions.get(name),
            challengers=tuple(challengers.get(name, ())),
            **drift.get(name, {}),
            **alerts.get(name, {}),
            **decided.get(name, {}),
        )
        for name in names
    ]


def _running(
    connection: Connection, patterns: Sequence[str] | None
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Numbers of champions and challengers."""
    champions: dict[str, str] = {}
    challengers: dict[str, list[str]] = {}
    for name, version, stage in connection.execute(
        select(_versions.name, _versions.version, _versions.stage)
        .where(_versions.stage.in_(["production", "staging"]), names_like(_versions.name, patterns))
        .order_by(_versions.stage, _versions.name, _versions.version_order.desc())
    ).all():
        if stage == "production":
            champions[name] = version
        else:
            challengers.setdefault(name, []).append(version)
    return champions, challengers


def _drift(connection: Connection, patterns: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    other = model_drift_reports.alias("other")
    newest = (
        select(func.max(other.c.at)).where(other.c.version_id == _versions.id).scalar_subquery()
    )
    rows = connection.execute(
        select(_versions.name, _reports.severity, _reports.at)
        .select_from(model_registry)
        .join(
            model_drift_reports,
            (_reports.version_id == _versions.id) & (_reports.at == newest),
        )
        .where(_versions.stage == "production", names_like(_versions.name, patterns))
    ).all()
    return {name: {"drift": severity, "drift_at": at} for name, severity, at in rows}


def _alerts(connection: Connection, patterns: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, severity, number in connection.execute(
        select(_incidents.model_name, _incidents.severity, func.count())
        .where(_incidents.state == "open", names_like(_incidents.model_name, patterns))
        .group_by(_incidents.model_name, _incidents.severity)
    ).all():
        before = found.get(name, {"alerts": 0, "worst": severity})
        worst = max(severity, before["worst"], key=_rank)
        found[name] = {"alerts": before["alerts"] + number, "worst": worst}
    return found


def _last_decisions(
    connection: Connection, patterns: Sequence[str] | None
) -> dict[str, dict[str, Any]]:
    other = decisions.alias("other")
    last = select(func.max(other.c.seq)).where(other.c.model_name == _heads.name).scalar_subquery()
    rows = connection.execute(
        select(
            _heads.name,
            _decided.id.label("decision_id"),
            _decided.operation,
            _decided.verdict,
            _decided.forced,
            _decided.decided_by,
            _decided.recorded_at.label("decided_at"),
        )
        .select_from(governed_models)
        .join(decisions, _decided.seq == last)
        .where(names_like(_heads.name, patterns))
    )
    return {one.pop("name"): one for one in map(dict, rows.mappings().all())}


def _rank(severity: str | None) -> int:
    """
    >>> _rank("severe") > _rank("moderate") > _rank(None)
    True
    """
    try:
        return RANK[Severity(severity or "")] + 1
    except ValueError:
        return 0


SORTS: Mapping[str, Callable[[ModelLine], Any]] = {
    "name": lambda line: line.name,
    "champion": lambda line: (line.champion is None, line.name),
    "challengers": lambda line: (-len(line.challengers), line.name),
    "drift": lambda line: (-_rank(line.drift), line.name),
    "alerts": lambda line: (-_rank(line.worst), -line.alerts, line.name),
    "decided": lambda line: (
        -(0.0 if line.decided_at is None else line.decided_at.timestamp()),
        line.name,
    ),
}
SHOWS: Mapping[str, Callable[[ModelLine], bool]] = {
    "all": lambda line: True,
    "alerts": lambda line: line.alerts > 0,
    "drift": lambda line: line.drift in (Severity.SEVERE, Severity.MODERATE),
    "challengers": lambda line: bool(line.challengers),
    "undecided": lambda line: line.champion is None,
}
