"""The table of trials: who runs beside whom, since when, and how it ended.

Functions take the caller's connection; those that write are called with the model's head locked.
A version has at most one running trial (a partial unique index). A trial whose version was moved
out of staging by hand counts as running no more; the next start ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Select, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from governance.store.database import database_time
from governance.store.name_patterns import names_like
from governance.store.promotion_tables import shadow_runs
from governance.store.schema import model_registry
from governance.values import ModelVersion, Stage

_runs = shadow_runs.c

Ended = Literal["stopped", "promoted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRun:
    """One trial, as it stood when it was read.

    Attributes:
        version, version_id: the challenger. benchmark_id: the version it is compared with, if any.
        state: running, stopped, promoted.
        started_at: event time; the soak time counts from here.
    """

    id: int
    model: str
    version_id: str
    version: str
    benchmark_id: str | None
    benchmark: str | None
    state: str
    started_at: datetime
    started_by: str
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


_benchmark = model_registry.alias("benchmark")


def _query() -> Select[Any]:
    return (
        select(shadow_runs, model_registry.c.version, _benchmark.c.version.label("benchmark"))
        .join(model_registry, model_registry.c.id == _runs.version_id)
        .outerjoin(_benchmark, _benchmark.c.id == _runs.benchmark_id)
    )


# Built once: to build these costs more than to ask them.
_RUNNING = _query().where(
    _runs.version_id == bindparam("version"),
    _runs.state == "running",
    model_registry.c.stage == Stage.STAGING,
)
_END = (
    update(shadow_runs)
    .where(_runs.version_id == bindparam("version"), _runs.state == "running")
    .values(
        state=bindparam("to"),
        ended_at=bindparam("at"),
        ended_by=bindparam("by"),
        end_reason=bindparam("why"),
    )
)

_OTHERS = (
    select(func.count(_runs.version_id.distinct()))
    .join(model_registry, model_registry.c.id == _runs.version_id)
    .where(
        _runs.model_name
        == select(_benchmark.c.name)
        .where(_benchmark.c.id == bindparam("benchmark"))
        .scalar_subquery(),
        or_(
            _runs.benchmark_id == bindparam("benchmark"),
            and_(_runs.state == "running", model_registry.c.stage == Stage.STAGING),
        ),
        _runs.version_id.not_in([bindparam("version"), bindparam("benchmark")]),
    )
)


def _run(row: Row[Any]) -> ShadowRun:
    return ShadowRun(
        id=row.id,
        model=row.model_name,
        version_id=row.version_id,
        version=row.version,
        benchmark_id=row.benchmark_id,
        benchmark=row.benchmark,
        state=row.state,
        started_at=row.started_at,
        started_by=row.started_by,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        end_reason=row.end_reason,
    )


def running_trials(
    connection: Connection,
    model: str | None = None,
    *,
    patterns: Sequence[str] | None = None,
) -> list[ShadowRun]:
    """The trials that run now, by model and in the order in which they were started.

    Args:
        patterns: only of models whose names match one of them; ``None`` for all.
    """
    query = _query().where(_runs.state == "running", model_registry.c.stage == Stage.STAGING)
    if model is not None:
        query = query.where(_runs.model_name == model)
    if patterns is not None:
        query = query.where(names_like(_runs.model_name, patterns))
    rows = connection.execute(query.order_by(_runs.model_name, _runs.id))
    return [_run(row) for row in rows]


def running_trial(connection: Connection, version_id: str) -> ShadowRun | None:
    """The trial of a version that runs now."""
    row = connection.execute(_RUNNING, {"version": version_id}).one_or_none()
    return None if row is None else _run(row)


def latest_trial(connection: Connection, version_id: str) -> ShadowRun | None:
    """The last trial of a version, in whatever state."""
    row = connection.execute(
        _query().where(_runs.version_id == version_id).order_by(_runs.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else _run(row)


def start_trial(
    tx: Connection, version: ModelVersion, *, benchmark_id: str | None, by: str, at: datetime
) -> None:
    """Write the row of a trial that begins; one that was left behind is ended first."""
    end_trial(tx, version.id, state="stopped", by=by, at=at, reason="it had left staging")
    tx.execute(
        insert(shadow_runs).values(
            model_name=version.name,
            version_id=version.id,
            benchmark_id=benchmark_id,
            state="running",
            started_at=at,
            started_by=by,
            recorded_at=database_time(tx),
        )
    )


def end_trial(
    tx: Connection, version_id: str, *, state: Ended, by: str, at: datetime, reason: str | None
) -> bool:
    """End the running trial of a version, in the caller's transaction; whether there was one.

    It changes no stage and writes no audit entry: both belong to what ended the trial (``promoted``
    by a decision, ``stopped`` by a person).
    """
    ended = tx.execute(
        _END, {"version": version_id, "to": state, "at": at, "by": by, "why": reason}
    )
    return ended.rowcount > 0


def candidates(connection: Connection, version_id: str, benchmark_id: str) -> int:
    """How many versions were tried against a benchmark, ``version_id`` among them.

    Counted are trials against it, whenever they were, and all trials of its model that run now,
    since each of these can be promoted over it whatever it began against.
    """
    asked = {"version": version_id, "benchmark": benchmark_id}
    return int(connection.execute(_OTHERS, asked).scalar_one()) + 1
