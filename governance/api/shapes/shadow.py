"""Trials beside the champion, their sessions, and how far a challenger is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from governance.api.shapes.decisions import CheckShown
from governance.api.shapes.parts import VERSION, Asked, Moment, Reason, Shown, examples
from governance.values import Stage

_SESSION_ID = r"^[A-Za-z0-9]([A-Za-z0-9_.:@/+-]{0,126}[A-Za-z0-9])?$"


class ShadowStartAsked(Asked):
    model_config = ConfigDict(json_schema_extra=examples({}, {"benchmark": "1.1.0"}))

    benchmark: Annotated[str, StringConstraints(pattern=VERSION, max_length=64)] | None = Field(
        default=None, description="A number or id of the same model; the champion if not given."
    )
    at: Moment | None = Field(default=None, description="When the trial begins.")


class ShadowStopAsked(Asked):
    model_config = ConfigDict(json_schema_extra=examples({"reason": "no better than the champion"}))

    reason: Reason
    at: Moment | None = None


def _whole(value: object) -> object:
    """JSON knows one kind of number: 15.0 is 15."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class StatsAsked(Asked):
    """Figures of one session; at least one."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    trade_count: Annotated[int, Field(ge=0, le=10**9), BeforeValidator(_whole)] | None = None
    turnover_ratio: Annotated[float, Field(ge=0, le=1e9)] | None = None
    sharpe_ratio: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    max_drawdown: Annotated[float, Field(ge=0, le=1)] | None = None
    drift_psi: Annotated[float, Field(ge=0, le=1e6)] | None = None
    avg_latency_ms: Annotated[float, Field(ge=0, le=1e9)] | None = None
    error_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    returns: (
        Annotated[
            list[Annotated[float, Field(ge=-10_000, le=10_000)]],
            Field(min_length=1, max_length=100_000),
        ]
        | None
    ) = Field(default=None, description="Simple returns: 0.01 is one percent.")
    score: Annotated[float, Field(ge=-1e15, le=1e15)] | None = None


class SessionAsked(Asked):
    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "session_id": "2013-02-01",
                "stats": {"trade_count": 15, "sharpe_ratio": 0.8},
                "at": "2013-02-01T21:00:00Z",
            }
        )
    )

    session_id: Annotated[str, StringConstraints(pattern=_SESSION_ID)] = Field(
        description="What the champion's session of the same data is called, too."
    )
    stats: StatsAsked
    at: Moment | None = Field(default=None, description="When the session ended; now by default.")


class SessionShown(Shown):
    model_config = ConfigDict(
        json_schema_extra=examples(
            {"id": "2013-02-01", "at": "2013-02-01T21:00:00Z", "stats": {"trade_count": 15}}
        )
    )

    id: str
    at: datetime
    stats: dict[str, Any]


class TrialShown(Shown):
    """A trial: which version, against which, since when."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": 1,
                "model": "momentum",
                "version_id": "922cc995d975",
                "version": "1.2.0",
                "benchmark_id": None,
                "benchmark": None,
                "state": "running",
                "started_at": "2013-02-01T00:00:00Z",
                "started_by": "ann",
                "ended_at": None,
                "ended_by": None,
                "end_reason": None,
            }
        )
    )

    id: int
    model: str
    version_id: str
    version: str
    benchmark_id: str | None
    benchmark: str | None
    state: str
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None


class ProgressShown(Shown):
    """How far a challenger is."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": "922cc995d975",
                "name": "momentum",
                "version": "1.2.0",
                "stage": "staging",
                "benchmark_id": "51d0c87e4fc9",
                "benchmark": "1.1.0",
                "started_at": "2013-02-01T00:00:00Z",
                "metrics": {"sessions_completed": 3, "days": 2, "total_trades": 12},
                "criteria": [
                    {
                        "gate": "shadow.sessions",
                        "result": "insufficient",
                        "observed": 3.0,
                        "threshold": 5.0,
                        "reason": "3 of 5 sessions",
                        "mode": "enforce",
                    }
                ],
                "comparison": None,
                "sessions_needed": 2,
                "promotion_eligible": False,
            }
        )
    )

    id: str
    name: str
    version: str
    stage: Stage
    benchmark_id: str | None
    benchmark: str | None
    started_at: datetime | None
    metrics: dict[str, float | int | None]
    criteria: list[CheckShown]
    comparison: dict[str, Any] | None
    sessions_needed: int | None
    promotion_eligible: bool
