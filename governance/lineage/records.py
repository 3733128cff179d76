"""What is on record of some versions of a model, read in a fixed number of statements.

Neighbours: ``graph`` makes the graph of it, ``tracing`` chooses the versions. Nothing is concluded
here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from governance.store.alert_tables import incidents
from governance.store.drift_tables import model_drift_reports
from governance.store.promotion_tables import shadow_runs
from governance.store.schema import activations, decisions, model_registry, model_validation_metrics
from governance.values import ModelVersion

_EACH = 20  # decisions, activations, trials and incidents for each version that is asked for

_versions, _reports = model_registry.c, model_drift_reports.c
_decisions, _activations = decisions.c, activations.c
_trials, _incidents, _metrics = shadow_runs.c, incidents.c, model_validation_metrics.c


@dataclass(frozen=True, slots=True)
class Measured:
    """Metrics of a version on one split (`backtest` is one)."""

    version_id: str
    split: str
    metrics: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    id: str
    operation: str
    version_id: str
    verdict: str
    forced: bool
    overridden: bool
    by: str
    approved_by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Activated:
    """``version_id`` is ``None`` where nothing was live from then on; ``before_id``: what was
    until then.
    """

    generation: int
    version_id: str | None
    before_id: str | None
    decision_id: str | None
    operation: str
    forced: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    id: int
    version_id: str
    benchmark_id: str | None
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Watched:
    """The newest drift report of a version, and how many there are."""

    id: str
    version_id: str
    severity: str
    at: datetime
    incident_id: str | None
    reports: int


@dataclass(frozen=True, slots=True)
class Alarmed:
    id: str
    version_id: str
    kind: str
    state: str
    severity: str
    retrain_requested: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """
    Attributes:
        versions: the newest first. kin: further ones that they were retrained from, or as.
        others: numbers of versions that are only referred to, by id.
        left_out: what there is beyond this, by kind.
    """

    model: str
    versions: Sequence[ModelVersion]
    measured: Sequence[Measured] = ()
    decided: Sequence[Decided] = ()
    activated: Sequence[Activated] = ()
    tried: Sequence[Tried] = ()
    watched: Sequence[Watched] = ()
    alarmed: Sequence[Alarmed] = ()
    kin: Sequence[ModelVersion] = ()
    others: Mapping[str, str]
    left_out: Mapping[str, int]


def read_records(
    connection: Connection,
    model: str,
    versions: Sequence[ModelVersion],
    *,
    kin: Sequence[ModelVersion] = (),
    left_out: int,
) -> Records:
    """What is on record of ``versions``, which are of ``model``; of each kind the newest.

    Args:
        left_out: versions of the model that were not asked for.
    """
    ids = [one.id for one in versions]
    newest = _Newest(connection, _EACH * max(1, len(ids)))
    activated = newest("activations", _activations_around(model, ids), _activations.generation)
    tried = newest("trials", _trials_of(ids), _trials.id)
    referred = {
        *(one.id for one in kin),
        *(one for row in activated for one in (row.version_id, row.before_id)),
        *(row.benchmark_id for row in tried),
    }
    return Records(
        model=model,
        versions=versions,
        measured=[Measured(*row) for row in connection.execute(_metrics_of(ids))],
        decided=[
            Decided(*row) for row in newest("decisions", _decisions_on(model, ids), _decisions.seq)
        ],
        activated=[Activated(*row) for row in activated],
        tried=[Tried(*row) for row in tried],
        watched=[Watched(*row) for row in connection.execute(_newest_reports(ids))],
        alarmed=[
            Alarmed(*row)
            for row in newest("incidents", _incidents_of(model, ids), _incidents.opened_at)
        ],
        kin=kin,
        others=_numbers(connection, sorted(referred - {None} - set(ids))),
        left_out={**({"versions": left_out} if left_out else {}), **newest.left_out},
    )


class _Newest:
    """The newest rows of a question, oldest first; what is beyond is counted."""

    def __init__(self, connection: Connection, most: int) -> None:
        self._connection = connection
        self._most = most
        self.left_out: dict[str, int] = {}

    def __call__(self, kind: str, query: Select[Any], order: ColumnElement[Any]) -> list[Any]:
        rows = self._connection.execute(query.order_by(order.desc()).limit(self._most)).all()
        if len(rows) == self._most:
            number = select(func.count()).select_from(query.order_by(None).subquery())
            if beyond := self._connection.execute(number).scalar_one() - len(rows):
                self.left_out[kind] = beyond
        return list(reversed(rows))


def _decisions_on(model: str, ids: Sequence[str]) -> Select[Any]:
    return select(
        _decisions.id,
        _decisions.operation,
        _decisions.version_id,
        _decisions.verdict,
        _decisions.forced,
        _decisions.overridden,
        _decisions.decided_by,
        _decisions.approved_by,
        _decisions.at,
    ).where(_decisions.model_name == model, _decisions.version_id.in_(ids))


def _activations_around(model: str, ids: Sequence[str]) -> Select[Any]:
    """Those that began with one of them, and those that ended one."""
    before = activations.alias().c
    return (
        select(
            _activations.generation,
            _activations.version_id,
            before.version_id.label("before_id"),
            _activations.decision_id,
            _activations.operation,
            _activations.forced,
            _activations.effective_at,
        )
        .outerjoin(
            before.generation.table,
            and_(
                before.model_name == _activations.model_name,
                before.generation == _activations.generation - 1,
            ),
        )
        .where(
            _activations.model_name == model,
            or_(_activations.version_id.in_(ids), before.version_id.in_(ids)),
        )
    )


def _trials_of(ids: Sequence[str]) -> Select[Any]:
    return select(
        _trials.id, _trials.version_id, _trials.benchmark_id, _trials.state, _trials.started_at
    ).where(_trials.version_id.in_(ids))


def _incidents_of(model: str, ids: Sequence[str]) -> Select[Any]:
    return select(
        _incidents.id,
        _incidents.version_id,
        _incidents.kind,
        _incidents.state,
        _incidents.severity,
        _incidents.retrain_requested,
        _incidents.opened_at,
    ).where(_incidents.model_name == model, _incidents.version_id.in_(ids))


def _metrics_of(ids: Sequence[str]) -> Select[Any]:
    return (
        select(_metrics.version_id, _metrics.dataset_split, func.count(), func.max(_metrics.at))
        .where(_metrics.version_id.in_(ids))
        .group_by(_metrics.version_id, _metrics.dataset_split)
        .order_by(_metrics.version_id, _metrics.dataset_split)
    )


def _newest_reports(ids: Sequence[str]) -> Select[Any]:
    said = (
        select(
            _reports.version_id, func.max(_reports.at).label("at"), func.count().label("reports")
        )
        .where(_reports.version_id.in_(ids))
        .group_by(_reports.version_id)
        .subquery()
        .c
    )
    return (
        select(
            _reports.id,
            _reports.version_id,
            _reports.severity,
            _reports.at,
            _reports.incident_id,
            said.reports,
        )
        .join(
            said.at.table,
            and_(said.version_id == _reports.version_id, said.at == _reports.at),
        )
        .order_by(_reports.version_id, _reports.model_name)
    )


def _numbers(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    rows = connection.execute(select(_versions.id, _versions.version).where(_versions.id.in_(ids)))
    return {row.id: row.version for row in rows}
