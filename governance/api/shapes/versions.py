"""What is done to a version: stages, metrics, back-tests; and jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from governance.api.shapes.parts import Asked, Moment, Reason, Shown, examples

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@:/+-]{0,127}$")]
Split = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@:/+-]{0,63}$")]


class TransitionAsked(Asked):
    """Along the lifecycle, by hand. Into and out of production leads promotion alone."""

    model_config = ConfigDict(
        json_schema_extra=examples({"stage": "retired", "reason": "superseded by 1.3.0"})
    )

    stage: Literal["draft", "trained", "validated", "staging", "production", "retired", "failed"]
    reason: Reason
    at: Moment | None = None


class MetricsAsked(Asked):
    """All or none; the first value of a metric stays. Null: the figure does not exist."""

    model_config = ConfigDict(
        json_schema_extra=examples({"metrics": {"test": {"auc": 0.71, "brier": 0.19}}})
    )

    metrics: Annotated[
        dict[
            Split,
            Annotated[
                dict[Name, float | None],
                Field(max_length=500, json_schema_extra={"additionalProperties": False}),
            ],
        ],
        Field(
            min_length=1,
            max_length=100,
            description="Split to name to value.",
            json_schema_extra={"additionalProperties": False},
        ),
    ]
    metric_type: Literal["classification", "regression", "trading", "signal", "custom"] | None = (
        Field(default=None, description="Of names that are not known; a known name has its own.")
    )
    at: Moment | None = Field(default=None, description="When they were measured.")


class MetricsRecorded(Shown):
    model_config = ConfigDict(json_schema_extra=examples({"new": 2}))

    new: int = Field(description="How many were not recorded before.")


class MetricShown(Shown):
    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "model_name": "momentum",
                "model_version": "1.2.0",
                "dataset_split": "test",
                "metric_name": "auc",
                "metric_type": "classification",
                "metric_value": 0.71,
                "recorded_by": "ann",
                "recorded_at": "2013-02-01T00:00:00Z",
                "at": "2013-02-01T00:00:00Z",
            }
        )
    )

    model_name: str
    model_version: str
    dataset_split: str
    metric_name: str
    metric_type: str
    metric_value: float
    recorded_by: str
    recorded_at: datetime
    at: datetime


class BacktestAsked(Asked):
    """The walk-forward evaluation again, on the rows of this window. Nothing is recorded."""

    model_config = ConfigDict(
        json_schema_extra=examples({"start": "2013-01-01T00:00:00Z", "end": "2013-02-01T00:00:00Z"})
    )

    start: Moment
    end: Moment


class JobShown(Shown):
    """Work that takes a while. A restart of the server forgets it."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "id": "0123456789abcdef0123456789abcdef",
                "kind": "backtest",
                "model": "momentum",
                "version": "1.2.0",
                "asked_by": "ann",
                "asked_at": "2013-02-01T00:00:00Z",
                "state": "done",
                "finished_at": "2013-02-01T00:00:09Z",
                "result": {"rows": 480, "metrics": {"out_of_sample": {"auc": 0.7}}},
                "problem": None,
            }
        )
    )

    id: str
    kind: Literal["backtest", "drift_scan"]
    model: str
    version: str
    asked_by: str
    asked_at: datetime
    state: Literal["waiting", "running", "done", "failed"]
    finished_at: datetime | None
    result: dict[str, Any] | None
    problem: dict[str, Any] | None = Field(description="Why it failed: status, code, detail.")
